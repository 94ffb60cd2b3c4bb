"""What is computed on the device is what is computed from the values afterwards."""

import numpy as np
import pytest
import torch
from torch import Tensor

from imageclf.debugger import statistics
from imageclf.debugger.hook.derived import OFFERED, UNBIASED
from imageclf.debugger.hook.device_statistics import DeviceStatistics
from imageclf.debugger.hook.foreign import SmdebugHook
from imageclf.debugger.hook.passes import SAMPLE_VALUES
from imageclf.debugger.statistics import Values

_NAN, _INF = float("nan"), float("inf")


def _draw(*shape: int, kind: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(kind)


def _computed(tensor: Tensor, *, together: bool) -> dict[str, Values]:
    device = DeviceStatistics()
    if together:
        device.add_all([("t", tensor, OFFERED)])
    else:
        device.add("t", tensor, OFFERED)
    return device.collect()["t"]


def _expected(name: str, tensor: Tensor) -> Values:
    half = tensor.dtype in {torch.bfloat16, torch.float16}
    values = tensor.float().numpy() if half else tensor.numpy()
    expected = statistics.of_values(name, values)
    assert expected is not None
    return expected


def _assert_equal(tensor: Tensor, *, together: bool) -> None:
    found = _computed(tensor, together=together)
    assert found.keys() == OFFERED
    for name, value in found.items():
        if name == statistics.COUNT and not tensor.ndim:
            continue
        expected = _expected(name, tensor)
        assert value.shape == expected.shape, name
        np.testing.assert_allclose(value, expected, rtol=2e-5, atol=1e-6, err_msg=name)


_TENSORS = {
    "a weight": _draw(8, 4, 3, 3),
    "as many values as a sample holds": _draw(SAMPLE_VALUES) * 3,
    "a vector": _draw(7),
    "one number": torch.tensor(-2.5),
    "one value": _draw(1),
    "none": torch.empty(0),
    "none in a row of many": torch.empty(3, 0, 2),
    "every second": _draw(6, 10)[:, ::2],
    "transposed": _draw(6, 10).T,
    "channels last": _draw(4, 8, 5, 6).to(memory_format=torch.channels_last),
    "some pictures, channels last": _draw(9, 8, 5, 6).to(memory_format=torch.channels_last)[2:6],
    "bf16": _draw(4, 8, 5, kind=torch.bfloat16),
    "fp16": _draw(40, kind=torch.float16),
    "fp64": _draw(40, kind=torch.float64),
    "whole numbers": torch.arange(-5, 9).reshape(2, 7),
    "bytes": torch.arange(0, 200, dtype=torch.uint8),
    "yes and no": torch.tensor([True, False, True]),
    "zeros": torch.zeros(3, 4),
    "NaN": torch.tensor([[1.0, _NAN, -3.0], [0.0, 2.0, _NAN]]),
    "infinities": torch.tensor([[1.0, _INF, -3.0], [-_INF, 2.0, 0.0]]),
    "both": torch.tensor([_NAN, _INF, 1.0]),
}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("tensor", _TENSORS.values(), ids=_TENSORS.keys())
@pytest.mark.filterwarnings("ignore:Degrees of freedom")
def test_every_statistic_equals_that_of_the_values(tensor: Tensor, together: bool) -> None:
    _assert_equal(tensor, together=together)


def test_the_spread_of_values_far_from_zero_is_not_lost_in_rounding() -> None:
    tensor = _draw(100_000, kind=torch.float64).mul(1e-3).add(1000).float()

    found = _computed(tensor, together=True)

    assert found["std"] == pytest.approx(float(np.std(tensor.numpy(), dtype=np.float64)), rel=1e-4)


def test_half_precision_is_added_up_without_overflow_or_standstill() -> None:
    many = torch.full((100_000,), 3.0)

    for kind in (torch.float16, torch.bfloat16):
        found = _computed(many.to(kind), together=True)
        assert found["sum"] == pytest.approx(300_000)
        assert found["l2"] == pytest.approx(3 * 100_000**0.5)


def test_the_norm_of_many_values_does_not_stand_still() -> None:
    found = _computed(torch.full((2**23,), 0.1), together=True)

    assert found["l1"] == pytest.approx(0.1 * 2**23, rel=1e-6)
    assert found["l2"] == pytest.approx(0.1 * 2**11.5, rel=1e-4)


@pytest.mark.parametrize("size", [1e-24, 1e24])
def test_a_norm_whose_squares_float32_cannot_hold_is_right(size: float) -> None:
    found = _computed(torch.full((100,), size), together=True)

    assert found["l2"] == pytest.approx(10 * size, rel=1e-5)
    assert found[statistics.INFINITIES] == 0


@pytest.mark.parametrize("wanted", [{"nans", "infs"}, {"nans", "infs", "abs_mean"}])
def test_what_is_no_number_is_counted_whatever_else_is_wanted(wanted: set[str]) -> None:
    device = DeviceStatistics()
    tensors = {"sick": _TENSORS["both"], "well": _draw(5)}

    device.add_all([(name, one, frozenset(wanted)) for name, one in tensors.items()])
    found = device.collect()

    assert [found["sick"]["nans"], found["sick"]["infs"]] == [1, 1]
    assert [found["well"]["nans"], found["well"]["infs"]] == [0, 0]


def test_many_tensors_keep_their_names_shapes_and_types_apart() -> None:
    tensors = {f"{n}": tensor for n, tensor in enumerate(_TENSORS.values()) if tensor.ndim}
    device = DeviceStatistics()

    device.add_all([(name, tensor, OFFERED) for name, tensor in tensors.items()])
    found = device.collect()

    for name, tensor in tensors.items():
        np.testing.assert_allclose(
            found[name]["abs_mean"], _expected("abs_mean", tensor), rtol=1e-5, err_msg=name
        )
        assert found[name]["activity"].shape == _expected("activity", tensor).shape


def test_percentiles_of_a_large_tensor_come_from_a_sample_that_is_near() -> None:
    weight = _draw(512, 512, 3, 3)
    weight[:, :, 0, 0] += 5  # one place of each kernel is unlike the others

    found = _computed(weight, together=True)

    values = weight.numpy()
    assert abs(np.mean(values < found[statistics.Q95]) - 0.95) < 0.02
    assert abs(np.mean(values < found[statistics.Q05]) - 0.05) < 0.02


def test_a_part_of_an_activation_tells_its_spread_and_its_dead_channels() -> None:
    maps = _draw(4, 16, 150, 150).relu().to(memory_format=torch.channels_last)
    maps[:, 3] = 0
    device = DeviceStatistics()

    device.add("maps", maps, frozenset({"variance", "activity"}), thin=True)
    found = device.collect()["maps"]

    assert found["variance"] == pytest.approx(float(maps.var()), rel=0.03)
    assert found["activity"][3] == 0
    assert np.abs(np.delete(found["activity"], 3) - 0.5).max() < 0.08


def test_a_tensor_that_is_overwritten_at_once_was_seen_before() -> None:
    tensor = _draw(4, 3)
    before = {name: _expected(name, tensor) for name in OFFERED}
    device = DeviceStatistics()

    device.add("t", tensor, OFFERED)
    tensor.fill_(_NAN)

    for name, value in device.collect()["t"].items():
        np.testing.assert_allclose(value, before[name], rtol=2e-5, atol=1e-6, err_msg=name)


def test_a_scale_is_taken_out_of_every_statistic() -> None:
    gradient = _draw(3, 4)
    device = DeviceStatistics()

    device.add_all([("g", gradient * 1024, OFFERED)], scale=torch.tensor(1024.0))

    for name, value in device.collect()["g"].items():
        if not name.startswith("saturation"):
            expected = _expected(name, gradient)
            np.testing.assert_allclose(value, expected, rtol=2e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", [*statistics.SMDEBUG, *(f"abs_{n}" for n in statistics.SMDEBUG)])
def test_reductions_equal_those_of_smdebugs_own_hook(name: str) -> None:
    weight = _draw(5, 4, 3)
    of_absolute = name.startswith("abs_")
    own = SmdebugHook._get_reduction_of_data(name.removeprefix("abs_"), weight, "w", of_absolute)
    wanted = UNBIASED + name if name.endswith(("std", "variance")) else name
    device = DeviceStatistics()

    device.add_all([("w", weight, frozenset({wanted}))])

    assert device.collect()["w"][wanted] == pytest.approx(float(own), rel=1e-5)
