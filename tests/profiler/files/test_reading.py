"""Tables that were damaged, cut off or made to do harm: only what was written is read."""

import itertools
import json
import os
import resource
import struct
import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imageclf.profiler.files.blocks import HEAD, MAGIC, Writer, clocks
from imageclf.profiler.files.reading import Reader, Room
from tests.profiler.files.tables import COLUMNS, append, fresh, rows, written

SIZES = [3, 1, 4]


def _is_part(found: list[Any], of: list[Any]) -> bool:
    """Whether `found` are some of the rows, in their order, none twice."""
    rest = iter(of)
    return all(row in rest for row in found)


def test_wherever_a_file_is_cut_off_the_whole_blocks_before_are_read(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole", SIZES)
    content = (tmp_path / "whole").read_bytes()
    counts = []
    for size in range(len(content)):
        path = tmp_path / "cut"
        path.write_bytes(content[:size])
        reader = Reader(path)
        found = fresh(reader)
        assert found == whole[: len(found)]
        assert reader.left > 0 or len(found) in np.cumsum([0, *SIZES])
        counts.append(len(found))
    assert sorted(set(counts)) == [0, *np.cumsum(SIZES)[:-1].tolist()]
    assert counts == sorted(counts)


def test_whatever_byte_is_damaged_only_its_block_is_lost_and_it_is_told(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole", SIZES)
    content = (tmp_path / "whole").read_bytes()
    header = content.index(b"\n") + 1
    draw = np.random.default_rng(1)
    for place in range(len(content)):
        path = tmp_path / "flipped"
        flipped = content[place] ^ int(draw.integers(1, 256))
        path.write_bytes(content[:place] + bytes([flipped]) + content[place + 1 :])
        reader = Reader(path)
        found = fresh(reader)
        assert _is_part(found, whole), place
        assert reader.fault or reader.left, place
        assert len(found) >= (len(whole) - max(SIZES) if place >= header else 0), place


def test_read_while_it_is_written_every_row_comes_once_and_in_order(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole", SIZES * 3)
    content = (tmp_path / "whole").read_bytes()
    draw = np.random.default_rng(2)
    for _ in range(40):
        cuts = sorted(draw.integers(0, len(content), draw.integers(1, 30)).tolist())
        path = tmp_path / "growing"
        path.unlink(missing_ok=True)
        reader, found = Reader(path), []
        for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
            with path.open("ab") as file:
                file.write(content[begin:end])
            found += fresh(reader)
        assert found == whole
        assert not reader.fault
        assert not reader.left


def test_a_reader_keeps_up_with_a_writer_that_does_not_wait_for_it(tmp_path: Path) -> None:
    path = tmp_path / "table"
    writer, reader = Writer(path, COLUMNS, clocks()), Reader(path)
    whole, found = rows(600), []

    def write() -> None:
        for first in range(0, len(whole), 3):
            append(writer, whole[first : first + 3])

    thread = threading.Thread(target=write)
    thread.start()
    while thread.is_alive():
        found += fresh(reader)
    found += fresh(reader)
    assert found == whole
    assert not reader.fault


def test_pieces_of_other_files_between_the_blocks_are_skipped(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole", SIZES)
    content = (tmp_path / "whole").read_bytes()
    draw = np.random.default_rng(3)
    ends = [len(content)]
    while (begin := content.rfind(MAGIC, 0, ends[0])) > 0:
        ends.insert(0, begin)
    for _ in range(40):
        path = tmp_path / "mixed"
        parts = [content[: ends[0]]]
        for begin, end in itertools.pairwise(ends):
            noise = draw.integers(0, 256, draw.integers(0, 60), dtype=np.uint8).tobytes()
            parts += [noise, MAGIC * int(draw.integers(0, 3)), content[begin:end]]
        path.write_bytes(b"".join(parts))
        assert fresh(Reader(path)) == whole


def test_a_file_that_becomes_shorter_while_it_is_read_gives_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "table"
    whole = written(path, SIZES)
    reader = Reader(path)
    assert fresh(reader) == whole
    written(path, SIZES[:2])
    assert fresh(reader) == []
    assert "shorter" in reader.fault
    written(path, SIZES * 2)
    assert fresh(reader) == []


def test_a_disk_that_becomes_full_leaves_whole_blocks_and_goes_on_when_it_has_room(
    tmp_path: Path,
) -> None:
    path = tmp_path / "table"
    writer = Writer(path, COLUMNS, clocks())
    append(writer, rows(4))
    size = path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (0, 1, 30):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, hard))
        try:
            with pytest.raises(OSError, match=r"."):
                append(writer, rows(4, 4))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.stat().st_size == size
    append(writer, rows(4, 4))
    writer.close()
    reader = Reader(path)
    assert fresh(reader) == rows(8)
    assert not reader.fault


def test_more_rows_than_a_block_holds_are_all_read(tmp_path: Path) -> None:
    path = tmp_path / "table"
    writer = Writer(path, [f"c{one}" for one in range(4000)], clocks())
    count = 1500
    writer.write(np.arange(count), np.arange(count)[:, None] * np.ones(4000))
    writer.close()
    blocks = Reader(path).fresh()
    assert len(blocks) > 1
    assert np.concatenate([one.values[3999] for one in blocks]).tolist() == list(range(count))


def _table(path: Path, header: dict[str, Any], body: bytes = b"", count: int = 1) -> Reader:
    """A file with good checksums, whatever it says."""
    text = json.dumps(header).encode()
    head = HEAD.pack(MAGIC, len(body), count, zlib.crc32(body), 0)[:-4]
    block = head + struct.pack("<I", zlib.crc32(head)) + body
    path.write_bytes(b"%08x %s\n" % (zlib.crc32(text), text) + (block if body else b""))
    return Reader(path)


GOOD = {"format": 2, "columns": ["cpu"], "monotonic_ns": 1, "wall_ns": 2, "machine": "m"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"columns": 3},
        {"columns": [1, 2]},
        {"columns": ["cpu", "cpu"]},
        {"columns": ["c" * 101]},
        {"columns": [f"c{one}" for one in range(5000)]},
        {"format": 1},
        {"monotonic_ns": "1"},
        {"monotonic_ns": 10**30},
        {"wall_ns": -1},
        {"wall_ns": 1.5},
        {"machine": None},
        {"format": [[]]},
    ],
    ids=lambda wrong: "-".join(wrong) + str(len(str(wrong))),
)
def test_a_header_that_is_none_is_told_and_nothing_is_read(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    reader = _table(tmp_path / "table", {**GOOD, **wrong}, zlib.compress(b"\0" * 12))
    assert reader.fresh() == []
    assert reader.header == {}
    assert "no header" in reader.fault


def test_the_header_of_those_tests_is_good_but_for_what_is_wrong(tmp_path: Path) -> None:
    reader = _table(tmp_path / "table", GOOD, zlib.compress(b"\0" * 12))
    assert len(reader.fresh()) == 1
    assert not reader.fault


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["endless", "long"])
def test_a_header_of_many_megabytes_is_none(tmp_path: Path, end: bytes) -> None:
    (tmp_path / "table").write_bytes(b"0" * 10_000_000 + end)
    reader = Reader(tmp_path / "table")
    assert reader.fresh() == []
    assert "no header" in reader.fault


def test_a_block_that_unpacks_to_more_than_it_says_is_skipped(tmp_path: Path) -> None:
    bomb = zlib.compress(b"\0" * 50_000_000)
    reader = _table(tmp_path / "table", GOOD, bomb, count=1)
    assert reader.fresh() == []
    assert "damaged" in reader.fault


def test_a_block_that_says_that_it_holds_gigabytes_is_skipped(tmp_path: Path) -> None:
    reader = _table(tmp_path / "table", GOOD, zlib.compress(b"\0" * 1000), count=2**32 - 1)
    assert reader.fresh() == []
    assert "damaged" in reader.fault


def test_no_more_is_kept_than_there_is_room_for(tmp_path: Path) -> None:
    whole = written(tmp_path / "a", SIZES)
    reader = Reader(tmp_path / "a", Room(values=4 * (3 + 1)))
    assert fresh(reader) == whole[:4]
    assert "more than can be read" in reader.fault
    assert fresh(reader) == []


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "nothing"])
def test_what_is_no_plain_file_is_not_read(tmp_path: Path, kind: str) -> None:
    written(tmp_path / "real", SIZES)
    path = tmp_path / "table"
    if kind == "link":
        path.symlink_to(tmp_path / "real")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    assert Reader(path).fresh() == []
