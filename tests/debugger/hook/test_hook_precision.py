"""Gradients under mixed precision and a scaler are those that the optimiser applies."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.debugger.hook.small import STATISTICS, Net, batch, made, read, train

_GRADIENTS = {"gradients": STATISTICS["gradients"] | {"raw", "std", "variance", "min"}}


@pytest.mark.parametrize("unscaled_before", [True, False])
def test_the_scale_of_a_scaler_is_taken_out(tmp_path: Path, unscaled_before: bool) -> None:
    network, hook = Net(), made(tmp_path, statistics=_GRADIENTS)
    hook.register_module(network)
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**12)
    images_bchw, labels_b = batch()

    scaler.scale(nn.functional.cross_entropy(network(images_bchw), labels_b)).backward()
    if unscaled_before:
        scaler.unscale_(optimizer)
    hook.gradients_ready(scaler)
    if not unscaled_before:
        scaler.unscale_(optimizer)
    expected = network.head.weight.grad
    assert expected is not None
    hook.close()

    gradient = read(tmp_path).tensor("gradient/Net_head.weight")
    np.testing.assert_allclose(gradient.value(0), expected, rtol=1e-6)
    assert gradient.reduction_value(0, "l2") == pytest.approx(float(expected.norm()), rel=1e-5)
    assert gradient.reduction_value(0, "variance") == pytest.approx(np.var(expected.numpy()))
    assert gradient.reduction_value(0, "min") == expected.min()


def test_a_step_that_the_scaler_skips_saves_no_gradients(tmp_path: Path) -> None:
    network, hook = Net(), made(tmp_path, statistics=_GRADIENTS)
    hook.register_module(network)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    for _ in range(2):
        network.zero_grad()
        images_bchw, labels_b = batch()
        loss = nn.functional.cross_entropy(network(images_bchw), labels_b)
        hook.record("CrossEntropyLoss_output_0", loss, "losses")
        scaler.scale(loss * 100).backward()
        hook.gradients_ready(scaler)
        scaler.update(1.0)
    hook.close()

    trial = read(tmp_path)
    assert trial.tensor("CrossEntropyLoss_output_0").steps() == [0, 1]
    assert trial.tensor("gradient/Net_head.weight").steps() == [1]


def test_activations_in_bf16_are_saved(tmp_path: Path) -> None:
    wanted = {"relu_output": frozenset({"raw", "max", "activity", "l2", "nans"})}
    network, hook = Net(), made(tmp_path, statistics=wanted)
    hook.register_module(network)

    with torch.autocast("cpu", torch.bfloat16):
        list(train(network, hook, 1))
    hook.close()

    relu = read(tmp_path).tensor("relu_output_0")
    assert relu.value(0).dtype == np.float32
    assert relu.reduction_value(0, "max") == relu.value(0)[:4].max()
    assert relu.reduction_value(0, "nans") == 0


def test_gradients_that_are_no_numbers_are_counted(tmp_path: Path) -> None:
    network, hook = Net(), made(tmp_path, statistics=_GRADIENTS)
    hook.register_module(network)
    images_bchw, _ = batch()
    network(images_bchw).sum().backward()
    gradient = network.head.weight.grad
    assert gradient is not None
    gradient.view(-1)[:3] = torch.tensor([float("nan"), float("inf"), float("nan")])

    hook.gradients_ready()
    hook.close()

    saved = read(tmp_path).tensor("gradient/Net_head.weight")
    assert [saved.reduction_value(0, name) for name in ("nans", "infs")] == [2, 1]
