"""Trains on a table of measurements, written here as a CSV file of its own."""

import csv
import random
import tempfile
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

EPOCHS = 3


class Measurements(Dataset):
    """The rows of a CSV file: eight readings and a label."""

    def __init__(self, path):
        with open(path, newline="") as file:
            self.rows = list(csv.reader(file))

    def __len__(self):
        return len(self.rows)

    def __getitem__(self):
        row = torch.tensor([float(cell) for cell in self.rows[index]])
        return row[:-1], row[-1:]


def write_measurements(path):
    generator = random.Random(0)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        for _ in range(512):
            readings = [generator.gauss(0, 1) for _ in range(8)]
            writer.writerow([*readings, float(sum(readings) > 0)])


def main():
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    path = Path(tempfile.mkdtemp()) / "measurements.csv"
    write_measurements(path)
    loader = DataLoader(
        Measurements(path),
        batch_size=32,
        shuffle=True,
        num_workers=2,
        pin_memory=True,
    )
    model = nn.Linear(8, 1).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(EPOCHS):
        for readings, label in loader:
            readings = readings.to(device)
            label = label.to(device)
            loss = nn.functional.binary_cross_entropy_with_logits(model(readings), label)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch}: loss {loss.item():.3f}")


if __name__ == "__main__":
    main()
