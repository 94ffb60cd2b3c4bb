"""Samples of the managed service, read by us and by smdebug's own reader."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imageclf.profiler.managed import system
from tests.profiler.managed.service import BEGAN_S, line, write_system

RANDOM = np.random.default_rng(3)
GPU = RANDOM.uniform(0, 100, 300)
CORES = RANDOM.uniform(0, 100, (300, 2))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two and a half minutes of a machine with two cores and a GPU."""
    folder = tmp_path_factory.mktemp("service")
    lines = []
    for number in range(300):
        at_s = number * 0.5
        lines += [
            line("memory", "MemoryUsedPercent", "", 20 + number / 100, at_s),
            line("cpu", "cpu0", "CPUUtilization", CORES[number, 0], at_s + 0.0001),
            line("cpu", "cpu1", "CPUUtilization", CORES[number, 1], at_s + 0.0001),
            line("cpu", "cpu0", "I/OWaitPercentage", 4.0, at_s + 0.0001),
            line("cpu", "cpu1", "I/OWaitPercentage", 8.0, at_s + 0.0001),
            line("gpu", "gpu0", "GPUUtilization", GPU[number], at_s + 0.002),
            line("gpu", "gpu0", "GPUMemoryUtilization", 55.0, at_s + 0.002),
            line("network", "ReceiveBytesPerSecond", "Algorithm", 3 * 2**20, at_s + 0.004),
            line("network", "ReceiveBytesPerSecond", "Platform", 9 * 2**20, at_s + 0.004),
            line("i/o", "WriteThroughputInBytesPerSecond", "", 2**19, at_s + 0.005),
            line("i/o", "IOPS", "", 17.0, at_s + 0.005),
        ]
    write_system(folder, lines)
    return folder


def test_each_look_is_a_row_and_no_figure_is_lost(written: Path) -> None:
    (host, samples), *rest = system.read(written)[0].items()
    assert (host, rest, system.read(written)[1]) == ("algo-1", [], 0)
    table = dict(zip(samples.columns, samples.rows.T, strict=True))
    assert len(samples.at_ns) == 300
    np.testing.assert_allclose(samples.at_ns / 1e9 - BEGAN_S, np.arange(300) * 0.5, atol=1e-5)
    np.testing.assert_array_equal(table["gpu0_utilization"], GPU)
    np.testing.assert_allclose(table["cpu"], CORES.mean(axis=1))
    assert set(table["io_wait"]) == {6.0}
    assert set(table["net_in_mib_s"]) == {3.0}, "what the service itself moves does not count"
    assert set(table["disk_write_mib_s"]) == {0.5}
    assert table["memory"][-1] == pytest.approx(22.99)


def test_percentiles_are_those_of_what_smdebug_reads(written: Path) -> None:
    from smdebug.profiler.system_metrics_reader import (  # noqa: PLC0415  (dear)
        LocalSystemMetricsReader,
    )

    reader: Any = LocalSystemMetricsReader(str(written))
    events = reader.get_events(0, (BEGAN_S + 1000) * 1e6)
    (samples,) = system.read(written)[0].values()
    table = dict(zip(samples.columns, samples.rows.T, strict=True))
    for ours, name, dimension in (
        ("gpu0_utilization", "gpu0", "GPUUtilization"),
        ("cpu1", "cpu1", "CPUUtilization"),
    ):
        theirs = [one.value for one in events if (one.name, one.dimension) == (name, dimension)]
        assert len(theirs) == 300
        for percentile in (0, 5, 50, 95, 99, 100):
            assert np.percentile(table[ours], percentile) == np.percentile(theirs, percentile)


@pytest.mark.parametrize(
    "odd",
    [
        '{"Type": "cpu", "Name": "cpu0", "Dimension": "CPUUtili',
        '{"Type": "cpu", "Name": "cpu0", "Dimension": "CPUUtilization", "Value": "NaN",'
        ' "NodeId": "algo-1", "Timestamp": 1733636919}',
        '{"Type": "cpu", "Name": "cpu0", "Dimension": "CPUUtilization", "Value": 1,'
        ' "NodeId": "../../escaped", "Timestamp": 1733636919}',
        '{"Type": "cpu", "Name": "cpu0", "Dimension": "CPUUtilization", "Value": 1,'
        ' "NodeId": "algo-1", "Timestamp": -1}',
        "[" * 100_000,
    ],
    ids=["cut", "no-number", "no-name", "no-time", "deep"],
)
def test_a_line_that_is_none_is_left_out_and_counted(odd: str, tmp_path: Path) -> None:
    write_system(tmp_path, [line("cpu", "cpu0", "CPUUtilization", 50.0, 1.0)])
    (path,) = tmp_path.rglob("*.json")
    path.write_text(f"{path.read_text()}{odd}\n")
    samples, left_out = system.read(tmp_path)
    assert left_out == 1
    assert samples["algo-1"].rows.shape[0] == 1
