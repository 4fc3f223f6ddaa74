"""worker_init_fn is called in workers, and nowhere else."""

from torch.utils.data import DataLoader, Dataset, get_worker_info

QUANTITY = "photos of 8 that were read after worker_init_fn was called"
GOOD = "more"
TIMES = 2.0
SHOWN = "Without workers worker_init_fn is never called."


class Photos(Dataset):
    was_called = False

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return self.was_called


def call(worker_id):
    get_worker_info().dataset.was_called = True


def bad():
    return sum(DataLoader(Photos(), batch_size=None, num_workers=0, worker_init_fn=call))


def good():
    return sum(DataLoader(Photos(), batch_size=None, num_workers=2, worker_init_fn=call))
