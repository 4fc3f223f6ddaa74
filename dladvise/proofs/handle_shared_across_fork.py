"""Forked workers share an open file's position; the pause is one that a slow disk makes."""

import os
import time

from torch.utils.data import DataLoader, Dataset

QUANTITY = "records of 400 that are not those asked for, with 4 forked workers"
GOOD = "fewer"
TIMES = 2.0
SHOWN = "With a file opened in each worker every record is the right one."
PLATFORMS = ("linux",)  # where workers are forked
PATH = "records.bin"  # in the folder of this run


class Records(Dataset):
    def __init__(self):
        self.file = os.open(PATH, os.O_RDONLY)

    def __len__(self):
        return 400

    def __getitem__(self, index):
        os.lseek(self.file, index * 8, os.SEEK_SET)
        time.sleep(0.001)
        return int.from_bytes(os.read(self.file, 8), "little") != index


class OpenedInWorker(Records):
    def __init__(self):
        self.opened_by = None

    def __getitem__(self, index):
        if self.opened_by != os.getpid():
            self.file, self.opened_by = os.open(PATH, os.O_RDONLY), os.getpid()
        return super().__getitem__(index)


def wrong(records):
    loader = DataLoader(records, batch_size=None, num_workers=4, multiprocessing_context="fork")
    return sum(loader)


def write():
    with open(PATH, "wb") as file:
        for index in range(400):
            file.write(index.to_bytes(8, "little"))


def bad():
    write()
    return wrong(Records())


def good():
    write()
    return wrong(OpenedInWorker())
