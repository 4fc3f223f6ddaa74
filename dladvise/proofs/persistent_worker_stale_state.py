"""Workers that persist have the dataset as it was when they were started."""

from torch.utils.data import DataLoader, Dataset

QUANTITY = "samples of 16 that see a change made between two epochs"
GOOD = "more"
TIMES = 2.0
SHOWN = "Workers that are kept never see the change."


class Scaled(Dataset):
    scale = 0

    def __len__(self):
        return 16

    def __getitem__(self, index):
        return self.scale


def changed(persistent):
    dataset = Scaled()
    loader = DataLoader(dataset, batch_size=None, num_workers=2, persistent_workers=persistent)
    list(loader)
    dataset.scale = 1
    return sum(loader)


def bad():
    return changed(persistent=True)


def good():
    return changed(persistent=False)
