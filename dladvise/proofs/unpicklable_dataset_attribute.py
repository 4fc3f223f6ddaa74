"""Workers that are spawned get the dataset by pickle, with all that it keeps."""

import threading

from torch.utils.data import DataLoader, Dataset

RAISES = ("TypeError",)


class Photos(Dataset):
    def __init__(self):
        self.lock = threading.Lock()

    def __len__(self):
        return 2

    def __getitem__(self, index):
        with self.lock:
            return index


class WithoutLock(Photos):
    def __getstate__(self):
        return {}

    def __setstate__(self, state):
        self.lock = threading.Lock()


def bad():
    return len(list(DataLoader(Photos(), num_workers=1, multiprocessing_context="spawn")))


def good():
    return len(list(DataLoader(WithoutLock(), num_workers=1, multiprocessing_context="spawn")))
