import zipfile
from pathlib import Path

import pytest

from scripts.prepare import main
from tests.data.pictures import make_folder
from tests.fetching.range_server import Served, serve
from tests.local_test.cloud.servers import CloudServer
from tests.scripts.launching import Done, call, launch

COUNTS = {"train/ant": 3, "train/bee": 2, "valid/ant": 1, "valid/bee": 1}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "insects", COUNTS)


def keys(server: CloudServer, prefix: str) -> list[str]:
    bucket = "sagemaker-us-east-1-123456789012"
    found = server.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [one["Key"].removeprefix(prefix) for one in found.get("Contents", [])]


def prepare(server: CloudServer, folder: Path, *arguments: str | Path) -> Done:
    return call(main, *arguments, folder=folder, environment=server.environment)


def test_usable_pictures_reach_s3_and_only_what_changed_goes_again(
    cloud_server: CloudServer, pictures: Path, tmp_path: Path
) -> None:
    (pictures / "train" / "ant" / "broken.jpg").write_bytes(b"none")
    share = {"IMAGECLF_LAUNCH_HYPERPARAMETERS": "max-bad-share=0.2"}
    environment = cloud_server.environment | share
    first = launch("prepare", pictures, folder=tmp_path, environment=environment)
    assert first.returncode == 0, first.stderr
    assert "Data: 2 classes; 5 training images" in first.stdout
    assert "Left out 1 of the files" in first.stdout
    assert "7 files sent" in first.stdout
    there = keys(cloud_server, "imageclf/data/insects/")
    assert len(there) == 7
    assert "train/ant/0.png" in there
    assert "train/ant/broken.jpg" not in there
    make_folder(pictures, {"train/bee": 1}, seed=5)
    again = call(main, pictures, folder=tmp_path, environment=environment)
    assert "1 files sent" in again.stdout
    assert "6 were there" in again.stdout


def test_what_the_source_lost_stays_until_it_is_mirrored(
    cloud_server: CloudServer, pictures: Path, tmp_path: Path
) -> None:
    prepare(cloud_server, tmp_path, pictures, "--name", "lost")
    (pictures / "train" / "ant" / "0.png").unlink()
    kept = prepare(cloud_server, tmp_path, pictures, "--name", "lost")
    assert "1 in S3 are not in the source" in kept.stdout
    assert "train/ant/0.png" in keys(cloud_server, "imageclf/data/lost/")
    mirrored = prepare(cloud_server, tmp_path, pictures, "--name", "lost", "--mirror")
    assert "1 deleted" in mirrored.stdout
    assert "train/ant/0.png" not in keys(cloud_server, "imageclf/data/lost/")


def test_a_zip_file_and_its_address_are_taken(
    cloud_server: CloudServer, pictures: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "zipped.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for path in pictures.rglob("*.png"):
            opened.write(path, path.relative_to(pictures))
    assert "7 files sent" in prepare(cloud_server, tmp_path, archive).stdout
    with serve(Served(archive.read_bytes())) as served:
        done = prepare(cloud_server, tmp_path, served.url, "--name", "far")
    assert done.returncode == 0, done.stderr
    assert len(keys(cloud_server, "imageclf/data/far/")) == 7


def test_a_dry_run_needs_no_account_and_says_where_the_data_would_be(
    pictures: Path, tmp_path: Path
) -> None:
    done = launch("prepare", pictures, "--dry-run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        "would be at  s3://sagemaker-us-east-1-123456789012/imageclf/data/insects/" in done.stdout
    )


def test_data_that_cannot_be_trained_on_is_refused_as_in_training(
    pictures: Path, tmp_path: Path
) -> None:
    for path in (pictures / "train" / "bee").iterdir():
        path.write_bytes(b"")
    done = call(main, pictures, "--dry-run", folder=tmp_path)
    assert done.returncode == 3
    assert "files are unusable, more than max-bad-share" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_credentials_it_says_how_to_get_some(pictures: Path, tmp_path: Path) -> None:
    region = {"AWS_REGION": "eu-west-1"}
    done = call(main, pictures, folder=tmp_path, environment=region)
    assert done.returncode == 12
    assert done.stderr.strip() == (
        "error: No AWS credentials are found; run aws configure, or set AWS_PROFILE."
    )


def test_a_bucket_that_is_not_there_is_told(
    cloud_server: CloudServer, pictures: Path, tmp_path: Path
) -> None:
    done = prepare(cloud_server, tmp_path, pictures, "--bucket", "no-such-bucket-of-mine")
    assert done.returncode == 12
    assert "There is no bucket no-such-bucket-of-mine; make it" in done.stderr
