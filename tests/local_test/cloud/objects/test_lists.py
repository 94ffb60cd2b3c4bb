from collections.abc import Sequence
from typing import Any

import pytest

from tests.local_test.cloud.objects.conftest import S3
from tests.local_test.cloud.objects.test_reading_and_writing import ODD_KEYS, refused

KEYS = ["a", "b/1", "b/2", "b/c/3", "b0", "c/4", "é/5", "\U0001f41c"]


@pytest.fixture
def filled(s3: S3, bucket: str) -> str:
    for key in KEYS:
        s3.objects.put(bucket, key, b"")
    return bucket


def keys(answer: dict[str, Any]) -> list[str]:
    return [one["Key"] for one in answer.get("Contents", [])]


def prefixes(answer: dict[str, Any]) -> list[str]:
    return [one["Prefix"] for one in answer.get("CommonPrefixes", [])]


def test_a_list_is_sorted_by_the_bytes_of_its_keys(s3: S3, filled: str) -> None:
    assert keys(s3.client.list_objects_v2(Bucket=filled)) == sorted(KEYS, key=str.encode)
    assert keys(s3.client.list_objects(Bucket=filled)) == sorted(KEYS, key=str.encode)


def test_a_delimiter_puts_keys_together(s3: S3, filled: str) -> None:
    for list_ in (s3.client.list_objects_v2, s3.client.list_objects):
        top = list_(Bucket=filled, Delimiter="/")
        assert (keys(top), prefixes(top)) == (["a", "b0", "\U0001f41c"], ["b/", "c/", "é/"])
        below = list_(Bucket=filled, Delimiter="/", Prefix="b/")
        assert (keys(below), prefixes(below)) == (["b/1", "b/2"], ["b/c/"])
        without_end = list_(Bucket=filled, Delimiter="/", Prefix="b")
        assert (keys(without_end), prefixes(without_end)) == (["b0"], ["b/"])


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects", "list_object_versions"])
def test_pages_together_are_the_whole_list(s3: S3, filled: str, operation: str, size: int) -> None:
    def through_pages(**arguments: Any) -> tuple[Sequence[str], Sequence[str]]:
        pages = s3.client.get_paginator(operation).paginate(
            Bucket=filled, PaginationConfig={"PageSize": size}, **arguments
        )
        found = list(pages)
        contents = "Versions" if operation == "list_object_versions" else "Contents"
        assert all(len(page.get(contents, [])) <= size for page in found)
        all_keys = [one["Key"] for page in found for one in page.get(contents, [])]
        return all_keys, [one for page in found for one in prefixes(page)]

    assert through_pages() == (sorted(KEYS, key=str.encode), [])
    assert through_pages(Delimiter="/") == (["a", "b0", "\U0001f41c"], ["b/", "c/", "é/"])


def test_a_list_begins_where_it_is_told_to(s3: S3, filled: str) -> None:
    behind = s3.client.list_objects_v2(Bucket=filled, StartAfter="b/2")
    assert keys(behind) == ["b/c/3", "b0", "c/4", "é/5", "\U0001f41c"]
    assert keys(s3.client.list_objects(Bucket=filled, Marker="b0")) == ["c/4", "é/5", "\U0001f41c"]
    cut = s3.client.list_objects_v2(Bucket=filled, StartAfter="b/2", MaxKeys=2)
    assert (cut["KeyCount"], cut["IsTruncated"], cut["StartAfter"]) == (2, True, "b/2")
    token = cut["NextContinuationToken"]
    s3.client.delete_object(Bucket=filled, Key="c/4")
    rest = s3.client.list_objects_v2(Bucket=filled, ContinuationToken=token)
    assert keys(rest) == ["é/5", "\U0001f41c"]


def test_a_list_of_nothing_is_empty(s3: S3, bucket: str) -> None:
    answer = s3.client.list_objects_v2(Bucket=bucket, Prefix="none/")
    assert (answer["KeyCount"], answer["IsTruncated"], keys(answer)) == (0, False, [])
    s3.objects.put(bucket, "a", b"")
    assert not s3.client.list_objects_v2(Bucket=bucket, MaxKeys=0)["IsTruncated"]


def test_odd_keys_come_back_as_they_were(s3: S3, bucket: str) -> None:
    for key in ODD_KEYS:
        s3.objects.put(bucket, key, b"")
    assert keys(s3.client.list_objects_v2(Bucket=bucket)) == sorted(ODD_KEYS, key=str.encode)
    for key in ODD_KEYS:
        assert keys(s3.client.list_objects_v2(Bucket=bucket, Prefix=key)) == [key]


def test_the_owner_is_told_when_asked_for(s3: S3, filled: str) -> None:
    list_ = s3.client.list_objects_v2
    assert "Owner" not in list_(Bucket=filled)["Contents"][0]
    assert "ID" in list_(Bucket=filled, FetchOwner=True)["Contents"][0]["Owner"]


def test_lists_that_cannot_be_made_are_refused(s3: S3, bucket: str) -> None:
    list_ = s3.client.list_objects_v2
    assert refused(list_, Bucket="nowhere") == ("NoSuchBucket", 404)
    told = refused(list_, Bucket=bucket, ContinuationToken="no token!")
    assert told == ("InvalidArgument", 400)
    assert refused(list_, Bucket=bucket, EncodingType="other") == ("InvalidArgument", 400)
    assert refused(list_, Bucket=bucket, MaxKeys=-1) == ("InvalidArgument", 400)


def test_a_bucket_of_more_than_a_page_is_listed_whole(s3: S3, bucket: str) -> None:
    for number in range(1_200):
        s3.objects.put(bucket, f"{number // 100}/{number}", b"")
    pages = s3.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    assert len([key for page in pages for key in keys(page)]) == 1_200
    assert len(prefixes(s3.client.list_objects_v2(Bucket=bucket, Delimiter="/"))) == 12
