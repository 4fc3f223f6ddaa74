"""Loaders that a framework iterates, or a launcher starts several times."""

from __future__ import annotations

import ast
import shutil
import subprocess
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from dladvise.probe import NotEnough, measure

from .probing import WAITING, left_behind, measured, request

INSIDE = Path(__file__).parent.parent / "probe" / "inside"

LIGHTNING = """
import lightning

class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def training_step(self, batch, index):
        return self.layer(batch).mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.01)

    def train_dataloader(self):
        return DataLoader(Waiting(), batch_size=8, shuffle=True)  # here

if __name__ == "__main__":
    quiet = dict(logger=False, enable_checkpointing=False, enable_progress_bar=False)
    lightning.Trainer(max_epochs=9, accelerator="cpu", devices=1, **quiet).fit(Model())
"""
ACCELERATE = """
import accelerate

if __name__ == "__main__":
    accelerator = accelerate.Accelerator(cpu=True)
    loader = DataLoader(Waiting(), batch_size=8, shuffle=True)  # here
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    for epoch in range(9):
        for batch in loader:
            model(batch).mean().backward()
            optimizer.step()
"""
TRANSFORMERS = """
from transformers import Trainer, TrainingArguments

class Named(Waiting):
    def __getitem__(self, index):
        return {"x": super().__getitem__(index), "labels": torch.zeros(1)}

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, x, labels):
        found = self.layer(x)
        return {"loss": ((found - labels) ** 2).mean(), "logits": found}

if __name__ == "__main__":
    given = dict(report_to=[], use_cpu=True, save_strategy="no", disable_tqdm=True)
    arguments = TrainingArguments("out", per_device_train_batch_size=8, **given)
    Trainer(Model(), arguments, train_dataset=Named()).train()  # here
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("framework", "script"),
    [("lightning", LIGHTNING), ("accelerate", ACCELERATE), ("transformers", TRANSFORMERS)],
)
def test_frameworks(tmp_path: Path, framework: str, script: str) -> None:
    if find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    (tmp_path / "train.py").write_text(WAITING + script)
    text = (tmp_path / "train.py").read_text().splitlines()
    line = next(number for number, words in enumerate(text, 1) if "# here" in words)
    answer = measured(f"train.py:{line}", tmp_path, seconds=8)
    assert answer.consumer is not None, answer.reason  # the framework's loop was observed
    assert answer.recommended.num_workers >= 2  # each batch waits for 16 ms
    rows = answer.curve[0]
    assert rows.samples_per_s == pytest.approx(8 * rows.batches_per_s.value, rel=0.01)


@pytest.mark.slow
def test_two_ranks_measure_together(tmp_path: Path) -> None:
    script = """
import torch.distributed as distributed
from torch.utils.data import DistributedSampler

if __name__ == "__main__":
    distributed.init_process_group("gloo")
    assert distributed.get_world_size() == 2
    data = Waiting()
    loader = DataLoader(data, batch_size=8, sampler=DistributedSampler(data))
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(3, 1))
    for epoch in range(100):
        for batch in loader:
            model(batch).mean().backward()
"""
    (tmp_path / "train.py").write_text(WAITING + script)
    answer = measured("train.py", tmp_path, ranks=2, seconds=8)
    assert answer.consumer is not None
    assert answer.machine.cores_from.endswith("LOCAL_WORLD_SIZE=2")
    assert answer.recommended.num_workers >= 2
    assert left_behind(tmp_path) == []


def test_the_part_inside_is_python_3_9() -> None:
    for path in INSIDE.glob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


@pytest.mark.skipif(shutil.which("python3.9") is None, reason="no Python 3.9 here")
def test_a_script_runs_in_python_3_9(tmp_path: Path) -> None:
    python = shutil.which("python3.9")
    assert python is not None
    if subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode:
        pytest.skip("python3.9 does not start")
    (tmp_path / "train.py").write_text("import sys\nassert sys.version_info[:2] == (3, 9)\n")
    with pytest.raises(NotEnough, match="ended without constructing a DataLoader"):
        measure(replace(request("train.py", tmp_path), interpreter=python))
