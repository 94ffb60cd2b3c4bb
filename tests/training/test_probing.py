"""Measuring before the first step leaves the network as it was, and faults are only told."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from imageclf import config
from imageclf.artifact import NetworkSpec
from imageclf.data.dataset import DataSet
from imageclf.model import architecture
from imageclf.profiler import names
from imageclf.profiler.collect import probe
from imageclf.training import hardware, probing
from imageclf.training.account import Plan
from imageclf.training.processes import World


@pytest.fixture
def plan() -> Plan:
    settings = config.parse(
        {
            "architecture": "resnet18", "train": "head", "image-size": "32", "batch-size": "2",
            "precision": "fp32", "channels-last": "false", "device": "cpu",
        }
    )  # fmt: skip
    spec = NetworkSpec(architecture="resnet18", classes=2, image_size=32)
    data = DataSet((), (), (), (), (), "", 1.0, "")
    return Plan(settings, settings, data, spec, hardware.choose(settings), 1, "")


def test_what_is_frozen_in_the_epoch_is_frozen_while_measuring_and_only_then(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = architecture.build(plan.network)
    learning: list[int] = []

    def note(measured: torch.nn.Module, **_: Any) -> dict[str, Any]:
        learning.append(sum(weight.requires_grad for weight in measured.parameters()))
        return {"step": {}}

    monkeypatch.setattr(probe, "measure", note)
    assert probing.measure(tmp_path, plan, network, World(), epoch=1) == ""
    assert learning == [2]
    assert all(weight.requires_grad for weight in network.parameters())
    assert json.loads((tmp_path / names.MACHINE).read_text()) == {"step": {}}


def test_a_machine_that_cannot_be_measured_is_told_and_no_more(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no such operator")

    monkeypatch.setattr(probe, "measure", fail)
    network = architecture.build(plan.network)
    said = probing.measure(tmp_path, plan, network, World(), epoch=1)
    assert said == "What the machine can do was not measured: no such operator."
    assert "the machine was not measured: no such operator" in caplog.text
    assert all(weight.requires_grad for weight in network.parameters())
