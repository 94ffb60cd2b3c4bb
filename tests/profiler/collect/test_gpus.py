"""GPUs as NVML tells of them: a small library stands in for it, of which `conftest.py` tells."""

import math

import pynvml
import pytest

from imageclf.profiler import names
from imageclf.profiler.collect.gpus import VISIBLE, Gpus

pytestmark = pytest.mark.usefixtures("with_fake_nvml")


def figures(gpus: Gpus) -> dict[str, float]:
    return dict(zip(gpus.columns, gpus.read(0.5), strict=True))


def uuids(chosen: str | None) -> list[str]:
    gpus = Gpus({} if chosen is None else {VISIBLE: chosen})
    return [str(one.get("uuid", "")) for one in gpus.facts]


def test_every_figure_stands_in_its_column_and_unit() -> None:
    gpus = Gpus({})
    assert gpus.facts[1] == {
        "gpu": 1,
        "name": "Fake H200 no. 1",
        "uuid": "GPU-bbbb-1",
        "memory_mib": 1000.0,
    }
    found = figures(gpus)
    expected = {
        "utilization": 20.0,
        "memory": 20.0,
        "memory_mib": 200.0,
        "power_w": 250.5,
        "temperature_c": 61.0,
        "sm_clock_mhz": 1980.0,
        "memory_clock_mhz": 2619.0,
    }
    assert {one: found[names.gpu_column(1, one)] for one in names.GPU_COLUMNS} == expected
    assert len(found) == 3 * len(names.GPU_COLUMNS)
    assert not gpus.faults


def test_a_gpu_that_fails_midway_is_unknown_from_then_on_and_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAKE_NVML_FAILS_AFTER", "3")
    gpus = Gpus({})
    seen = [figures(gpus) for _ in range(6)]
    lost = [math.isnan(one["gpu1_utilization"]) for one in seen]
    assert lost == [False, False, False, True, True, True]
    assert all(math.isnan(seen[-1][names.gpu_column(1, one)]) for one in names.GPU_COLUMNS)
    assert [one["gpu0_utilization"] for one in seen] == [10.0] * 6
    (fault,) = gpus.faults
    assert fault.startswith("GPU 1 ")


def test_a_figure_that_a_gpu_does_not_have_is_no_fault() -> None:
    gpus = Gpus({})
    found = figures(gpus)
    assert math.isnan(found["gpu2_power_w"])
    assert found["gpu2_temperature_c"] == 62.0
    assert not gpus.faults


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, ["GPU-aaaa-0", "GPU-bbbb-1", "GPU-bbcc-2"]),
        ("", []),
        ("-1", []),
        ("2,0", ["GPU-bbcc-2", "GPU-aaaa-0"]),
        ("1, 7, 0", ["GPU-bbbb-1"]),
        ("0,-1,1", ["GPU-aaaa-0"]),
        ("GPU-bbb", ["GPU-bbbb-1"]),
        ("GPU-bb", []),
        ("GPU-bbcc-2,GPU-a", ["GPU-bbcc-2", "GPU-aaaa-0"]),
        ("MIG-1", ["GPU-bbcc-2"]),
        ("MIG-9,0", ["", "GPU-aaaa-0"]),
        ("none", []),
    ],
)
def test_only_the_gpus_that_the_training_sees_count_in_its_order(
    chosen: str | None, expected: list[str]
) -> None:
    assert uuids(chosen) == expected


def test_a_gpu_that_cannot_be_reached_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAKE_NVML_UNREACHED", "0")
    gpus = Gpus({})
    assert figures(gpus)["gpu1_utilization"] == 20.0
    assert math.isnan(figures(gpus)["gpu0_utilization"])
    assert gpus.faults == ["GPU 0 cannot be reached by NVML."]


def test_without_gpus_there_are_no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_NVML_COUNT", "0")
    gpus = Gpus({})
    assert (gpus.columns, gpus.faults, list(gpus.read(1.0))) == ((), [], [])


def test_a_driver_that_does_not_run_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_NVML_INIT", str(pynvml.NVML_ERROR_DRIVER_NOT_LOADED))
    gpus = Gpus({})
    assert gpus.columns == ()
    assert len(gpus.faults) == 1


def test_without_nvml_there_is_no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", absent)
    gpus = Gpus({})
    assert (gpus.columns, gpus.faults) == ((), [])
