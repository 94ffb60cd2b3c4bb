import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fetching.download import download
from imageclf.errors import DownloadError
from tests.fetching.range_server import Served, serve

CONTENT = os.urandom(700_000)
UNWRITTEN = 1 << 16  # what may be in memory when a connection breaks
OTHER = os.urandom(650_000)


def no_pause(_seconds: float) -> None:
    return


def fetch(served: Served, target: Path) -> bytes:
    return download(served.url, target, pause=no_pause).read_bytes()


def test_a_file_arrives_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    with serve(Served(CONTENT)) as served:
        assert fetch(served, tmp_path / "new" / "file.zip") == CONTENT
    assert [path.name for path in (tmp_path / "new").iterdir() if path.name[0] != "."] == [
        "file.zip"
    ]


def test_a_file_that_is_there_is_not_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / "file.zip").write_bytes(b"mine")
    with serve(Served(CONTENT)) as served:
        assert fetch(served, tmp_path / "file.zip") == b"mine"
    assert served.requests == []


def test_a_broken_connection_is_taken_up_where_it_ended(tmp_path: Path) -> None:
    with serve(Served(CONTENT, break_after=[300_000, 100_000])) as served:
        assert fetch(served, tmp_path / "file.zip") == CONTENT
    assert served.sent_bytes < len(CONTENT) + 2 * UNWRITTEN
    assert "Range" in served.requests[2]


def test_a_later_run_goes_on_with_what_an_earlier_one_left(tmp_path: Path) -> None:
    target = tmp_path / "file.zip"
    with serve(Served(CONTENT, break_after=[300_000])) as served:
        with pytest.raises(DownloadError, match="run the command again"):
            download(served.url, target, attempts=0, pause=no_pause)
        assert not target.exists()
        assert fetch(served, target) == CONTENT
    assert served.sent_bytes < len(CONTENT) + UNWRITTEN


@pytest.mark.parametrize("if_range", [True, False])
def test_a_file_that_changed_comes_anew(tmp_path: Path, if_range: bool) -> None:
    with serve(Served(CONTENT, break_after=[300_000], if_range=if_range)) as served:
        with pytest.raises(DownloadError):
            download(served.url, tmp_path / "file.zip", attempts=0, pause=no_pause)
        served.content, served.tag = OTHER, '"two"'
        assert fetch(served, tmp_path / "file.zip") == OTHER


@pytest.mark.parametrize(
    "careless",
    [Served(CONTENT, ranges=False), Served(CONTENT, tag=""), Served(CONTENT, tag='W/"x"')],
)
def test_a_server_that_cannot_continue_sends_all_again(tmp_path: Path, careless: Served) -> None:
    careless.break_after = [300_000]
    with serve(careless) as served:
        assert fetch(served, tmp_path / "file.zip") == CONTENT


def test_a_file_without_stated_length_arrives(tmp_path: Path) -> None:
    with serve(Served(CONTENT, length=False)) as served:
        assert fetch(served, tmp_path / "file.zip") == CONTENT


def test_another_address_does_not_continue_the_bytes_of_the_first(tmp_path: Path) -> None:
    with serve(Served(CONTENT, break_after=[300_000])) as first, pytest.raises(DownloadError):
        download(first.url, tmp_path / "file.zip", attempts=0, pause=no_pause)
    with serve(Served(OTHER)) as second:
        assert fetch(second, tmp_path / "file.zip") == OTHER


def test_bytes_that_were_complete_when_the_program_died_are_kept(tmp_path: Path) -> None:
    target = tmp_path / "file.zip"
    with serve(Served(CONTENT, break_after=[300_000])) as served:
        with pytest.raises(DownloadError):
            download(served.url, target, attempts=0, pause=no_pause)
        target.with_name("file.zip.part").write_bytes(CONTENT)
        assert fetch(served, target) == CONTENT
        assert len(served.requests) == 1


def test_a_part_longer_than_the_file_is_thrown_away(tmp_path: Path) -> None:
    target = tmp_path / "file.zip"
    with serve(Served(CONTENT, break_after=[300_000])) as served:
        with pytest.raises(DownloadError):
            download(served.url, target, attempts=0, pause=no_pause)
        target.with_name("file.zip.part").write_bytes(CONTENT + b"more")
        assert fetch(served, target) == CONTENT


def test_a_busy_server_is_asked_again(tmp_path: Path) -> None:
    with serve(Served(CONTENT, statuses=[503, 429])) as served:
        assert fetch(served, tmp_path / "file.zip") == CONTENT


def test_a_refusal_is_told_at_once(tmp_path: Path) -> None:
    with (
        serve(Served(CONTENT, statuses=[404])) as served,
        pytest.raises(DownloadError, match="404 Not Found"),
    ):
        fetch(served, tmp_path / "file.zip")
    assert len(served.requests) == 1


def test_a_server_that_never_delivers_is_given_up(tmp_path: Path) -> None:
    with (
        serve(Served(CONTENT, break_after=[0] * 3)) as served,
        pytest.raises(DownloadError, match="broke off"),
    ):
        download(served.url, tmp_path / "file.zip", attempts=3, pause=no_pause)


def test_an_address_that_is_none_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="cannot be fetched"):
        download("http://", tmp_path / "file.zip", pause=no_pause)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """400 KiB of tmpfs; only root can mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder],
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk needs root and the right to mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("length", [True, False])
def test_a_full_disk_is_told_in_a_sentence(small_disk: Path, length: bool) -> None:
    with (
        serve(Served(CONTENT, length=length)) as served,
        pytest.raises(DownloadError, match="make room"),
    ):
        fetch(served, small_disk / "file.zip")
    assert not (small_disk / "file.zip").exists()
