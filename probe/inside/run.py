"""Started by path in the user's interpreter: runs the user's script up to its loader.

Standard library and torch only, Python 3.9 syntax; dladvise need not be installed there.
"""

import os
import sys

PACKAGE = "_dladvise_inside"  # a private name: it hides nothing of the user's


def main() -> None:
    before = frozenset(sys.modules)
    folder = os.path.dirname(os.path.abspath(__file__))
    ours = os.path.realpath(folder)  # what Python puts first when it starts a script by path
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or ".") != ours]

    import importlib.util

    spec = importlib.util.spec_from_file_location(
        PACKAGE, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules[PACKAGE] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    agent = importlib.import_module(f"{PACKAGE}.agent")
    agent.run(before)


if __name__ == "__main__":
    main()
