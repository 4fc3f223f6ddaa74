"""The `for` statement raises what goes wrong while loading, not the loop's body."""

from torch.utils.data import DataLoader, Dataset

RAISES = ("OSError",)


class Photos(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        if index == 2:
            raise OSError("photo 2 is broken")
        return index


def bad():
    n_loaded = 0
    for _ in DataLoader(Photos()):
        try:
            n_loaded += 1
        except OSError:
            continue
    return n_loaded


def good():
    n_loaded = 0
    batches = iter(DataLoader(Photos()))
    while True:
        try:
            next(batches)
            n_loaded += 1
        except StopIteration:
            break
        except OSError:
            continue
    return n_loaded
