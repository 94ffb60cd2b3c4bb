import errno
import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from local_test.cloud.objects.store import NoSuchBucketError, NoSuchKeyError, Objects

ODD_KEYS = ["../up", "/abs", "a//b", "a/", "é ü+%", "x" * 1024, "..", "a\nb", "\U0001f41c"]


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    store = Objects(tmp_path / "s3")
    store.create_bucket("pictures")
    return store


def content_files(root: Path) -> list[Path]:
    return [path for path in (root / "s3" / "content").rglob("*") if path.is_file()]


def read(objects: Objects, key: str) -> bytes:
    with objects.open("pictures", key) as source:
        return source.read()


@pytest.mark.parametrize("key", ODD_KEYS)
def test_any_key_is_kept_and_no_key_becomes_a_path(
    objects: Objects, tmp_path: Path, key: str
) -> None:
    info = objects.put("pictures", key, b"ant", "image/jpeg", {"by": "me"})
    assert read(objects, key) == b"ant"
    assert objects.info("pictures", key) == info
    assert (info.size, info.content_type, info.metadata) == (3, "image/jpeg", {"by": "me"})
    assert [one.key for one in objects.list("pictures")] == [key]
    assert {path.name for path in tmp_path.iterdir()} == {"s3"}


def test_an_object_comes_from_bytes_a_stream_or_a_file(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"bee" * 1_000_000)
    sources = b"bee" * 1_000_000, io.BytesIO(b"bee" * 1_000_000), tmp_path / "file"
    infos = [objects.put("pictures", "bee", source) for source in sources]
    assert {(info.size, info.etag) for info in infos} == {
        (3_000_000, "0f41ee9d3df2ffd1228eea01b61c861d")
    }
    assert len(content_files(tmp_path)) == 1


def test_objects_are_listed_by_the_bytes_of_their_keys_beyond_a_page(objects: Objects) -> None:
    keys = [f"train/{number}.jpg" for number in range(1_100)] + ["train", "trainé", "train~", "z"]
    for key in keys:
        objects.put("pictures", key, b"")
    listed = [info.key for info in objects.list("pictures", "train")]
    assert listed == sorted(keys[:-1], key=str.encode)
    assert [info.key for info in objects.list("pictures", "train/1.")] == ["train/1.jpg"]


def test_what_is_not_there_is_said(objects: Objects) -> None:
    with pytest.raises(NoSuchBucketError):
        objects.put("other", "a", b"")
    with pytest.raises(NoSuchBucketError):
        objects.list("other")
    with pytest.raises(NoSuchBucketError):
        objects.info("other", "a")
    with pytest.raises(NoSuchKeyError):
        objects.open("pictures", "a")
    objects.delete("pictures", "a")
    objects.delete("other", "a")


def test_a_deleted_object_leaves_no_file(objects: Objects, tmp_path: Path) -> None:
    objects.put("pictures", "a", b"ant")
    objects.delete("pictures", "a")
    assert content_files(tmp_path) == []
    assert list(objects.list("pictures")) == []


def test_who_reads_an_object_goes_on_while_it_is_replaced(objects: Objects) -> None:
    objects.put("pictures", "a", b"old")
    with objects.open("pictures", "a") as source:
        objects.put("pictures", "a", b"new")
        assert source.read() == b"old"
    assert read(objects, "a") == b"new"


def test_an_object_is_copied_into_a_folder_that_was_not_there(
    objects: Objects, tmp_path: Path
) -> None:
    objects.put("pictures", "a", b"ant" * 1_000_000)
    objects.fetch("pictures", "a", tmp_path / "new" / "folder" / "a.jpg")
    assert (tmp_path / "new" / "folder" / "a.jpg").read_bytes() == b"ant" * 1_000_000


def test_a_link_in_the_way_of_a_copy_is_replaced_and_not_followed(
    objects: Objects, tmp_path: Path
) -> None:
    objects.put("pictures", "a", b"ant")
    (tmp_path / "precious").write_bytes(b"gold")
    (tmp_path / "a.jpg").symlink_to(tmp_path / "precious")
    objects.fetch("pictures", "a", tmp_path / "a.jpg")
    assert (tmp_path / "precious").read_bytes() == b"gold"
    assert (tmp_path / "a.jpg").read_bytes() == b"ant"


def test_a_change_of_a_copy_does_not_reach_the_object(objects: Objects, tmp_path: Path) -> None:
    objects.put("pictures", "a", b"ant")
    objects.fetch("pictures", "a", tmp_path / "a.jpg")
    with (tmp_path / "a.jpg").open("ab") as file:
        file.write(b"hill")
    assert read(objects, "a") == b"ant"


def test_what_is_no_plain_file_is_not_put(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"gold")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "."):
        with pytest.raises(OSError, match=r"symbolic links|plain file|directory"):
            objects.put("pictures", name, tmp_path / name)
    assert list(objects.list("pictures")) == []


class _BreaksOff(io.BytesIO):
    """Gives some of its content and then fails, as a full disk does."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().read(size)


def test_a_put_that_breaks_off_leaves_the_old_object_and_no_file(
    objects: Objects, tmp_path: Path
) -> None:
    objects.put("pictures", "a", b"old")
    with pytest.raises(OSError, match="No space"):
        objects.put("pictures", "a", _BreaksOff(b"x" * 2_000))
    assert read(objects, "a") == b"old"
    assert len(content_files(tmp_path)) == 1


def test_objects_are_there_after_a_restart(objects: Objects, tmp_path: Path) -> None:
    info = objects.put("pictures", "a", b"ant")
    again = Objects(tmp_path / "s3")
    assert again.info("pictures", "a") == info
    assert read(again, "a") == b"ant"


PUT_FOR_EVER = """
import sys
from pathlib import Path
from local_test.cloud.objects.store import Objects
objects = Objects(Path(sys.argv[1]))
content = sys.argv[2].encode() * 100_000
print("ready", flush=True)
while True:
    objects.put("pictures", "same", content)
"""


def _putter(root: Path, letter: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PUT_FOR_EVER, str(root), letter]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_that_put_the_same_key_and_are_killed_leave_a_whole_object(
    objects: Objects, tmp_path: Path
) -> None:
    objects.put("pictures", "same", b"z" * 100_000)
    putters = [_putter(tmp_path / "s3", letter) for letter in "ab"]
    try:
        seen: set[bytes] = set()
        deadline = time.monotonic() + 30
        while not {b"a", b"b"} <= seen and time.monotonic() < deadline:
            content = read(objects, "same")
            assert content == content[:1] * 100_000
            seen.add(content[:1])
    finally:
        for putter in putters:
            putter.send_signal(signal.SIGKILL)
            putter.communicate()
    assert {b"a", b"b"} <= seen
    content = read(Objects(tmp_path / "s3"), "same")
    assert content == content[:1] * 100_000
    assert len(content_files(tmp_path)) <= 3


def test_threads_may_share_it(objects: Objects) -> None:
    def put(number: int) -> None:
        for key in range(20):
            objects.put("pictures", f"{number}/{key}", b"x")

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(1 for _ in objects.list("pictures")) == 160


def test_what_killed_writers_left_is_swept_when_it_is_old(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.put("pictures", "a", b"ant")
    orphan = tmp_path / "s3" / "content" / "00" / ("00" * 16)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"half")
    now = time.time()
    (tmp_path / "s3" / "swept").unlink()
    Objects(tmp_path / "s3")
    assert orphan.exists()
    monkeypatch.setattr(time, "time", lambda: now + 25 * 3600)
    again = Objects(tmp_path / "s3")
    assert not orphan.exists()
    assert read(again, "a") == b"ant"
