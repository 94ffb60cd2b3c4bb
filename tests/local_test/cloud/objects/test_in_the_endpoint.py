"""S3 of the whole endpoint: a process that is stopped, killed and started again."""

import contextlib
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from sagemaker.s3 import S3Downloader, S3Uploader
from sagemaker.session import Session

from tests.local_test.cloud.servers import CREDENTIALS, CloudServer

BUCKET = "endpoint-pictures"
NO_RETRIES = Config(retries={"max_attempts": 0})


@pytest.fixture(scope="module")
def client(cloud_server: CloudServer) -> Any:
    client = cloud_server.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


def test_the_sdk_carries_folders_up_and_down(
    cloud_server: CloudServer, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cloud_server.environment.items():
        monkeypatch.setenv(name, value)
    session = Session(boto3.Session(region_name="us-east-1", **CREDENTIALS), default_bucket=BUCKET)
    source = tmp_path / "source"
    for name in ("ants/1.jpg", "bees/2 +é.jpg"):
        (source / name).parent.mkdir(parents=True)
        (source / name).write_bytes(name.encode())
    uri = f"s3://{BUCKET}/data"
    assert S3Uploader.upload(str(source), uri, sagemaker_session=session) == uri
    listed = S3Downloader.list(uri, sagemaker_session=session)
    assert listed == [f"{uri}/ants/1.jpg", f"{uri}/bees/2 +é.jpg"]
    S3Downloader.download(uri, str(tmp_path / "back"), sagemaker_session=session)
    found = sorted(path for path in (tmp_path / "back").rglob("*") if path.is_file())
    assert [path.read_bytes().decode() for path in found] == ["ants/1.jpg", "bees/2 +é.jpg"]
    body = S3Downloader.read_file(f"{uri}/ants/1.jpg", sagemaker_session=session)
    assert body == "ants/1.jpg"


def test_objects_tags_and_uploads_under_way_outlive_the_endpoint(
    cloud_server: CloudServer, client: Any
) -> None:
    client.put_object(Bucket=BUCKET, Key="kept", Body=b"ant", Metadata={"by": "me"})
    tags = [{"Key": "project", "Value": "ants"}]
    client.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": tags})
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="parts")
    at = {"Bucket": BUCKET, "Key": "parts", "UploadId": upload["UploadId"]}
    part = client.upload_part(**at, PartNumber=1, Body=b"bee")
    cloud_server.restart()
    got = client.get_object(Bucket=BUCKET, Key="kept")
    assert (got["Body"].read(), got["Metadata"]) == (b"ant", {"by": "me"})
    assert client.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == tags
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    client.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    assert client.get_object(Bucket=BUCKET, Key="parts")["Body"].read() == b"bee"


def test_a_kill_in_the_middle_of_uploads_leaves_every_object_whole(
    cloud_server: CloudServer, client: Any
) -> None:
    letters = "abcd"
    for letter in letters:
        client.put_object(Bucket=BUCKET, Key=letter, Body=b"0" * 1_000_000)
    written = threading.Event()

    def put_for_ever(letter: str) -> None:
        with contextlib.suppress(Exception):
            own = cloud_server.client("s3", config=NO_RETRIES)
            while True:
                own.put_object(Bucket=BUCKET, Key=letter, Body=letter.encode() * 1_000_000)
                written.set()

    threads = [threading.Thread(target=put_for_ever, args=(letter,)) for letter in letters]
    for thread in threads:
        thread.start()
    assert written.wait(30)
    time.sleep(0.2)
    cloud_server.kill()
    for thread in threads:
        thread.join(60)
    cloud_server.start()
    for letter in letters:
        content = client.get_object(Bucket=BUCKET, Key=letter)["Body"].read()
        assert content in (b"0" * 1_000_000, letter.encode() * 1_000_000)


def test_a_client_that_goes_away_in_the_middle_leaves_nothing(
    cloud_server: CloudServer, client: Any
) -> None:
    port = int(cloud_server.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = f"PUT /{BUCKET}/half HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 500)
    client.put_object(Bucket=BUCKET, Key="whole", Body=b"x")
    listed = client.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert "half" not in [one["Key"] for one in listed]


def test_an_upload_of_many_megabytes_does_not_stay_in_memory(
    cloud_server: CloudServer, client: Any, tmp_path: Path
) -> None:
    size = 192 << 20
    with (tmp_path / "large").open("wb") as file:
        file.truncate(size)
    before = _peak_bytes(cloud_server)
    with (tmp_path / "large").open("rb") as file:
        client.put_object(Bucket=BUCKET, Key="large", Body=file)
    got = client.get_object(Bucket=BUCKET, Key="large")["Body"]
    assert sum(len(piece) for piece in got.iter_chunks(1 << 20)) == size
    assert _peak_bytes(cloud_server) - before < size // 3
    client.delete_object(Bucket=BUCKET, Key="large")


def _peak_bytes(server: CloudServer) -> int:
    status = Path(f"/proc/{server.process.pid}/status")
    if not status.exists():
        pytest.skip("This system tells of no peaks of memory.")
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def test_a_disk_that_takes_no_more_is_said_and_nothing_is_left(
    cloud_server: CloudServer, client: Any
) -> None:
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("This system limits no other process.")
    own = cloud_server.client("s3", config=NO_RETRIES)
    pid, limit = cloud_server.process.pid, resource.RLIMIT_FSIZE
    old = resource.prlimit(pid, limit, (1 << 20, resource.RLIM_INFINITY))
    try:
        with pytest.raises(own.exceptions.ClientError, match="File too large"):
            own.put_object(Bucket=BUCKET, Key="too-large", Body=os.urandom(2 << 20))
    finally:
        resource.prlimit(pid, limit, old)
    listed = client.list_objects_v2(Bucket=BUCKET, Prefix="too-large")
    assert listed["KeyCount"] == 0
    client.put_object(Bucket=BUCKET, Key="too-large", Body=os.urandom(2 << 20))
