"""The facts of a machine: cores under affinity, quotas and ranks; memory; devices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dladvise.probe import machine, usable_cores
from dladvise.probe.inside.machine import cpu_quota, has_gpu, memory_bytes

MACHINE = Path(__file__).parent.parent / "probe" / "inside" / "machine.py"
V2 = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
V1_CPU = "33 25 0:28 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
V1_MEMORY = "34 25 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"


def a_root(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        (
            {
                "proc/self/cgroup": "0::/\n",
                "proc/self/mountinfo": V2,
                "sys/fs/cgroup/cpu.max": "150000 100000\n",
            },
            1.5,
        ),
        (
            {
                "proc/self/cgroup": "0::/\n",
                "proc/self/mountinfo": V2,
                "sys/fs/cgroup/cpu.max": "max 100000\n",
            },
            None,
        ),
        (
            {  # the strictest group on the way up counts
                "proc/self/cgroup": "0::/user.slice/job\n",
                "proc/self/mountinfo": V2,
                "sys/fs/cgroup/user.slice/job/cpu.max": "800000 100000\n",
                "sys/fs/cgroup/user.slice/cpu.max": "400000 100000\n",
            },
            4.0,
        ),
        (
            {  # version 1 in a container: its own group is the mount's root
                "proc/self/cgroup": "4:cpu,cpuacct:/docker/abc\n2:memory:/docker/abc\n",
                "proc/self/mountinfo": V1_CPU.format(root="/docker/abc"),
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            2.5,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/\n",
                "proc/self/mountinfo": V1_CPU.format(root="/"),
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
        ({"proc/self/cgroup": "nonsense\n", "proc/self/mountinfo": "nonsense\n"}, None),
    ],
)
def test_quota_of_the_control_groups(
    tmp_path: Path, files: dict[str, str], quota: float | None
) -> None:
    assert cpu_quota(a_root(tmp_path, files)) == quota


def test_a_quota_below_the_affinity_counts_and_says_so(tmp_path: Path) -> None:
    root = a_root(
        tmp_path,
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/cpu.max": "50000 100000\n",
        },
    )
    cores = usable_cores(root, {})
    assert (cores.usable, cores.source) == (1, "cgroup quota")
    assert "0.5" in cores.why


def test_ranks_share_the_cores(tmp_path: Path) -> None:
    alone = usable_cores(tmp_path, {})
    shared = usable_cores(tmp_path, {"LOCAL_WORLD_SIZE": "2"})
    assert shared.usable == max(1, alone.usable // 2)
    assert shared.source.endswith("LOCAL_WORLD_SIZE=2")
    assert usable_cores(tmp_path, {"LOCAL_WORLD_SIZE": "many"}) == alone
    assert usable_cores(tmp_path, {"LOCAL_WORLD_SIZE": "100000"}).usable == 1


@pytest.mark.skipif(sys.platform != "linux", reason="affinity is Linux's")
def test_affinity_counts() -> None:
    core = min(os.sched_getaffinity(0))
    program = (
        f"import os; os.sched_setaffinity(0, {{{core}}}); import runpy;"
        f"print(runpy.run_path({str(MACHINE)!r})['usable_cores']().usable)"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "1"


def test_a_memory_limit_counts(tmp_path: Path) -> None:
    v2 = {
        "proc/self/cgroup": "0::/\n",
        "proc/self/mountinfo": V2,
        "sys/fs/cgroup/memory.max": "67108864\n",
    }
    v1 = {
        "proc/self/cgroup": "2:memory:/\n",
        "proc/self/mountinfo": V1_MEMORY,
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    physical = memory_bytes(tmp_path / "nothing")
    assert physical is not None and physical > 67108864
    assert memory_bytes(a_root(tmp_path / "v2", v2)) == 67108864
    assert memory_bytes(a_root(tmp_path / "v1", v1)) == physical


@pytest.mark.skipif(sys.platform != "linux", reason="reads /dev")
def test_a_gpu_is_seen_by_its_device(tmp_path: Path) -> None:
    assert not has_gpu(a_root(tmp_path / "none", {"dev/nvidiactl": ""}), {})
    with_one = a_root(tmp_path / "one", {"dev/nvidia0": "", "dev/nvidiactl": ""})
    assert has_gpu(with_one, {})
    assert not has_gpu(with_one, {"CUDA_VISIBLE_DEVICES": ""})


def test_asking_imports_no_torch_and_fixes_no_start_method() -> None:
    program = (
        f"import runpy, sys, json; facts = runpy.run_path({str(MACHINE)!r})['machine']();"
        "import multiprocessing;"
        "assert 'torch' not in sys.modules;"
        "assert multiprocessing.get_start_method(allow_none=True) is None;"
        "print(json.dumps(facts._asdict()))"
    )
    facts = json.loads(subprocess.check_output([sys.executable, "-c", program], text=True))
    assert facts == machine()._asdict()
