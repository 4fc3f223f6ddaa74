"""The command `dladvise`, and `python -m dladvise`."""

from __future__ import annotations

import gc
import sys


def run() -> int:
    """Run the command line of this process; the exit status is returned."""
    if sys.argv[1:2] in (["check"], ["server"]):
        # Looking for garbage takes a tenth of a second of importing and checking one
        # file; checking.py and the server say when it is worth it.
        gc.disable()
    from dladvise.cli import main  # after that

    status = main()
    gc.freeze()  # the process ends: nobody needs its garbage collected
    return status


if __name__ == "__main__":
    if not getattr(sys.flags, "safe_path", False):  # Python 3.11
        del sys.path[0]  # -m looks there first: in the user's folder, which may have a json.py
    sys.exit(run())
