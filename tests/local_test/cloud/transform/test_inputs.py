"""Which objects are read, and what their results are called."""

import json
from pathlib import Path

import pytest

from local_test.cloud.objects.store import Objects
from local_test.cloud.transform.inputs import InputError, find, relative


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    objects = Objects(tmp_path)
    objects.create_bucket("data")
    for key in ("in/", "in/a.csv", "in/b/c.csv", "inner.csv"):
        objects.put("data", key, b"1")
    return objects


@pytest.mark.parametrize(
    ("prefix", "key", "name"),
    [
        ("in/", "in/a/b.csv", "a/b.csv"),
        ("in", "in/a/b.csv", "a/b.csv"),
        ("in/a.csv", "in/a.csv", "a.csv"),
        ("in/a", "in/ab.csv", "ab.csv"),
        ("a.csv", "a.csv", "a.csv"),
        ("", "in/a.csv", "in/a.csv"),
    ],
)
def test_a_result_is_named_by_the_place_below_the_prefix(prefix: str, key: str, name: str) -> None:
    assert relative(prefix, key) == name


def test_a_prefix_gives_all_objects_but_folders(objects: Objects) -> None:
    found = find(objects, {"S3DataType": "S3Prefix", "S3Uri": "s3://data/in"})
    assert [(one.key, one.name) for one in found] == [
        ("in/a.csv", "a.csv"),
        ("in/b/c.csv", "b/c.csv"),
        ("inner.csv", "inner.csv"),
    ]


def test_a_manifest_names_its_objects(objects: Objects) -> None:
    manifest = json.dumps([{"prefix": "s3://data/in/"}, "b/c.csv", "a.csv"])
    objects.put("data", "manifest", manifest.encode())
    found = find(objects, {"S3DataType": "ManifestFile", "S3Uri": "s3://data/manifest"})
    assert [one.name for one in found] == ["b/c.csv", "a.csv"]


@pytest.mark.parametrize(
    "source",
    [
        {"S3DataType": "S3Prefix", "S3Uri": "s3://nowhere/in"},
        {"S3DataType": "S3Prefix", "S3Uri": "s3://data/out"},
        {"S3DataType": "ManifestFile", "S3Uri": "s3://data/in/a.csv"},
        {"S3DataType": "ManifestFile", "S3Uri": "s3://data/none"},
    ],
)
def test_what_is_not_there_is_the_client_s_error(objects: Objects, source: dict[str, str]) -> None:
    with pytest.raises(InputError, match="ClientError"):
        find(objects, source)
