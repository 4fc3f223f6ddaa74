"""A process that is spawned, as a worker is, imports the script that it belongs to."""

import subprocess
import sys

RAISES = ("RuntimeError",)

AT_IMPORT = """
import multiprocessing

multiprocessing.set_start_method("spawn")
"""

UNDER_GUARD = """
import multiprocessing

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
"""

START_WORKER = """
if __name__ == "__main__":
    worker = multiprocessing.Process(target=print)
    worker.start()
    worker.join()
"""


def run_script(text):
    with open("script.py", "w") as file:  # in the folder of this run
        file.write(text)
    done = subprocess.run([sys.executable, "script.py"], stderr=subprocess.PIPE, text=True)
    kind, _, words = (done.stderr.strip().splitlines() or [""])[-1].partition(": ")
    if kind == "RuntimeError":
        raise RuntimeError(words)
    assert not kind, done.stderr


def bad():
    run_script(AT_IMPORT + START_WORKER)


def good():
    run_script(UNDER_GUARD + START_WORKER)
