from pathlib import Path
from typing import Any

import pytest
from smdebug.core.tfevent.proto.event_pb2 import Event
from smdebug.core.tfrecord.record_reader import RecordReader

from imageclf.profiler.collect.board import Board
from tests.profiler.collect.limits import largest_file


def scalars(folder: Path) -> list[tuple[int, str, float]]:
    """What smdebug's reader, which checks every checksum, finds in the folder's one event file."""
    (path,) = folder.glob("events.out.tfevents.*")
    return [
        (event.step, value.tag, value.simple_value)
        for event in events(path)
        for value in event.summary.value
    ]


def events(path: Path) -> list[Any]:
    reader = RecordReader(str(path))
    found = []
    while reader.has_data():
        event = Event()
        event.ParseFromString(reader.read_record(check="full"))
        found.append(event)
    return found


def test_scalars_are_read_back_by_another_reader_of_the_format(tmp_path: Path) -> None:
    board = Board(tmp_path / "board")
    board.scalars(0, {"profile/step_ms": 41.5, "profile/data_ms": 0.25})
    board.scalars(300, {"profile/step_ms": -1e-3})
    board.close()
    assert scalars(tmp_path / "board") == [
        (0, "profile/step_ms", 41.5),
        (0, "profile/data_ms", 0.25),
        (300, "profile/step_ms", pytest.approx(-1e-3)),
    ]
    (path,) = (tmp_path / "board").iterdir()
    first, second, _ = events(path)
    assert first.file_version == "brain.Event:2"
    assert 0 <= second.wall_time - first.wall_time < 60


def test_scalars_are_in_the_file_before_the_board_is_closed(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.scalars(5, {"a": 1.0})
    assert scalars(tmp_path) == [(5, "a", 1.0)]
    board.close()


def test_what_is_not_a_number_is_left_out(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.scalars(0, {"nan": float("nan")})
    assert list(tmp_path.iterdir()) == []
    board.scalars(1, {"nan": float("nan"), "fine": 2.0, "large": 1e300})
    board.close()
    assert scalars(tmp_path) == [(1, "fine", 2.0), (1, "large", pytest.approx(3.4e38, rel=0.01))]


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    board = Board(None)
    board.scalars(0, {"a": 1.0})
    board.close()
    assert list(tmp_path.iterdir()) == [] and not board.fault


def test_two_boards_of_one_process_do_not_write_over_each_other(tmp_path: Path) -> None:
    for board in (Board(tmp_path), Board(tmp_path)):
        board.scalars(0, {"a": 1.0})
        board.close()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_ends_it_with_whole_records(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.scalars(0, {"a": 1.0})
    with largest_file(200):
        for step in range(1, 20):
            board.scalars(step, {"a": 1.0})
    assert "No space left" in board.fault
    found = scalars(tmp_path)
    assert [step for step, _, _ in found] == list(range(len(found)))
    assert 1 < len(found) < 10


def test_a_folder_that_cannot_be_made_is_said_once(tmp_path: Path, caplog: Any) -> None:
    (tmp_path / "file").write_text("")
    board = Board(tmp_path / "file" / "board")
    for step in range(3):
        board.scalars(step, {"a": 1.0})
    assert "TensorBoard" in board.fault and len(caplog.records) == 1
