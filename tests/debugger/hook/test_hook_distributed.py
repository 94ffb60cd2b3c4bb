"""Two processes under DistributedDataParallel: who writes, and which gradients."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.debugger.hook.small import read


def _trained(tmp_path: Path) -> tuple[Any, list[float]]:
    """smdebug's trial of what two processes saved, and the norms of the gradients applied."""
    rendezvous = tmp_path / "meet"
    module = "tests.debugger.hook.two_processes"
    command = [sys.executable, "-m", module, str(tmp_path / "out")]
    processes = [
        subprocess.Popen(
            [*command, str(rank), "2", str(rendezvous)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    for process in processes:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
    norms = json.loads((tmp_path / "meet0").read_text())
    assert norms == json.loads((tmp_path / "meet1").read_text())
    return read(tmp_path / "out"), norms


def test_all_workers_write_the_averaged_gradients(tmp_path: Path) -> None:
    trial, norms = _trained(tmp_path)

    assert sorted(trial.workers()) == ["worker_0", "worker_1"]
    assert trial.steps() == [0, 1, 2]
    gradient = trial.tensor("gradient/Net_head.weight")
    for worker in trial.workers():
        found = [gradient.reduction_value(step, "l2", worker=worker) for step in range(3)]
        assert found == pytest.approx(norms, rel=1e-5)
    loss = trial.tensor("CrossEntropyLoss_output_0")
    assert loss.value(0, worker="worker_0") != loss.value(0, worker="worker_1")
