"""Timelines that smdebug wrote, read by us and by smdebug's own readers."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imageclf.profiler.managed import steps, timeline
from tests.profiler.managed.service import BEGAN_S, Hook

WAITS_S = [0.5, *([0.02] * 18), 0.3]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty training steps, the first and the last of which waited for data, and one more."""
    folder = tmp_path_factory.mktemp("service")
    hook = Hook(folder)
    at_s = 10.0
    for number, data_s in enumerate(WAITS_S):
        hook.step(number, at_s, data_s=data_s)
        at_s += data_s + 0.18
    hook.step(0, at_s + 1.0, data_s=0.01, mode="EVAL")
    hook.close()
    return folder


def test_we_read_the_events_that_smdebug_reads(written: Path) -> None:
    from smdebug.profiler.algorithm_metrics_reader import (  # noqa: PLC0415  (dear)
        LocalAlgorithmMetricsReader,
    )

    reader: Any = LocalAlgorithmMetricsReader(str(written))
    theirs = reader.get_events(0, time.time() * 1e6)
    (ours,), left_out = timeline.read(written)[0].values(), timeline.read(written)[1]
    assert left_out == 0
    assert len(ours) == 4 * len(WAITS_S) + 4
    assert sorted((one.at_us, one.took_us, one.name, one.phase) for one in ours) == sorted(
        (one.start_time, one.duration, one.event_name, one.event_phase) for one in theirs
    )


def test_a_step_holds_the_wait_for_its_data(written: Path) -> None:
    (events,) = timeline.read(written)[0].values()
    found = steps.steps(events)
    table = dict(zip(steps.COLUMNS, found.rows.T, strict=True))
    assert table["step"].tolist() == [*range(20), 0]
    assert table["mode"].tolist() == [1] * 20 + [2]
    np.testing.assert_allclose(table["data_ms"][:20], np.array(WAITS_S) * 1e3, atol=0.01)
    np.testing.assert_allclose(table["took_ms"][:20], np.array(WAITS_S) * 1e3 + 180, atol=0.01)
    np.testing.assert_allclose(table["forward_ms"], 60, atol=0.01)
    np.testing.assert_allclose(table["backward_ms"], 100, atol=0.01)
    np.testing.assert_allclose(table["other_ms"], 20, atol=0.01)
    assert found.at_ns[0] / 1e9 == pytest.approx(BEGAN_S + 10.0, abs=1e-5)


def test_of_a_file_that_is_cut_off_the_whole_lines_count(written: Path, tmp_path: Path) -> None:
    (path,) = written.rglob("*.json")
    whole, _ = timeline.read_file(path)
    cut = tmp_path / path.name
    lines = path.read_bytes().splitlines(keepends=True)
    cut.write_bytes(b"".join(lines[:-6]) + lines[-6][:20])
    events, left_out = timeline.read_file(cut)
    assert (len(whole) - len(events), left_out) == (3, 1)
    assert events == whole[: len(events)]


def test_beginnings_and_ends_make_events(tmp_path: Path) -> None:
    path = tmp_path / "1_7-algo-1_pythontimeline.json"
    path.write_text(
        '[{"ph": "M", "pid": 3, "name": "process_name", "args": {"name": "Forward"}},'
        '{"ph": "M", "pid": 0, "name": "process_name",'
        ' "args": {"start_time_since_epoch_in_micros": 1000}},'
        '{"ph": "B", "pid": 3, "ts": 5, "name": "conv"}, {"ph": "E", "pid": 3, "ts": 25},'
        '{"ph": "X", "pid": 3, "ts": 30, "dur": -4, "name": "odd"}, 17]'
    )
    events, left_out = timeline.read_file(path)
    assert [(one.name, one.phase, one.at_us, one.took_us) for one in events] == [
        ("conv", "Forward", 1005, 20)
    ]
    assert left_out == 2
