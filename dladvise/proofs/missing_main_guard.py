"""A worker that is spawned imports the script that it belongs to."""

import subprocess
import sys

RAISES = ("RuntimeError",)

UNGUARDED = """
from torch.utils.data import DataLoader

loader = DataLoader([1, 2], num_workers=1, multiprocessing_context="spawn")
for batch in loader:
    pass
"""

GUARDED = """
from torch.utils.data import DataLoader

loader = DataLoader([1, 2], num_workers=1, multiprocessing_context="spawn")
if __name__ == "__main__":
    for batch in loader:
        pass
"""


def run_script(text):
    with open("script.py", "w") as file:  # in the folder of this run
        file.write(text)
    done = subprocess.run([sys.executable, "script.py"], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        kind, _, words = done.stderr.strip().splitlines()[-1].partition(": ")
        raise {"RuntimeError": RuntimeError}.get(kind, Exception)(words)


def bad():
    run_script(UNGUARDED)


def good():
    run_script(GUARDED)
