import os
from pathlib import Path

import pytest

from local_test.folders import caller, give, point


def test_a_link_is_made_and_moved(tmp_path: Path) -> None:
    point(tmp_path / "latest", "one")
    point(tmp_path / "latest", "two")
    assert (tmp_path / "latest").readlink() == Path("two")
    assert [path.name for path in tmp_path.iterdir()] == ["latest"]


def test_without_sudo_the_caller_is_the_user() -> None:
    assert caller({}) == (os.getuid(), os.getgid())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_under_sudo_files_go_to_the_one_who_typed_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "link").symlink_to(outside)
    owner = caller({"SUDO_UID": "1234", "SUDO_GID": "1235"})
    give(folder, owner)
    assert owner == (1234, 1235)
    assert {
        (path.lstat().st_uid, path.lstat().st_gid) for path in [folder, *folder.rglob("*")]
    } == {owner}
    assert outside.stat().st_uid == 0
