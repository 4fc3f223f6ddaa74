"""The same kind of training with nothing to object to, on any machine."""

import argparse
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Waves(Dataset):
    """Noisy waves, computed when they are asked for, and how fast each one swings."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        frequency = 1 + index % 4
        time = torch.linspace(0, 2 * math.pi, 64)
        return torch.sin(frequency * time) + 0.1 * torch.randn(64), index % 4


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loader = DataLoader(
        Waves(2_048),
        batch_size=64,
        shuffle=True,
        num_workers=arguments.workers,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=arguments.workers > 0,
    )
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 4)).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
    for epoch in range(arguments.epochs):
        for waves, frequencies in loader:
            waves = waves.to(device, non_blocking=True)
            frequencies = frequencies.to(device, non_blocking=True)
            loss = nn.functional.cross_entropy(model(waves), frequencies)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch}: loss {loss.item():.3f}")


if __name__ == "__main__":
    main()
