"""What a worker cannot pickle is never sent, and the main process waits for it."""

from torch.utils.data import DataLoader

RAISES = ("RuntimeError",)


def generator(samples):
    return (sample + 1 for sample in samples)


def whole_list(samples):
    return [sample + 1 for sample in samples]


def load(collate):
    # without the timeout this would wait for ever
    for _ in DataLoader(range(8), num_workers=1, collate_fn=collate, timeout=2):
        pass


def bad():
    load(generator)


def good():
    load(whole_list)
