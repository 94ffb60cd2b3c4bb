import random
import stat
import zipfile
from pathlib import Path

import pytest

from fetching.archive import Limits, unpack_zip
from imageclf.errors import ArchiveError

GENEROUS = Limits()
FILES = {"set/train/a/1.txt": b"one" * 50, "set/train/b/2.txt": b"two", "top.txt": b""}


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return path


def read_folder(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def assert_refused(archive: Path, reason: str, limits: Limits = GENEROUS) -> None:
    outside = names(archive.parent)
    target = archive.parent / "unpacked"
    with pytest.raises(ArchiveError, match=reason):
        unpack_zip(archive, target, limits)
    assert names(archive.parent) == outside


def test_all_files_arrive(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"empty/": b""} | FILES)
    target = unpack_zip(archive, tmp_path / "unpacked")
    assert read_folder(target) == FILES
    assert (target / "empty").is_dir()


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", FILES)
    unpack_zip(archive, tmp_path / "unpacked")
    (tmp_path / "unpacked" / "top.txt").write_bytes(b"mine")
    unpack_zip(archive, tmp_path / "unpacked")
    assert (tmp_path / "unpacked" / "top.txt").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "name", ["../out.txt", "a/../../out.txt", "/etc/out.txt", "..\\out.txt", "C:/out.txt"]
)
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    assert_refused(write_zip(tmp_path / "a.zip", FILES | {name: b"evil"}), "not safe to unpack")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    member = zipfile.ZipInfo("link")
    member.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
    assert_refused(tmp_path / "a.zip", "link or a device")


def test_a_file_that_stands_where_a_folder_has_to_be_is_refused(tmp_path: Path) -> None:
    assert_refused(write_zip(tmp_path / "a.zip", {"a": b"file", "a/b": b"below"}), "cannot be")


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, pytest.warns(UserWarning):
        archive.writestr("a", "first")
        archive.writestr("a", "second")
    assert_refused(tmp_path / "a.zip", "cannot be unpacked")


def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"zeros": bytes(5_000_000)})
    assert_refused(archive, "times when unpacked")


def test_more_than_the_allowed_size_or_number_is_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", FILES)
    assert_refused(archive, "more than the", Limits(total_bytes=100))
    assert_refused(archive, "more than the 2 allowed", Limits(files=2))


def test_a_member_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"zeros": bytes(5_000_000)})
    content = archive.read_bytes()
    archive.write_bytes(content.replace((5_000_000).to_bytes(4, "little"), b"\x05\0\0\0"))
    assert_refused(archive, "damaged")


def test_a_wrong_checksum_is_found(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as opened:
        opened.writestr("a", b"the right bytes")
    archive.write_bytes(archive.read_bytes().replace(b"right", b"wrong"))
    assert_refused(archive, "damaged")


def test_a_truncated_archive_and_no_archive_are_told_apart(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", FILES)
    archive.write_bytes(archive.read_bytes()[:-40])
    assert_refused(archive, "fetch it again")
    with pytest.raises(ArchiveError, match="No such file"):
        unpack_zip(tmp_path / "absent.zip", tmp_path / "unpacked")


def test_the_check_sees_the_folder_before_it_has_its_name(tmp_path: Path) -> None:
    def check(folder: Path) -> None:
        assert read_folder(folder) == FILES
        raise ArchiveError("not what was expected")

    with pytest.raises(ArchiveError, match="not what was expected"):
        unpack_zip(write_zip(tmp_path / "a.zip", FILES), tmp_path / "unpacked", check=check)
    assert not (tmp_path / "unpacked").exists()


def test_mutated_archives_are_unpacked_inside_or_refused(tmp_path: Path) -> None:
    content = write_zip(tmp_path / "a.zip", FILES).read_bytes()
    draw = random.Random(0)
    refused = 0
    for number in range(200):
        mutated = bytearray(content)
        for _ in range(draw.randint(1, 4)):
            mutated[draw.randrange(len(mutated))] = draw.randrange(256)
        archive = tmp_path / "mutated.zip"
        archive.write_bytes(mutated)
        try:
            unpack_zip(archive, tmp_path / "out" / str(number), Limits(total_bytes=1 << 20))
        except ArchiveError:
            refused += 1
    assert refused > 50
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "mutated.zip", "out"]
