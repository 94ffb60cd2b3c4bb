import json
import os
from pathlib import Path

import pytest

from imageclf.profiler.files.facts import Cache, read_json, read_spans

GOOD = '{"name": "checkpoint", "at_ns": 5, "took_s": 1.5}'


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "7",
        '{"name": 3, "at_ns": 5, "took_s": 1}',
        '{"name": "x", "at_ns": 5.5, "took_s": 1}',
        '{"name": "x", "at_ns": 5, "took_s": NaN}',
        '{"name": "x", "at_ns": 5, "took_s": -1}',
        '{"name": "x", "at_ns": 5, "took_s": "long"}',
        '{"name": "x", "at_ns": 1' + "0" * 5000 + ', "took_s": 1}',
        "[" * 100_000,
    ],
    ids=range(11),
)
def test_a_damaged_line_costs_no_other(tmp_path: Path, line: str) -> None:
    path = tmp_path / "spans"
    path.write_text(f"{GOOD}\n{line}\n{GOOD}\n")
    found = read_spans(path)
    assert [span.took_s for span in found.spans] == [1.5, 1.5]
    assert found.damaged == (1 if line else 0)


def test_a_line_that_is_still_being_written_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "spans"
    path.write_text(f"{GOOD}\n{GOOD[:20]}")
    found = read_spans(path)
    assert (len(found.spans), found.damaged) == (1, 0)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff", b"[" * 100_000], ids=range(5))
def test_facts_that_cannot_be_read_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "facts").write_bytes(content)
    assert read_json(tmp_path / "facts") == {}
    assert read_json(tmp_path / "absent") == {}


def test_facts_behind_a_link_or_a_pipe_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "facts").write_text(json.dumps({"secret": 1}))
    (tmp_path / "link").symlink_to(tmp_path / "facts")
    os.mkfifo(tmp_path / "pipe")
    assert read_json(tmp_path / "link") == read_json(tmp_path / "pipe") == {}


def test_a_file_is_read_again_when_it_has_changed_and_only_then(tmp_path: Path) -> None:
    path, reads = tmp_path / "facts", []

    def read(one: Path) -> int:
        reads.append(one)
        return len(one.read_bytes())

    cache = Cache(read)
    path.write_text("a")
    assert (cache.of(path), cache.of(path)) == (1, 1)
    path.write_text("ab")
    assert (cache.of(path), cache.of(path)) == (2, 2)
    assert len(reads) == 2
