"""Parts made by random_split share one dataset: what is set for one holds for all."""

from torch.utils.data import Dataset, random_split

QUANTITY = "training samples of 8 that are still augmented"
GOOD = "more"
TIMES = 2.0
SHOWN = "With a dataset of its own the validation set leaves the training set alone."


class Photos(Dataset):
    def __init__(self, augmented=True):
        self.augmented = augmented

    def __len__(self):
        return 16

    def __getitem__(self, index):
        return self.augmented


def bad():
    train, validation = random_split(Photos(), [8, 8])
    validation.dataset.augmented = False
    return sum(train)


def good():
    train, validation = random_split(Photos(), [8, 8])
    validation.dataset = Photos(augmented=False)
    return sum(train)
