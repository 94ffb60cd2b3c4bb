import math
from pathlib import Path

import pytest

from imageclf.profiler.collect import traffic
from imageclf.profiler.collect.traffic import Count, Traffic

MIB = 1 << 20


class FakeCounters:
    """Counts as a test says, call by call; None for counters that cannot be read."""

    def __init__(self, *counts: dict[str, Count] | None) -> None:
        self._counts = iter(counts)

    def __call__(self) -> dict[str, Count]:
        found = next(self._counts)
        if found is None:
            raise OSError("gone")
        return found


def test_rates_are_of_the_time_since_the_last_look_over_all_devices() -> None:
    meter = Traffic(
        ("in", "out"),
        FakeCounters({"a": (0, 0), "b": (MIB, 0)}, {"a": (MIB, 4 * MIB), "b": (3 * MIB, 0)}),
    )
    assert meter.read(2.0) == [1.5, 2.0]


def test_a_device_that_is_new_or_counts_anew_adds_nothing() -> None:
    meter = Traffic(
        ("in", "out"),
        FakeCounters({"a": (5 * MIB, 0)}, {"a": (0, 0), "new": (9 * MIB, 9 * MIB)}),
    )
    assert meter.read(1.0) == [0.0, 0.0]


def test_counters_that_cannot_be_read_are_unknown_and_come_again() -> None:
    meter = Traffic(
        ("in", "out"), FakeCounters({"a": (0, 0)}, None, {"a": (0, 0)}, {"a": (MIB, 0)})
    )
    rates = [meter.read(1.0) for _ in range(3)]
    assert [math.isnan(one[0]) for one in rates] == [True, True, False]
    assert rates[2] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("there", "real", "expected"),
    [
        (["sda", "sda1", "dm-0"], ["sda"], {"sda"}),
        (["vda", "loop0", "zram0"], [], {"vda"}),
        ([], [], set()),
    ],
    ids=["hardware", "virtual", "none"],
)
def test_what_passes_two_devices_counts_once(
    tmp_path: Path, there: list[str], real: list[str], expected: set[str]
) -> None:
    for name in there:
        (tmp_path / name).mkdir()
    for name in real:
        (tmp_path / name / "device").mkdir()
    assert traffic._devices(tmp_path, ("loop", "zram", "dm-")) == expected


def test_the_real_machine_has_rates() -> None:
    for meter in (traffic.disks(), traffic.networks()):
        assert all(math.isnan(one) or one >= 0 for one in meter.read(0.1))
