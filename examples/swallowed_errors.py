"""Trains on images of which one cannot be read, and tries to carry on without it."""

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Images(Dataset):
    """Forty images; the file of number 23 is damaged."""

    def __len__(self):
        return 40

    def __getitem__(self, index):
        if index == 23:
            raise OSError(f"image {index} is truncated")
        return torch.randn(3, 16, 16), index % 2


def main():
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loader = DataLoader(Images(), batch_size=4, num_workers=2)
    try:
        for number, (images, labels) in enumerate(loader):
            try:
                loss = nn.functional.cross_entropy(model(images), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            except Exception as problem:
                print(f"skipping batch {number}, which could not be loaded: {problem}")
                continue
    except RuntimeError as problem:
        print(f"a worker failed while loading data: {problem}")
    print("trained")


if __name__ == "__main__":
    main()
