"""Make the checkout importable as installed: dladvise/<room> points at <room>/.

The wheel puts the rooms inside the package (see package-dir in pyproject.toml);
in a checkout they stand beside it, so tools that only read folders (mypy,
pyright, a bare pytest) need these links. Git ignores them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("advisor", "server", "probe")


def link(root: Path = ROOT) -> None:
    """Make each missing link; several processes may do so at once."""
    for room in ROOMS:
        place = root / "dladvise" / room
        if os.path.lexists(place) or not (root / room).is_dir():
            continue
        try:
            _link(place, root / room)
        except FileExistsError:  # another process was faster
            continue


def _link(place: Path, folder: Path) -> None:
    if sys.platform == "win32":
        import _winapi  # Windows only; a junction needs no rights, a symbolic link does

        _winapi.CreateJunction(str(folder), str(place))
    else:
        place.symlink_to(Path("..") / folder.name, target_is_directory=True)


if __name__ == "__main__":
    link()
