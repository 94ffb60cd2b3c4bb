import logging
from pathlib import Path

import pytest

from local_test.cloud.hosting.recorder import Recorder
from local_test.cloud.objects.store import Objects
from tests.local_test.cloud.hosting.test_capture import BOTH, EXCHANGE


def config(percent: int = 100, *, enabled: bool = True) -> dict[str, object]:
    return {
        "EnableCapture": enabled,
        "InitialSamplingPercentage": percent,
        "DestinationS3Uri": "s3://captured/here",
        "CaptureOptions": BOTH,
    }


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    made = Objects(tmp_path)
    made.create_bucket("captured")
    return made


def test_a_batch_is_one_object_below_endpoint_variant_and_hour(objects: Objects) -> None:
    recorder = Recorder()
    for _ in range(3):
        recorder.note("endpoint", "variant", config(), EXCHANGE)
    recorder.store(objects)
    assert list(objects.list("captured")) == []  # it may still grow
    recorder.store(objects, all_of_it=True)
    (info,) = objects.list("captured")
    assert info.key.startswith("here/endpoint/variant/20")
    assert info.key.count("/") == 7
    assert info.key.endswith(".jsonl")
    with objects.open("captured", info.key) as file:
        assert len(file.readlines()) == 3


def test_what_is_switched_off_or_not_in_the_sample_is_not_kept(objects: Objects) -> None:
    recorder = Recorder()
    recorder.note("endpoint", "variant", config(enabled=False), EXCHANGE)
    recorder.note("endpoint", "variant", config(percent=50), EXCHANGE)
    recorder.store(objects, all_of_it=True)
    assert list(objects.list("captured")) == []


def test_a_bucket_that_is_not_there_is_said_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    recorder.note("endpoint", "variant", config(), EXCHANGE)
    with caplog.at_level(logging.WARNING):
        recorder.store(Objects(tmp_path), all_of_it=True)
    assert "cannot be stored at s3://captured/here/endpoint/variant/" in caplog.text
