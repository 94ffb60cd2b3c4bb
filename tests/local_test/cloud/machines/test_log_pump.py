"""What a program writes becomes the lines of its log stream."""

import time
from pathlib import Path

import pytest

from local_test.cloud.logs import Logs
from local_test.cloud.machines.log_lines import MOST_BYTES, LogLines
from local_test.cloud.machines.log_pump import LogPump
from tests.local_test.cloud.machines.containers import PATIENCE_S


def lines(*contents: bytes) -> list[str]:
    """All lines of what came in these portions, one second apart."""
    cutter = LogLines()
    found = [line for second, part in enumerate(contents) for line in cutter.feed(part, second)]
    return found + cutter.end()


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ((b"one\ntwo\n",), ["one", "two"]),
        ((b"a\n\nb",), ["a", "", "b"]),
        ((b"ha", b"lf a li", b"ne\n"), ["half a line"]),
        ((b"windows\r\nlines\r", b"\n"), ["windows", "lines"]),
        (("gr\u00fc".encode()[:3], "\u00fcn\n".encode()[1:]), ["gr\u00fcn"]),
        ((b"caf\xe9\n",), ["caf\ufffd"]),
    ],
)
def test_lines_are_whole_whatever_portions_they_come_in(
    contents: tuple[bytes, ...], expected: list[str]
) -> None:
    assert lines(*contents) == expected


def test_of_a_progress_bar_is_kept_what_is_seen_once_a_second() -> None:
    cutter = LogLines()
    assert cutter.feed(b" 10%\r 20%\r", 0.0) == [" 20%"]
    assert cutter.feed(b" 30%\r", 0.5) == []
    assert cutter.feed(b" 40%\r", 1.5) == [" 40%"]
    assert cutter.feed(b"100%\ndone\n", 1.6) == ["100%", "done"]


def test_a_very_long_line_is_cut_between_characters() -> None:
    text = "x" * (MOST_BYTES - 1) + "\u00fc" + "y" * 10
    for portions in ((text.encode() + b"\n",), (text.encode(), b"\n")):
        first, second = [line for line in lines(*portions) if line]
        assert first + second == text
        assert len(first.encode()) <= MOST_BYTES


def pump(folder: Path) -> tuple[LogPump, Logs, list[str]]:
    logs = Logs(folder / "logs.sqlite")
    seen: list[str] = []
    made = LogPump(logs, "group", "stream", folder / "log", lambda _at_s, line: seen.append(line))
    return made, logs, seen


def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    made, logs, seen = pump(tmp_path)
    made.pump()
    (tmp_path / "log").write_text("a\nb")
    made.pump()
    assert seen == ["a"]
    made.close()
    assert seen == ["a", "b"]
    assert [event.message for event in logs.since(0)] == ["a", "b"]


def test_another_pump_goes_on_where_the_last_one_was(tmp_path: Path) -> None:
    first, logs, _ = pump(tmp_path)
    (tmp_path / "log").write_text("a\nhalf")
    first.pump()
    (tmp_path / "log").write_text("a\nhalf a line\nb\n")
    pump(tmp_path)[0].close()
    assert [event.message for event in logs.since(0)] == ["a", "half a line", "b"]


def test_a_thread_follows_a_burst_to_its_end(tmp_path: Path) -> None:
    made, logs, _ = pump(tmp_path)
    made.start()
    with (tmp_path / "log").open("w") as file:
        file.writelines(f"{number}\n" for number in range(20_000))
    deadline = time.monotonic() + PATIENCE_S
    while len(logs.since(0, 30_000)) < 20_000:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with (tmp_path / "log").open("a") as file:
        file.write("the end")
    made.stop()
    assert [event.message for event in logs.since(0, 30_000)] == [
        *(str(number) for number in range(20_000)),
        "the end",
    ]
