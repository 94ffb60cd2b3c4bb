import copy
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from imageclf.artifact import NetworkSpec
from imageclf.model import architecture
from imageclf.model.layers import Freezer
from imageclf.profiler.collect import probe
from imageclf.profiler.collect.counting import operators_of_a_step
from imageclf.profiler.collect.passes import numbers_of_pictures
from imageclf.profiler.collect.peaks import cache_bytes

CPU = torch.device("cpu")


def small() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(8 * 16 * 16, 4),
    )


def measure(network: nn.Module, precision: str = "fp32") -> dict[str, object]:
    return probe.measure(
        network,
        device=CPU,
        precision=precision,
        batch_size=4,
        image_size=16,
        channels_last=True,
    )


@pytest.fixture(scope="module")
def measured() -> dict[str, object]:
    return measure(small().train())


def operations(network: nn.Module, batch: int = 2, size: int = 16) -> tuple[int, int]:
    """Of the forward pass, and of all."""
    counted = operators_of_a_step(network, precision="fp32", batch_size=batch, image_size=size)
    return sum(one.flop for one in counted if one.forward), sum(one.flop for one in counted)


def test_what_a_machine_can_do_is_written_as_json_without_a_fault(
    measured: dict[str, object],
) -> None:
    assert measured["faults"] == []
    assert json.loads(json.dumps(measured)) == measured
    for name in ("bandwidth_gb_s", "operator_us", "view_ms"):
        figure = measured[name]
        assert isinstance(figure, float)
        assert figure > 0


def test_peaks_are_measured_in_the_arithmetic_in_use_and_in_bf16(
    measured: dict[str, object],
) -> None:
    for name in ("peak_gflops", "matmul_gflops", "layer_gflops"):
        rates = measured[name]
        assert isinstance(rates, dict)
        assert set(rates) == {"fp32", "bf16"}
        assert all(rate > 0 for rate in rates.values())


def test_the_network_is_left_as_it_was_and_nothing_random_is_drawn() -> None:
    network = small()
    network[1].eval()
    seen: list[str] = []
    network[0].register_forward_hook(lambda *_: seen.append("called"))
    before = copy.deepcopy(network.state_dict())
    modes = [module.training for module in network.modules()]
    threads, random_state = torch.get_num_threads(), torch.get_rng_state()

    measure(network)

    assert torch.equal(torch.get_rng_state(), random_state)
    assert torch.get_num_threads() == threads
    assert [module.training for module in network.modules()] == modes
    assert all(weight.grad is None for weight in network.parameters())
    assert all(torch.equal(now, before[name]) for name, now in network.state_dict().items())
    assert not seen


def test_operations_are_those_that_can_be_worked_out_by_hand() -> None:
    convolution = 2 * (3 * 3 * 3) * 8 * 16 * 16
    dense = 2 * (8 * 16 * 16) * 4

    forward, both = operations(small(), batch=2)

    assert forward == 2 * (convolution + dense)
    # Nobody asks for a gradient with respect to the pictures.
    assert both == forward + 2 * (convolution + 2 * dense)


def test_channels_in_groups_take_their_share_of_operations_on_the_way_back_too() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 1, bias=False),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.Flatten(),
        nn.Linear(8 * 16 * 16, 4),
    )
    forward, both = operations(network)

    assert forward < both <= 3 * forward


def test_a_frozen_backbone_has_no_way_back() -> None:
    network = architecture.build(NetworkSpec(architecture="resnet18", classes=4, image_size=64))
    whole = operations(network, size=64)
    Freezer(network, "resnet18", "head", 1).apply(1)
    head = operations(network, size=64)

    assert head[0] == whole[0]
    assert head[1] < 1.01 * head[0]
    assert whole[1] > 2.5 * whole[0]


@pytest.mark.parametrize("name", ["googlenet", "vit_b_16", "mobilenet_v3_small"])
def test_operations_of_other_kinds_of_networks_are_counted(name: str) -> None:
    size = architecture.default_image_size(name)
    network = architecture.outline(name, 4, size, auxiliary=True)

    forward, both = operations(network, size=size)

    assert 2 * forward < both <= 3 * forward


def test_operators_whose_bytes_fit_into_the_cache_do_not_count_as_traffic() -> None:
    counted = operators_of_a_step(small(), precision="fp32", batch_size=4, image_size=16)
    measured = {"precision": "fp32", "peak_gflops": {"fp32": 1e3}, "bandwidth_gb_s": 1.0}

    near = probe.asked_of(small(), counted, {**measured, "cache_bytes": 1 << 40})
    far = probe.asked_of(small(), counted, {**measured, "cache_bytes": 0})

    assert near["memory_bytes"] == 0
    assert near["bytes"] < far["bytes"] == far["all_bytes"] == near["all_bytes"]
    assert 0 < far["memory_bytes"] <= far["bytes"]


def test_passes_of_the_network_are_timed_with_few_pictures_and_with_more(
    measured: dict[str, object],
) -> None:
    passes = measured["passes_ms"]

    assert isinstance(passes, dict)
    assert set(passes["fp32"]) == {"2", "4"}
    assert set(passes["bf16"]) == {"4"}
    assert all(took > 0 for times in passes.values() for took in times.values())


@pytest.mark.parametrize(
    ("batch_size", "numbers"), [(1, []), (2, [2]), (16, [2, 16]), (1000, [2, 100])]
)
def test_no_more_pictures_are_timed_than_the_batch_has_or_time_allows(
    batch_size: int, numbers: list[int]
) -> None:
    assert numbers_of_pictures(batch_size, flop_a_picture=1e9, enough_flop=1e11) == numbers


def test_a_network_that_is_too_large_to_be_tried_is_not() -> None:
    assert numbers_of_pictures(16, flop_a_picture=1e11, enough_flop=1e11) == [2]
    assert numbers_of_pictures(16, flop_a_picture=3e11, enough_flop=1e11) == []


def test_a_network_that_cannot_be_counted_leaves_a_sentence_and_the_other_figures() -> None:
    class Odd(nn.Module):
        def forward(self, images_bchw: torch.Tensor) -> torch.Tensor:
            return images_bchw.flatten(1)[:, : int(images_bchw.sum().item())]

    found = measure(Odd())

    faults = found["faults"]
    assert isinstance(faults, list)
    assert "operations of a step were not counted" in faults[0]
    assert "step" not in found
    assert found["bandwidth_gb_s"]


def test_the_cache_is_the_last_one_before_memory(tmp_path: Path) -> None:
    for number, size in enumerate(("32K", "1024K", "32M", "junk")):
        folder = tmp_path / f"index{number}"
        folder.mkdir()
        (folder / "size").write_text(f"{size}\n")

    assert cache_bytes(CPU, tmp_path) == 32 << 20
    assert cache_bytes(CPU, tmp_path / "none") == 0
