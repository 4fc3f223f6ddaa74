"""Measures what a loader does on this machine."""

from .inside.machine import Cores, Machine, machine, usable_cores

__all__ = ["Cores", "Machine", "machine", "usable_cores"]
