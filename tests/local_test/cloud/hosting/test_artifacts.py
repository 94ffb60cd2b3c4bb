import io
import tarfile
from pathlib import Path

import pytest

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError
from local_test.cloud.hosting import artifacts
from local_test.cloud.hosting.containers import ModelContainer
from local_test.cloud.settings import CloudSettings
from tests.local_test.cloud.hosting.parts import archive


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    opened = Cloud.open(CloudSettings(root=tmp_path / "root"))
    opened.objects.create_bucket("b")
    return opened


def linked(kind: bytes, target: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = kind, target
        tar.addfile(member)
    return content.getvalue()


def dated(mtime: float) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("a")
        member.mtime = mtime
        tar.addfile(member)
    return content.getvalue()


def test_a_models_files_are_unpacked(cloud: Cloud, tmp_path: Path) -> None:
    cloud.objects.put("b", "m.tar.gz", archive({"a/b": b"1", "c": b"2"}))
    target = artifacts.unpack(cloud, "s3://b/m.tar.gz", tmp_path / "ml" / "model")
    assert (target / "a" / "b").read_bytes() == b"1"
    assert [one.name for one in target.parent.iterdir() if one.name.startswith(".model-")] == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (archive({"../out": b""}), "'../out' leads out of the folder"),
        (archive({"a/../../out": b""}), "leads out of the folder"),
        (archive({"/out": b""}), "'/out' leads out of the folder"),
        (linked(tarfile.SYMTYPE, "/etc/passwd"), "'link' is a link or a device"),
        (linked(tarfile.LNKTYPE, "other"), "'link' is a link or a device"),
        (linked(tarfile.FIFOTYPE, ""), "'link' is a link or a device"),
        (dated(1e30), "is damaged"),
        (b"no archive", "cannot be unpacked"),
        (archive({"a": b"1" * 10_000})[:50], "cannot be unpacked"),
    ],
    ids=["above", "through", "root", "symlink", "hardlink", "fifo", "date", "none", "cut"],
)
def test_a_hostile_or_damaged_archive_is_told_by_its_address(
    cloud: Cloud, tmp_path: Path, content: bytes, reason: str
) -> None:
    cloud.objects.put("b", "m.tar.gz", content)
    target = tmp_path / "ml" / "model"
    with pytest.raises(ApiError) as refused:
        artifacts.unpack(cloud, "s3://b/m.tar.gz", target)
    assert refused.value.message.startswith("s3://b/m.tar.gz ")
    assert reason in refused.value.message
    assert not target.exists()
    assert not (tmp_path / "out").exists()


def test_an_archive_that_is_not_there_is_told_as_aws_does(cloud: Cloud, tmp_path: Path) -> None:
    with pytest.raises(ApiError, match=r'Failed to download model data .* "s3://b/none"'):
        artifacts.unpack(cloud, "s3://b/none", tmp_path / "model")


def test_loose_files_keep_their_places_and_hostile_keys_are_refused(
    cloud: Cloud, tmp_path: Path
) -> None:
    cloud.objects.put("b", "m/a/b", b"1")
    container = ModelContainer("image", {}, "s3://b/m/", "prefix")
    artifacts.provide(cloud, container, tmp_path / "model")
    assert (tmp_path / "model" / "a" / "b").read_bytes() == b"1"
    plain = ModelContainer("image", {}, "s3://b/m/a/b", "object")
    artifacts.provide(cloud, plain, tmp_path / "plain")
    assert (tmp_path / "plain" / "b").read_bytes() == b"1"
    with pytest.raises(ApiError, match="Failed to download model data"):
        artifacts.provide(cloud, ModelContainer("image", {}, "s3://b/n/", "prefix"), tmp_path / "n")
    cloud.objects.put("b", "m/../../out", b"1")
    with pytest.raises(ApiError, match="leads out of the model's folder"):
        artifacts.provide(cloud, container, tmp_path / "other")
    assert not (tmp_path / "out").exists()
