import hashlib
import io
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.local_test.cloud.objects.conftest import S3
from tests.local_test.cloud.objects.test_reading_and_writing import refused

PART = 5 << 20

md5 = partial(hashlib.md5, usedforsecurity=False)


def begin(s3: S3, bucket: str, key: str = "a", **told: Any) -> dict[str, Any]:
    """What names an upload that has begun."""
    answer = s3.client.create_multipart_upload(Bucket=bucket, Key=key, **told)
    return {"Bucket": bucket, "Key": key, "UploadId": answer["UploadId"]}


def send(s3: S3, upload: dict[str, Any], number: int, body: bytes) -> dict[str, Any]:
    answer = s3.client.upload_part(**upload, PartNumber=number, Body=body)
    return {"PartNumber": number, "ETag": answer["ETag"]}


def complete(s3: S3, upload: dict[str, Any], *parts: dict[str, Any], **told: Any) -> Any:
    return s3.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **told)


def content_files(root: Path) -> int:
    return sum(path.is_file() for path in (root / "content").rglob("*"))


def test_a_large_file_goes_up_in_parts_and_comes_down(s3: S3, bucket: str, tmp_path: Path) -> None:
    content = os.urandom(3 * PART + 17)
    (tmp_path / "large").write_bytes(content)
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    more = {"Metadata": {"by": "me"}, "ContentType": "image/png"}
    s3.client.upload_file(str(tmp_path / "large"), bucket, "large", Config=config, ExtraArgs=more)
    head = s3.client.head_object(Bucket=bucket, Key="large", ChecksumMode="ENABLED")
    assert (head["ContentLength"], head["Metadata"], head["ContentType"]) == (
        len(content),
        {"by": "me"},
        "image/png",
    )
    sums = b"".join(md5(content[at : at + PART]).digest() for at in range(0, len(content), PART))
    assert head["ETag"] == f'"{md5(sums).hexdigest()}-4"'
    assert head["ChecksumCRC32"].endswith("-4")
    s3.client.download_file(bucket, "large", str(tmp_path / "back"), Config=config)
    assert (tmp_path / "back").read_bytes() == content
    second = s3.client.get_object(Bucket=bucket, Key="large", PartNumber=4)
    assert (second["Body"].read(), second["PartsCount"]) == (content[3 * PART :], 4)


def test_parts_are_put_together_in_their_order_the_last_of_each_number(s3: S3, bucket: str) -> None:
    upload = begin(s3, bucket)
    send(s3, upload, 1, b"0" * PART)
    last = send(s3, upload, 7, b"end")
    first = send(s3, upload, 1, b"1" * PART)
    answer = complete(s3, upload, first, last)
    assert (answer["Bucket"], answer["Key"]) == (bucket, "a")
    got = s3.client.get_object(Bucket=bucket, Key="a")
    assert (got["ETag"], got["Body"].read()) == (answer["ETag"], b"1" * PART + b"end")


def test_an_upload_that_ended_leaves_only_its_object(s3: S3, bucket: str) -> None:
    before = content_files(s3.root)
    upload = begin(s3, bucket)
    send(s3, upload, 2, b"not wanted")
    complete(s3, upload, send(s3, upload, 1, b"1"))
    assert content_files(s3.root) == before + 1
    assert refused(s3.client.list_parts, **upload) == ("NoSuchUpload", 404)
    aborted = begin(s3, bucket)
    send(s3, aborted, 1, b"1")
    s3.client.abort_multipart_upload(**aborted)
    assert content_files(s3.root) == before + 1
    assert refused(s3.client.abort_multipart_upload, **aborted) == ("NoSuchUpload", 404)


def test_an_upload_under_way_can_be_looked_at(s3: S3, bucket: str) -> None:
    uploads = [begin(s3, bucket, key) for key in ("b/1", "a", "b/2")]
    for number in (2, 1, 3):
        send(s3, uploads[0], number, b"x" * number)
    parts = s3.client.get_paginator("list_parts").paginate(
        **uploads[0], PaginationConfig={"PageSize": 2}
    )
    assert [(part["PartNumber"], part["Size"]) for page in parts for part in page["Parts"]] == [
        (1, 1),
        (2, 2),
        (3, 3),
    ]
    pages = s3.client.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 1}
    )
    assert [one["Key"] for page in pages for one in page["Uploads"]] == ["a", "b/1", "b/2"]
    grouped = s3.client.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [one["Prefix"] for one in grouped["CommonPrefixes"]] == ["b/"]
    for upload in uploads:
        s3.client.abort_multipart_upload(**upload)
    assert "Uploads" not in s3.client.list_multipart_uploads(Bucket=bucket)


def test_a_part_can_be_copied_from_an_object(s3: S3, bucket: str) -> None:
    s3.client.put_object(Bucket=bucket, Key="source", Body=b"0123456789")
    upload = begin(s3, bucket)
    source = {"Bucket": bucket, "Key": "source"}
    copy = s3.client.upload_part_copy
    told = copy(**upload, PartNumber=1, CopySource=source, CopySourceRange="bytes=2-4")
    complete(s3, upload, {"PartNumber": 1, "ETag": told["CopyPartResult"]["ETag"]})
    assert s3.client.get_object(Bucket=bucket, Key="a")["Body"].read() == b"234"
    again = {**begin(s3, bucket), "PartNumber": 1, "CopySource": source}
    assert refused(copy, **again, CopySourceRange="bytes=5-10") == ("InvalidArgument", 400)
    assert refused(copy, **again, CopySourceRange="all") == ("InvalidArgument", 400)


def test_an_upload_that_does_not_fit_its_parts_is_refused(s3: S3, bucket: str) -> None:
    upload = begin(s3, bucket)
    one, two = send(s3, upload, 1, b"1"), send(s3, upload, 2, b"2")
    wrong = {"PartNumber": 1, "ETag": '"0"'}
    for parts, code in (
        ([], "MalformedXML"),
        ([two, one], "InvalidPartOrder"),
        ([wrong], "InvalidPart"),
        ([one, {**two, "PartNumber": 3}], "InvalidPart"),
        ([one, two], "EntityTooSmall"),
    ):
        with pytest.raises(ClientError) as error:
            complete(s3, upload, *parts)
        assert error.value.response["Error"]["Code"] == code
    numbers = [
        refused(s3.client.upload_part, **upload, PartNumber=n, Body=b"") for n in (0, 10_001)
    ]
    assert numbers == [("InvalidArgument", 400)] * 2
    other = {**upload, "Key": "b"}
    assert refused(s3.client.list_parts, **other) == ("NoSuchUpload", 404)
    complete(s3, upload, one)


def test_an_upload_holds_to_its_conditions(s3: S3, bucket: str) -> None:
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"first")
    upload = begin(s3, bucket)
    part = send(s3, upload, 1, b"second")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        complete(s3, upload, part, IfNoneMatch="*")
    assert s3.client.get_object(Bucket=bucket, Key="a")["Body"].read() == b"first"
    complete(s3, upload, part)
    assert s3.client.get_object(Bucket=bucket, Key="a")["Body"].read() == b"second"


def test_a_checksum_of_the_whole_is_computed_over_the_parts(s3: S3, bucket: str) -> None:
    kind = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
    upload = begin(s3, bucket, **kind)
    parts = [send(s3, upload, 1, b"1" * PART), send(s3, upload, 2, b"2")]
    with pytest.raises(ClientError, match="BadDigest"):
        complete(s3, upload, *parts, ChecksumCRC32="AAAAAA==", ChecksumType="FULL_OBJECT")
    complete(s3, upload, *parts)
    whole = s3.client.put_object(Bucket=bucket, Key="b", Body=b"1" * PART + b"2")
    got = s3.client.get_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert (got["ChecksumCRC32"], got["ChecksumType"]) == (whole["ChecksumCRC32"], "FULL_OBJECT")
    assert len(got["Body"].read()) == PART + 1


def test_a_copy_of_an_object_of_parts_has_the_etag_of_its_content(s3: S3, bucket: str) -> None:
    upload = begin(s3, bucket)
    complete(s3, upload, send(s3, upload, 1, b"ant"))
    s3.client.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    plain = s3.client.put_object(Bucket=bucket, Key="c", Body=b"ant")
    assert s3.client.head_object(Bucket=bucket, Key="b")["ETag"] == plain["ETag"]


def test_a_stream_of_unknown_length_goes_up(s3: S3, bucket: str) -> None:
    class Stream(io.RawIOBase):
        left = PART * 2 + 3

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            given = min(self.left, size if size >= 0 else self.left)
            self.left -= given
            return b"x" * given

    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    s3.client.upload_fileobj(Stream(), bucket, "stream", Config=config)
    assert s3.client.head_object(Bucket=bucket, Key="stream")["ContentLength"] == PART * 2 + 3
