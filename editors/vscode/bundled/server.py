"""Runs the dladvise that lies beside this file, and nothing of the interpreter's own packages.

    python -I -S server.py            the language server
    python -I -S server.py --check    exit status 0 and the version, where this Python can run it

Written for any Python: an old one shall say that it is too old.
"""

import os
import sys

OLDEST = (3, 10)
HERE = os.path.dirname(os.path.abspath(__file__))
LIBS = os.path.join(HERE, "libs")


def unfit():
    """Why this Python cannot run the server; None where it can."""
    version = "Python " + ".".join(map(str, sys.version_info[:2]))
    if sys.version_info < OLDEST:
        return version + " is too old"
    from importlib.machinery import EXTENSION_SUFFIXES

    native = [os.path.join(LIBS, "libcst", "native" + suffix) for suffix in EXTENSION_SUFFIXES]
    if not any(map(os.path.exists, native)):
        return version + " has no part of libcst in this extension"
    return None


def main():
    reason = unfit()
    if reason is not None:
        sys.exit(reason)
    if sys.argv[1:] == ["--check"]:
        print(".".join(map(str, sys.version_info[:3])))
        return 0
    sys.path.insert(0, LIBS)
    from dladvise.__main__ import run

    sys.argv[1:] = ["server"]
    return run()


if __name__ == "__main__":
    sys.exit(main())
