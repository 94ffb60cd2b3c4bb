"""Files of a step: smdebug's own readers read them, and what it would have written is the same."""

import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from imageclf.debugger.hook.foreign import FileWriter, ModeKeys, subdued
from imageclf.debugger.hook.step_file import Record, StepWriter
from imageclf.debugger.hook.wire import WALL_TIME_AT, Moment
from imageclf.debugger.statistics import Values
from imageclf.errors import TensorsError

with subdued():
    from smdebug.core.tfrecord.tensor_reader import TensorReader

_STATISTICS = [
    Record("smdebug/reductions/l2/conv.weight", np.asarray(1.5, np.float32)),
    Record("smdebug/reductions/activity/relu_output_0", np.arange(3, dtype=np.float32)),
    Record("smdebug/reductions/l2/bn.weight", np.asarray(np.pi)),
]
_RAW = [
    Record("labels", np.arange(5)),
    Record("loss", np.asarray(0.25, np.float32)),
    Record("masks", np.asarray([[True, False]])),
    Record("half", np.ones((2, 2), np.float16)),
]


def _paths(folder: Path, step: int) -> tuple[Path, Path]:
    number = f"{step:012d}"
    return (
        folder / "events" / number / f"{number}_worker_0.tfevents",
        folder / "index" / f"{step // 1000:09d}" / f"{number}_worker_0.json",
    )


def _read(folder: Path, step: int) -> dict[str, tuple[int, object, int, Values]]:
    events, index = _paths(folder, step)
    content, found = events.read_bytes(), {}
    for entry in json.loads(index.read_text())["tensor_payload"]:
        start = entry["start_idx"]
        record = content[start : start + entry["length"]]
        ((name, at, values, mode, mode_step),) = TensorReader(record).read_tensors()
        assert name == entry["tensorname"]
        found[name] = (at, mode, mode_step, values)
    return found


def _assert_read(folder: Path, moment: Moment, records: Sequence[Record]) -> None:
    found = _read(folder, moment.step)
    assert found.keys() == {record.name for record in records}
    for record in records:
        step, mode, mode_step, values = found[record.name]
        assert (step, mode, mode_step) == (moment.step, moment.mode, moment.mode_step)
        assert values.shape == np.shape(record.values)
        np.testing.assert_allclose(values, record.values, rtol=1e-6)


def test_smdebugs_reader_finds_every_value(tmp_path: Path) -> None:
    moment = Moment(20, ModeKeys.TRAIN, 10)

    StepWriter(tmp_path, "worker_0").write(moment, _STATISTICS, _RAW, {"conv.weight": (8, 3)})

    _assert_read(tmp_path, moment, _STATISTICS + _RAW)
    index = json.loads(_paths(tmp_path, 20)[1].read_text())
    assert index["meta"] == {
        "mode": "TRAIN",
        "mode_step": 10,
        "event_file_name": "events/000000000020/000000000020_worker_0.tfevents",
    }
    assert index["shape_payload"] == [
        {"tensorname": "conv.weight", "originalname": "conv.weight", "shape": [8, 3]}
    ]


def test_values_steps_and_modes_change_from_step_to_step(tmp_path: Path) -> None:
    writer = StepWriter(tmp_path, "worker_0")
    moments = [
        *(Moment(step, ModeKeys.TRAIN, step) for step in (0, 9, 10, 127, 128, 16384, 2**31)),
        Moment(11, ModeKeys.EVAL, 0),
        Moment(12, ModeKeys.TRAIN, 11),
    ]
    drawn = np.random.default_rng(0).normal(size=(len(moments), 5)).astype(np.float32)
    for moment, values in zip(moments, drawn, strict=True):
        records = [Record("a", values[0]), Record("b", values[1:4]), Record("c", values[4])]
        writer.write(moment, records)

    for moment, values in zip(moments, drawn, strict=True):
        records = [Record("a", values[0]), Record("b", values[1:4]), Record("c", values[4])]
        _assert_read(tmp_path, moment, records)


def test_new_names_and_shapes_are_taken_up(tmp_path: Path) -> None:
    writer = StepWriter(tmp_path, "worker_0")
    for step, names in enumerate((["a"], ["a", "b"], ["b"], ["a"])):
        moment = Moment(step, ModeKeys.TRAIN, step)
        records = [Record(name, np.full(step + 1, step, np.float32)) for name in names]
        writer.write(moment, records)
        _assert_read(tmp_path, moment, records)


def test_the_events_are_byte_by_byte_what_smdebug_writes(tmp_path: Path) -> None:
    moment = Moment(20, ModeKeys.TRAIN, 10)
    floats = [Record(one.name, np.asarray(one.values, np.float32)) for one in _STATISTICS]
    StepWriter(tmp_path / "ours", "worker_0").write(moment, floats, _RAW)
    with FileWriter(str(tmp_path / "smdebug"), "worker_0", step=20) as theirs:
        for record in (*floats, *_RAW):
            values = np.asarray(record.values)
            theirs.write_tensor(values, record.name, mode=moment.mode, mode_step=10)

    ours, index = (path.read_bytes() for path in _paths(tmp_path / "ours", 20))
    own, own_index = (path.read_bytes() for path in _paths(tmp_path / "smdebug", 20))
    entries = json.loads(index)["tensor_payload"]
    assert entries == json.loads(own_index)["tensor_payload"]
    for entry in entries:  # but for the time
        time_at = entry["start_idx"] + WALL_TIME_AT
        ours = ours[:time_at] + bytes(8) + ours[time_at + 8 :]
        own = own[:time_at] + bytes(8) + own[time_at + 8 :]
    assert ours == own


def test_a_full_disk_is_told_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)

    with pytest.raises(TensorsError, match="No space left on device"):
        StepWriter(tmp_path, "worker_0").write(Moment(1, ModeKeys.TRAIN, 1), _STATISTICS)

    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_type_that_the_format_lacks_is_refused(tmp_path: Path) -> None:
    values = np.zeros(2, np.complex64)

    with pytest.raises(TensorsError, match=r"spectrum is of type complex64"):
        StepWriter(tmp_path, "worker_0").write(
            Moment(1, ModeKeys.TRAIN, 1), [], [Record("spectrum", values)]
        )
