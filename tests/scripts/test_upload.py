import hashlib
from pathlib import Path
from typing import Any

import pytest

from imageclf.errors import DataError
from scripts.upload import Outcome, upload
from tests.local_test.cloud.servers import CloudServer

BUCKET = "sagemaker-us-east-1-123456789012"
FILES = tuple(f"train/ant/{number}.png" for number in range(40))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


class BreaksOff:
    """An S3 client whose user presses Ctrl-C after some objects."""

    def __init__(self, s3: Any, after: int) -> None:
        self._s3, self._left = s3, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def put_object(self, **request: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return self._s3.put_object(**request)


def test_an_upload_that_was_broken_off_goes_on_where_it_ended(
    cloud_server: CloudServer, folder: Path
) -> None:
    s3 = cloud_server.client("s3")
    with pytest.raises(KeyboardInterrupt):
        upload(BreaksOff(s3, 5), folder, FILES, BUCKET, "broken/")
    rest = upload(s3, folder, FILES, BUCKET, "broken/")
    assert (rest.sent, rest.unchanged) == (35, 5)
    content = s3.get_object(Bucket=BUCKET, Key=f"broken/{FILES[-1]}")["Body"].read()
    assert content == FILES[-1].encode()


def test_an_object_whose_etag_is_no_md5_is_known_by_the_digest_in_its_metadata(
    cloud_server: CloudServer, folder: Path
) -> None:
    s3, name = cloud_server.client("s3"), FILES[0]
    digest = hashlib.sha256(name.encode()).hexdigest()
    where = {"Bucket": BUCKET, "Key": f"parts/{name}"}
    begun = s3.create_multipart_upload(**where, Metadata={"sha256": digest})
    number = {"UploadId": begun["UploadId"], "PartNumber": 1}
    part = s3.upload_part(**where, **number, Body=name.encode())
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.complete_multipart_upload(**where, UploadId=begun["UploadId"], MultipartUpload=parts)
    assert upload(s3, folder, [name], BUCKET, "parts/") == Outcome(unchanged=1)


def test_another_content_of_the_same_length_is_sent(
    cloud_server: CloudServer, folder: Path
) -> None:
    s3, name = cloud_server.client("s3"), FILES[0]
    upload(s3, folder, [name], BUCKET, "same/")
    (folder / name).write_text(name[::-1])
    assert upload(s3, folder, [name], BUCKET, "same/").sent == 1


@pytest.mark.parametrize("name", ["train/ant/\udcff.png", "train/a\nb.png", "x" * 1100])
def test_a_name_that_s3_does_not_take_is_told_before_anything_is_sent(
    cloud_server: CloudServer, folder: Path, name: str
) -> None:
    with pytest.raises(DataError, match="rename the file"):
        upload(cloud_server.client("s3"), folder, [FILES[0], name], BUCKET, "names/")
    assert not list(cloud_server.cloud.objects.list(BUCKET, "names/"))


def test_a_file_that_went_meanwhile_is_told(cloud_server: CloudServer, folder: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png cannot be read"):
        upload(cloud_server.client("s3"), folder, ["gone.png"], BUCKET, "gone/")
