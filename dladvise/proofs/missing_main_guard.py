"""A process that is spawned, as a worker is, imports the script that it belongs to."""

import subprocess
import sys

RAISES = ("RuntimeError",)

UNGUARDED = """
import multiprocessing

worker = multiprocessing.get_context("spawn").Process(target=print)
worker.start()
worker.join()
"""

GUARDED = """
import multiprocessing

if __name__ == "__main__":
    worker = multiprocessing.get_context("spawn").Process(target=print)
    worker.start()
    worker.join()
"""


def run_script(text):
    with open("script.py", "w") as file:  # in the folder of this run
        file.write(text)
    done = subprocess.run([sys.executable, "script.py"], stderr=subprocess.PIPE, text=True)
    _, error, words = done.stderr.partition("RuntimeError:")
    if error:
        raise RuntimeError(" ".join(words.split("\n\n")[0].split()))
    assert not done.stderr, done.stderr


def bad():
    run_script(UNGUARDED)


def good():
    run_script(GUARDED)
