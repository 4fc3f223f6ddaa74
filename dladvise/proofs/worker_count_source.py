"""os.cpu_count() counts the machine's cores; here this program allows itself one of them."""

import os

from torch.utils.data import DataLoader

QUANTITY = "workers of a loader in a process that may use one core"
GOOD = "fewer"
TIMES = 2.0
SHOWN = "os.cpu_count() gives {times} times as many workers as this process may use cores."
NEEDS = ("two cores",)
PLATFORMS = ("linux",)  # where a process can be held to one core


def on_one_core(count):
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        return DataLoader(range(8), num_workers=count()).num_workers
    finally:
        os.sched_setaffinity(0, cores)


def bad():
    return on_one_core(lambda: os.cpu_count())


def good():
    return on_one_core(lambda: len(os.sched_getaffinity(0)))
