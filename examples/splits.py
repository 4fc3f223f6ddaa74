"""Augments the training half of a data set, and by mistake the validation half too."""

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, random_split


class Digits(Dataset):
    """Random images, changed by a transform on the way out."""

    def __init__(self, transform=None):
        self.transform = transform
        self.rng = np.random.default_rng(0)

    def __len__(self):
        return 64

    def __getitem__(self, index):
        image = torch.from_numpy(self.rng.random((8, 8), dtype=np.float32))
        if self.transform is not None:
            image = self.transform(image)
        return image, index % 10


def flipped(image):
    return image.flip(-1)


def main():
    training, validation = random_split(Digits(), [48, 16])
    training.dataset.transform = flipped
    training_loader = DataLoader(training, batch_size=8, shuffle=True, num_workers=2)
    validation_loader = DataLoader(validation, batch_size=8)
    for epoch in range(2):
        first = next(iter(training_loader))[0]
        print(f"epoch {epoch}: the first training batch sums to {first.sum():.3f}")
    print(f"the validation set is flipped too: {validation.dataset.transform is flipped}")
    print(f"{len(validation_loader)} validation batches")


if __name__ == "__main__":
    main()
