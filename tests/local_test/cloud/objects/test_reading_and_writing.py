import hashlib
import io
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from werkzeug.test import EnvironBuilder, run_wsgi_app

from local_test.cloud.objects.service import application
from tests.local_test.cloud.objects.conftest import S3, make_moto

ODD_KEYS = [
    "plain.jpg",
    "a b/c d.jpg",
    "../up.jpg",
    "a/../b/./c",
    "a//b",
    "//a",
    "folder/",
    "é/ü/\U0001f41c",
    "1+1=2 & 3%2f?#[]'\"<>",
    "back\\slash",
    "x" * 1024,
]


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[str, int]:
    """The error code and status that a call is answered with."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_object_of_any_key_can_be_put_got_listed_and_deleted(
    s3: S3, bucket: str, key: str
) -> None:
    put = s3.client.put_object(Bucket=bucket, Key=key, Body=b"ant")
    got = s3.client.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == b"ant"
    assert got["ETag"] == put["ETag"] == '"63b07e828bf016e976ff95d6ee07a105"'
    listed = s3.client.list_objects_v2(Bucket=bucket)
    assert [one["Key"] for one in listed["Contents"]] == [key]
    s3.client.delete_object(Bucket=bucket, Key=key)
    assert "Contents" not in s3.client.list_objects_v2(Bucket=bucket)


def test_what_was_told_of_an_object_is_told_again(s3: S3, bucket: str) -> None:
    told = {
        "ContentType": "image/jpeg",
        "CacheControl": "max-age=1",
        "ContentDisposition": "attachment",
        "ContentEncoding": "gzip",
        "ContentLanguage": "en",
        "StorageClass": "STANDARD_IA",
        "Metadata": {"label": "ant", "taken-by": "me", "with_underscore": "yes"},
    }
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"ant", Tagging="kind=insect&legs=6", **told)
    head = s3.client.head_object(Bucket=bucket, Key="a")
    assert {name: head[name] for name in told} == told
    assert head["ContentLength"] == 3
    assert head["TagCount"] == 2
    assert datetime.now(UTC) - head["LastModified"] < timedelta(minutes=1)
    listed = s3.client.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert (listed["Size"], listed["ETag"], listed["StorageClass"]) == (
        3,
        head["ETag"],
        "STANDARD_IA",
    )
    assert listed["LastModified"] == head["LastModified"]


def test_an_object_without_a_type_has_that_of_bytes(s3: S3, bucket: str) -> None:
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"")
    head = s3.client.head_object(Bucket=bucket, Key="a")
    assert (head["ContentType"], head["ContentLength"]) == ("binary/octet-stream", 0)
    assert s3.client.get_object(Bucket=bucket, Key="a")["Body"].read() == b""


@pytest.mark.parametrize(
    ("asked", "part", "header"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=-20", b"0123456789", "bytes 0-9/10"),
        ("bytes=5-100", b"56789", "bytes 5-9/10"),
    ],
)
def test_a_range_is_given_alone(s3: S3, bucket: str, asked: str, part: bytes, header: str) -> None:
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"0123456789")
    got = s3.client.get_object(Bucket=bucket, Key="a", Range=asked)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert (got["Body"].read(), got["ContentRange"]) == (part, header)
    assert s3.client.head_object(Bucket=bucket, Key="a", Range=asked)["ContentLength"] == len(part)


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(s3: S3, bucket: str, asked: str) -> None:
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"0123456789")
    told = refused(s3.client.get_object, Bucket=bucket, Key="a", Range=asked)
    assert told == ("InvalidRange", 416)


@pytest.mark.parametrize("asked", ["bytes=5-2", "lines=1-2", "bytes=0-1,3-4", "nonsense"])
def test_a_range_that_says_nothing_is_passed_over(s3: S3, bucket: str, asked: str) -> None:
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"0123456789")
    got = s3.client.get_object(Bucket=bucket, Key="a", Range=asked)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert got["Body"].read() == b"0123456789"


def test_reading_holds_to_its_conditions(s3: S3, bucket: str) -> None:
    etag = s3.client.put_object(Bucket=bucket, Key="a", Body=b"ant")["ETag"]
    at = {"Bucket": bucket, "Key": "a"}
    before, after = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=1)
    get = s3.client.get_object
    assert refused(get, **at, IfMatch='"other"') == ("PreconditionFailed", 412)
    assert refused(get, **at, IfUnmodifiedSince=before) == ("PreconditionFailed", 412)
    assert refused(get, **at, IfNoneMatch=etag) == ("304", 304)
    assert refused(get, **at, IfModifiedSince=after) == ("304", 304)
    assert get(**at, IfMatch=etag, IfUnmodifiedSince=before)["Body"].read() == b"ant"
    assert get(**at, IfNoneMatch='"other"', IfModifiedSince=after)["Body"].read() == b"ant"


def test_writing_holds_to_its_conditions(s3: S3, bucket: str) -> None:
    at = {"Bucket": bucket, "Key": "a"}
    put = s3.client.put_object
    assert refused(put, **at, Body=b"1", IfMatch='"x"') == ("NoSuchKey", 404)
    etag = put(**at, Body=b"1", IfNoneMatch="*")["ETag"]
    assert refused(put, **at, Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert refused(put, **at, Body=b"2", IfMatch='"x"') == ("PreconditionFailed", 412)
    put(**at, Body=b"3", IfMatch=etag)
    assert s3.client.get_object(**at)["Body"].read() == b"3"


def test_of_writers_that_want_to_be_the_first_one_is(s3: S3, bucket: str) -> None:
    def put(number: int) -> bool:
        try:
            s3.client.put_object(Bucket=bucket, Key="lock", Body=b"%d" % number, IfNoneMatch="*")
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(put, range(16))) == 1


def test_the_answer_can_be_told_what_to_call_itself(s3: S3, bucket: str) -> None:
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"ant", ContentType="image/jpeg")
    told = {"ResponseContentType": "text/plain", "ResponseContentDisposition": "inline"}
    got = s3.client.get_object(Bucket=bucket, Key="a", **told)
    assert (got["ContentType"], got["ContentDisposition"]) == ("text/plain", "inline")


def test_no_header_can_be_smuggled_into_an_answer(s3: S3, bucket: str) -> None:
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"ant")
    address = f"{s3.address}/{bucket}/a?response-content-type="
    split = requests.get(f"{address}text/html%0d%0aX-Evil:%201", timeout=10)
    assert (split.status_code, split.headers.get("X-Evil")) == (400, None)
    assert requests.get(f"{address}%C3%A9", timeout=10).status_code == 200


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_kept_and_told(s3: S3, bucket: str, algorithm: str) -> None:
    at = {"Bucket": bucket, "Key": "a"}
    put = s3.client.put_object(**at, Body=b"ant", ChecksumAlgorithm=algorithm)
    head = s3.client.head_object(**at, ChecksumMode="ENABLED")
    assert put[f"Checksum{algorithm}"] == head[f"Checksum{algorithm}"]
    asked = ["Checksum", "ObjectSize", "ETag", "StorageClass"]
    attributes = s3.client.get_object_attributes(**at, ObjectAttributes=asked)
    assert attributes["Checksum"][f"Checksum{algorithm}"] == head[f"Checksum{algorithm}"]
    assert (attributes["ObjectSize"], attributes["StorageClass"]) == (3, "STANDARD")


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"ChecksumCRC32": "AAAAAA=="}, "BadDigest"),
        ({"ChecksumSHA256": "A" * 43 + "="}, "BadDigest"),
        ({"ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, "BadDigest"),
        ({"ContentMD5": "nonsense"}, "InvalidDigest"),
    ],
)
def test_what_was_damaged_on_its_way_is_refused_and_nothing_is_left_of_it(
    s3: S3, bucket: str, told: dict[str, str], code: str
) -> None:
    files = len(_content_files(s3.root))
    assert refused(s3.client.put_object, Bucket=bucket, Key="a", Body=b"ant", **told) == (code, 400)
    assert refused(s3.client.get_object, Bucket=bucket, Key="a") == ("NoSuchKey", 404)
    assert len(_content_files(s3.root)) == files


def test_chunks_with_a_trailer_are_put_together(s3: S3, bucket: str) -> None:
    body = b"5\r\n01234\r\n3;chunk-signature=x\r\n567\r\n0\r\nx-amz-checksum-crc32:"
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "Content-Encoding": "aws-chunked,gzip",
        "x-amz-decoded-content-length": "8",
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    address = f"{s3.address}/{bucket}/a"
    good = requests.put(address, body + b"LYA69Q==\r\n\r\n", headers=headers, timeout=10)
    assert good.status_code == 200
    got = s3.client.get_object(Bucket=bucket, Key="a")
    assert (got["Body"].read(), got["ContentEncoding"]) == (b"01234567", "gzip")
    bad = requests.put(address, body + b"AAAAAA==\r\n\r\n", headers=headers, timeout=10)
    assert (bad.status_code, "BadDigest" in bad.text) == (400, True)
    short = requests.put(address, body[:8], headers=headers, timeout=10)
    assert (short.status_code, "IncompleteBody" in short.text) == (400, True)


def test_what_was_signed_has_to_arrive(s3: S3, bucket: str) -> None:
    headers = {"x-amz-content-sha256": hashlib.sha256(b"bee").hexdigest()}
    answer = requests.put(f"{s3.address}/{bucket}/a", b"ant", headers=headers, timeout=10)
    assert (answer.status_code, "XAmzContentSHA256Mismatch" in answer.text) == (400, True)


def test_presigned_addresses_are_good_until_their_time(s3: S3, bucket: str) -> None:
    for version in ("s3", "s3v4"):
        client = s3.another_client(signature_version=version)
        at = {"Bucket": bucket, "Key": f"a b+{version}"}
        put = client.generate_presigned_url("put_object", at)
        assert requests.put(put, b"ant", timeout=10).status_code == 200
        get = client.generate_presigned_url("get_object", at)
        assert requests.get(get, timeout=10).content == b"ant"
        late = re.sub(r"(Expires=|X-Amz-Date=)\d{8}", r"\g<1>10000101", get)
        answer = requests.get(late, timeout=10)
        assert (answer.status_code, "Request has expired" in answer.text) == (403, True)


def test_an_object_is_copied_with_what_goes_with_it_or_with_something_new(
    s3: S3, bucket: str
) -> None:
    copy, head = s3.client.copy_object, s3.client.head_object
    source = {"Bucket": bucket, "Key": "a +ü"}
    s3.client.put_object(**source, Body=b"ant", Metadata={"by": "me"}, ContentType="image/jpeg")
    copy(Bucket=bucket, Key="b", CopySource=source)
    copied = head(Bucket=bucket, Key="b")
    assert (copied["Metadata"], copied["ContentType"]) == ({"by": "me"}, "image/jpeg")
    new = {"Metadata": {"by": "you"}, "ContentType": "image/png", "MetadataDirective": "REPLACE"}
    copy(Bucket=bucket, Key="c", CopySource=source, **new)
    replaced = head(Bucket=bucket, Key="c")
    assert (replaced["Metadata"], replaced["ContentType"]) == ({"by": "you"}, "image/png")
    s3.client.delete_object(**source)
    assert s3.client.get_object(Bucket=bucket, Key="c")["Body"].read() == b"ant"


def test_a_copy_that_changes_nothing_or_of_nothing_is_refused(s3: S3, bucket: str) -> None:
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"ant")
    copy = s3.client.copy_object
    same = {"Bucket": bucket, "Key": "a"}
    assert refused(copy, **same, CopySource=same) == ("InvalidRequest", 400)
    nothing = {"Bucket": bucket, "Key": "none"}
    assert refused(copy, **same, CopySource=nothing) == ("NoSuchKey", 404)
    nowhere = {"Bucket": "nowhere", "Key": "a"}
    assert refused(copy, **same, CopySource=nowhere) == ("NoSuchBucket", 404)
    told = refused(copy, Bucket=bucket, Key="b", CopySource=same, CopySourceIfMatch='"x"')
    assert told == ("PreconditionFailed", 412)


def test_many_objects_are_deleted_at_once_whatever_their_keys(s3: S3, bucket: str) -> None:
    for key in ODD_KEYS:
        s3.client.put_object(Bucket=bucket, Key=key, Body=b"")
    wanted = [{"Key": key} for key in [*ODD_KEYS, " spaces ", "none"]]
    answer = s3.client.delete_objects(Bucket=bucket, Delete={"Objects": wanted})
    assert [one["Key"] for one in answer["Deleted"]] == [one["Key"] for one in wanted]
    assert list(s3.objects.list(bucket)) == []
    quiet = {"Objects": wanted, "Quiet": True}
    assert "Deleted" not in s3.client.delete_objects(Bucket=bucket, Delete=quiet)


def test_objects_have_tags(s3: S3, bucket: str) -> None:
    at = {"Bucket": bucket, "Key": "a"}
    s3.client.put_object(**at, Body=b"ant")
    assert s3.client.get_object_tagging(**at)["TagSet"] == []
    tags = [{"Key": "kind", "Value": "ant & bee"}, {"Key": "empty", "Value": ""}]
    s3.client.put_object_tagging(**at, Tagging={"TagSet": tags})
    assert s3.client.get_object_tagging(**at)["TagSet"] == tags
    s3.client.delete_object_tagging(**at)
    assert s3.client.get_object_tagging(**at)["TagSet"] == []
    many = [{"Key": str(number), "Value": ""} for number in range(11)]
    told = refused(s3.client.put_object_tagging, **at, Tagging={"TagSet": many})
    assert told == ("BadRequest", 400)


def test_what_is_not_done_is_said(s3: S3, bucket: str) -> None:
    at = {"Bucket": bucket, "Key": "a"}
    s3.client.put_object(**at, Body=b"ant")
    assert refused(s3.client.get_object_acl, **at) == ("NotImplemented", 501)
    lock = {"LegalHold": {"Status": "ON"}}
    assert refused(s3.client.put_object_legal_hold, **at, **lock) == ("NotImplemented", 501)
    key = {"x-amz-server-side-encryption-customer-algorithm": "AES256"}
    assert requests.put(f"{s3.address}/{bucket}/a", b"", headers=key, timeout=10).status_code == 501
    assert refused(s3.client.get_object, **at, VersionId="3") == ("NoSuchVersion", 404)


def test_more_than_may_be_sent_at_once_is_refused(s3: S3, bucket: str) -> None:
    environ = EnvironBuilder(f"/{bucket}/a", method="PUT").get_environ()
    environ["CONTENT_LENGTH"] = str((5 << 30) + 1)
    pieces, status, _ = run_wsgi_app(application(s3.objects, make_moto()), environ)
    assert (status[:3], b"EntityTooLarge" in b"".join(pieces)) == ("400", True)


def test_keys_and_metadata_have_their_limits(s3: S3, bucket: str) -> None:
    put = s3.client.put_object
    assert refused(put, Bucket=bucket, Key="x" * 1025, Body=b"") == ("KeyTooLongError", 400)
    large = {"a": "x" * 2048}
    told = refused(put, Bucket=bucket, Key="a", Body=b"", Metadata=large)
    assert told == ("MetadataTooLarge", 400)


def test_a_body_that_declares_entities_is_not_expanded(s3: S3, bucket: str) -> None:
    bomb = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><Delete>&b;</Delete>'
    answer = requests.post(f"{s3.address}/{bucket}?delete", bomb, timeout=10)
    assert (answer.status_code, "MalformedXML" in answer.text) == (400, True)


def test_an_error_names_its_bucket_key_and_request(s3: S3, bucket: str) -> None:
    answer = requests.get(f"{s3.address}/{bucket}/none", timeout=10)
    for part in ("<Code>NoSuchKey</Code>", "<Key>none</Key>", f"<BucketName>{bucket}</BucketName>"):
        assert part in answer.text
    assert answer.headers["x-amz-request-id"] in answer.text


def test_a_folder_of_files_goes_up_and_comes_down_as_it_was(
    s3: S3, bucket: str, tmp_path: Path
) -> None:
    contents = {f"{number}/{number}.bin": b"%d" % number * 1_000 for number in range(40)}

    def up(item: tuple[str, bytes]) -> None:
        s3.client.upload_fileobj(io.BytesIO(item[1]), bucket, item[0])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(up, contents.items()))
    for key, content in contents.items():
        s3.client.download_file(bucket, key, str(tmp_path / "file"))
        assert (tmp_path / "file").read_bytes() == content


def _content_files(root: Path) -> list[Path]:
    return [path for path in (root / "content").rglob("*") if path.is_file()]
