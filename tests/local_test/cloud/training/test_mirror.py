"""Folders that S3 gets."""

from pathlib import Path

import pytest

from local_test.cloud.cloud import Cloud
from local_test.cloud.settings import CloudSettings
from local_test.cloud.training.channels import ChannelError
from local_test.cloud.training.mirror import Mirror


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    cloud = Cloud.open(CloudSettings(root=tmp_path / "root"))
    cloud.objects.create_bucket("a-bucket")
    return cloud


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "ml" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def mirror(cloud: Cloud, folder: Path, *, deletes: bool = True) -> Mirror:
    return Mirror(cloud, "s3://a-bucket/kept", folder, folder.parent, deletes=deletes)


def keys(cloud: Cloud) -> list[str]:
    return [one.key for one in cloud.objects.list("a-bucket")]


def test_only_what_changed_is_carried(cloud: Cloud, folder: Path) -> None:
    made = mirror(cloud, folder)
    (folder / "a").write_text("1")
    (folder / "b").write_text("1")
    made.push()
    before = cloud.objects.info("a-bucket", "kept/b").modified_s
    (folder / "a").write_text("22")
    made.push()
    with cloud.objects.open("a-bucket", "kept/a") as file:
        assert file.read() == b"22"
    assert cloud.objects.info("a-bucket", "kept/b").modified_s == before


def test_what_was_restored_is_not_carried_back_and_its_deletion_is(
    cloud: Cloud, folder: Path
) -> None:
    cloud.objects.put("a-bucket", "kept/deep/a", b"1")
    cloud.objects.put("a-bucket", "kept-not/b", b"1")
    before = cloud.objects.info("a-bucket", "kept/deep/a").modified_s
    made = mirror(cloud, folder)
    assert made.restore() == 1
    made.push()
    assert cloud.objects.info("a-bucket", "kept/deep/a").modified_s == before
    (folder / "deep" / "a").unlink()
    made.push()
    assert keys(cloud) == ["kept-not/b"]


def test_what_others_put_there_stays(cloud: Cloud, folder: Path) -> None:
    made = mirror(cloud, folder)
    made.restore()
    cloud.objects.put("a-bucket", "kept/theirs", b"1")
    (folder / "mine").touch()
    made.push()
    (folder / "mine").unlink()
    made.push()
    assert keys(cloud) == ["kept/theirs"]


def test_a_folder_that_only_gives_loses_nothing_in_s3(cloud: Cloud, folder: Path) -> None:
    made = mirror(cloud, folder, deletes=False)
    (folder / "a").touch()
    made.push()
    (folder / "a").unlink()
    made.push()
    assert keys(cloud) == ["kept/a"]


def test_links_lead_nowhere(cloud: Cloud, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_text("secret")
    (folder / "file").symlink_to(tmp_path / "secret" / "file")
    (folder / "folder").symlink_to(tmp_path / "secret")
    made = mirror(cloud, folder)
    made.push()
    for link in (folder / "file", folder / "folder"):
        link.unlink()
    folder.rmdir()
    folder.symlink_to(tmp_path / "secret")
    made.push()
    assert keys(cloud) == []


def test_a_key_that_leads_out_is_refused(cloud: Cloud, folder: Path) -> None:
    cloud.objects.put("a-bucket", "kept/../../../out", b"1")
    with pytest.raises(ChannelError, match="leads out"):
        mirror(cloud, folder).restore()
    assert not (folder.parents[1] / "out").exists()
