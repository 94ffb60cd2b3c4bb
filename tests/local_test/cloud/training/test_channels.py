"""Data on its way from S3 to a job."""

import gzip
import json
import resource
from pathlib import Path

import pytest

from local_test.cloud.cloud import Cloud
from local_test.cloud.settings import CloudSettings
from local_test.cloud.training.channels import ChannelError, fetch
from tests.local_test.cloud.training.jobs import Jobs, channel

SHOW = "cd /opt/ml/input/data && find . -type f | sort | tee /opt/ml/model/seen"


def seen(jobs: Jobs, name: str, *channels: dict[str, object], hosts: int = 1) -> list[str]:
    job = jobs.run(name, SHOW, hosts=hosts, InputDataConfig=list(channels))
    assert job["TrainingJobStatus"] == "Completed", job
    return jobs.log(name).splitlines()


@pytest.fixture(scope="module")
def data(jobs: Jobs) -> str:
    for key in ("data/train/a", "data/train/deep/b", "data/train2/c", "data/train/empty/"):
        jobs.put(key)
    return "s3://a-bucket/data"


def test_a_prefix_is_a_folder_a_file_or_the_beginning_of_names(jobs: Jobs, data: str) -> None:
    channels = [
        channel("folder", f"{data}/train/"),
        channel("file", f"{data}/train/deep/b"),
        channel("begun", f"{data}/tra"),
    ]
    assert seen(jobs, "prefixes", *channels) == [
        "./begun/train/a",
        "./begun/train/deep/b",
        "./begun/train2/c",
        "./file/b",
        "./folder/a",
        "./folder/deep/b",
    ]


def test_a_manifest_names_the_objects(jobs: Jobs, data: str) -> None:
    manifest = [{"prefix": f"{data}/"}, "train/a", "train2/c"]
    address = jobs.put("manifest.json", json.dumps(manifest).encode())
    listed = channel("listed", address, S3DataType="ManifestFile")
    assert seen(jobs, "manifest", listed) == ["./listed/train/a", "./listed/train2/c"]


def test_shards_share_the_objects_among_the_instances(jobs: Jobs, data: str) -> None:
    sharded = channel("part", data, S3DataDistributionType="ShardedByS3Key")
    first = seen(jobs, "sharded", sharded, hosts=2)
    second = jobs.log("sharded", 2).splitlines()
    assert (first, second) == (["./part/train/a", "./part/train2/c"], ["./part/train/deep/b"])


def test_gzip_files_come_unpacked(jobs: Jobs) -> None:
    address = jobs.put("packed/words.csv.gz", gzip.compress(b"1,2"))
    job = jobs.run(
        "gzip",
        "cp /opt/ml/input/data/training/* /opt/ml/model",
        InputDataConfig=[channel("training", address) | {"CompressionType": "Gzip"}],
    )
    assert jobs.unpacked(job) == {"words.csv": b"1,2"}


def test_a_job_cannot_write_to_a_fast_file_channel(jobs: Jobs, data: str) -> None:
    script = "cd /opt/ml/input/data; touch slow/x; touch fast/x 2>/opt/ml/model/error; ls slow"
    channels = [
        channel("fast", f"{data}/train") | {"InputMode": "FastFile"},
        channel("slow", f"{data}/train"),
    ]
    job = jobs.run("fast-file", script, InputDataConfig=channels)
    assert b"Read-only" in jobs.unpacked(job)["error"]
    assert "x" in jobs.log("fast-file").splitlines()


@pytest.mark.parametrize(
    ("name", "key", "reason"),
    [
        ("absent", None, "No S3 objects found under S3 URL"),
        ("above", "up/../../../x", "leads out of the channel's folder"),
        ("both", "twice/a", "is the name of a file and of a folder too"),
    ],
)
def test_objects_that_cannot_be_brought_are_the_reason_of_the_failure(
    jobs: Jobs, name: str, key: str | None, reason: str
) -> None:
    if key is not None:
        jobs.server.cloud.objects.put("a-bucket", key, b"")
        jobs.put("twice/a/b")
    address = f"s3://a-bucket/{(key or 'no-such').partition('/')[0]}"
    job = jobs.run(name, inputs={"training": address})
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed")
    assert reason in job["FailureReason"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("no-list", b"{}", "is no manifest"),
        ("out", b'[{"prefix": "s3://a-bucket/"}, "../x"]', "leads out of the channel's folder"),
        ("gone", b'[{"prefix": "s3://a-bucket/"}, "no/such"]', "NoSuchKey (404): The specified"),
    ],
)
def test_a_bad_manifest_is_the_reason_of_the_failure(
    jobs: Jobs, name: str, content: bytes, reason: str
) -> None:
    address = jobs.put(f"{name}.json", content)
    made = channel("training", address, S3DataType="ManifestFile")
    job = jobs.run(f"manifest-{name}", InputDataConfig=[made])
    assert job["TrainingJobStatus"] == "Failed"
    assert reason in job["FailureReason"]


def test_a_full_disk_is_the_reason_of_the_failure(tmp_path: Path) -> None:
    cloud = Cloud.open(CloudSettings(root=tmp_path / "root"))
    cloud.objects.create_bucket("a-bucket")
    cloud.objects.put("a-bucket", "data", bytes(100_000))
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, most))  # the nearest to a disk that is full
    try:
        with pytest.raises(ChannelError, match=r"^ClientError: Data download failed .*too large"):
            fetch(cloud, {"S3Uri": "s3://a-bucket/data"}, tmp_path / "channel")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
