"""Batch transform, as a client sees it: real requests and processes, and a small fake container."""

import gzip
import io
import json
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_test.cloud.servers import PATIENCE_S, CloudServer

FAKE_IMAGE = Path(__file__).with_name("fake_image")
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/imageclf:1"
ROLE = "arn:aws:iam::123456789012:role/imageclf"


@pytest.fixture(scope="module")
def sagemaker(cloud_server: CloudServer) -> Any:
    cloud_server.client("s3").create_bucket(Bucket="work")
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("empty"), io.BytesIO())
    put(cloud_server, "model.tar.gz", content.getvalue())
    make_model(cloud_server, "echo")
    return cloud_server.client("sagemaker")


def put(server: CloudServer, key: str, body: bytes) -> None:
    server.cloud.objects.put("work", key, body)


def make_model(server: CloudServer, name: str, **environment: str) -> None:
    server.client("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={
            "Image": IMAGE,
            "ModelDataUrl": "s3://work/model.tar.gz",
            "Environment": {"PYTHONPATH": str(FAKE_IMAGE)} | environment,
        },
    )


def request(name: str, **more: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://work/in/{name}/"}
    given = {"DataSource": {"S3DataSource": source | more.pop("source", {})}}
    return {
        "TransformJobName": name,
        "ModelName": more.pop("model", "echo"),
        "TransformInput": given | more.pop("input", {}),
        "TransformOutput": {"S3OutputPath": f"s3://work/out/{name}"} | more.pop("output", {}),
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1}
        | more.pop("resources", {}),
        **more,
    }


def ended(sagemaker: Any, name: str) -> dict[str, Any]:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        job: dict[str, Any] = sagemaker.describe_transform_job(TransformJobName=name)
        if job["TransformJobStatus"] not in {"InProgress", "Stopping"}:
            return job
        time.sleep(0.1)
    raise AssertionError(f"{name} did not end: {job}")


def results(server: CloudServer, name: str) -> dict[str, bytes]:
    prefix = f"out/{name}/"
    found = server.cloud.objects.list("work", prefix)
    return {one.key.removeprefix(prefix): read(server, one.key) for one in found}


def read(server: CloudServer, key: str) -> bytes:
    with server.cloud.objects.open("work", key) as file:
        return file.read()


def logged(server: CloudServer, name: str) -> list[str]:
    found = server.cloud.logs.since(0)
    return [
        one.message
        for one in found
        if one.group == "/aws/sagemaker/TransformJobs" and one.stream.startswith(f"{name}/")
    ]


def test_each_object_is_sent_whole_and_its_result_stands_in_the_same_place(
    sagemaker: Any, cloud_server: CloudServer
) -> None:
    put(cloud_server, "in/whole/a.jpg", b"\xff\xd8")
    put(cloud_server, "in/whole/b/c.jpg", b"one\ntwo")
    put(cloud_server, "in/whole/b/empty.jpg", b"")
    sagemaker.create_transform_job(
        **request("whole", output={"Accept": "text/plain"}, Tags=[{"Key": "a", "Value": "b"}])
    )
    job = ended(sagemaker, "whole")
    assert job["TransformJobStatus"] == "Completed", job
    assert job["TransformStartTime"] <= job["TransformEndTime"]
    assert results(cloud_server, "whole") == {
        "a.jpg.out": b"[\xff\xd8]text/plain",
        "b/c.jpg.out": b"[one\ntwo]text/plain",
        "b/empty.jpg.out": b"[]text/plain",
    }
    assert sorted(logged(cloud_server, "whole")) == [
        "[sagemaker logs]: MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD",
        "batch true",
    ]
    tags = sagemaker.list_tags(ResourceArn=job["TransformJobArn"])["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}]


def test_lines_go_one_by_one_and_come_back_in_order(
    sagemaker: Any, cloud_server: CloudServer
) -> None:
    lines = [b"%d flaky" % number if number % 7 == 0 else b"%d" % number for number in range(40)]
    put(cloud_server, "in/lines/a.csv", b"\n".join(lines) + b"\n")
    sagemaker.create_transform_job(
        **request(
            "lines",
            input={"SplitType": "Line", "ContentType": "text/csv"},
            output={"AssembleWith": "Line"},
            BatchStrategy="SingleRecord",
            MaxConcurrentTransforms=4,
        )
    )
    assert ended(sagemaker, "lines")["TransformJobStatus"] == "Completed"
    expected = b"".join(b"[%s]\n" % line for line in lines)
    assert results(cloud_server, "lines") == {"a.csv.out": expected}


def test_lines_go_together_and_a_gzip_file_is_read_as_it_was(
    sagemaker: Any, cloud_server: CloudServer
) -> None:
    put(cloud_server, "in/gzip/a.csv.gz", gzip.compress(b"a\nb\nc\n"))
    manifest = [{"prefix": "s3://work/in/gzip/"}, "a.csv.gz"]
    put(cloud_server, "manifests/gzip", json.dumps(manifest).encode())
    sagemaker.create_transform_job(
        **request(
            "gzip",
            source={"S3DataType": "ManifestFile", "S3Uri": "s3://work/manifests/gzip"},
            input={"SplitType": "Line", "CompressionType": "Gzip"},
            output={"AssembleWith": "Line"},
        )
    )
    assert ended(sagemaker, "gzip")["TransformJobStatus"] == "Completed"
    assert results(cloud_server, "gzip") == {"a.csv.gz.out": b"[a\nb\nc]\n"}


def test_the_container_says_how_it_wants_to_be_asked_where_the_request_does_not(
    sagemaker: Any, cloud_server: CloudServer
) -> None:
    offered = {
        "MaxConcurrentTransforms": 3,
        "BatchStrategy": "SINGLE_RECORD",
        "MaxPayloadInMB": 2,
    }
    make_model(cloud_server, "offers", FAKE_PARAMETERS=json.dumps(offered))
    put(cloud_server, "in/offers/a", b"a\nb")
    sagemaker.create_transform_job(
        **request("offers", model="offers", input={"SplitType": "Line"}, MaxPayloadInMB=1)
    )
    assert ended(sagemaker, "offers")["TransformJobStatus"] == "Completed"
    assert results(cloud_server, "offers") == {"a.out": b"[a][b]"}
    assert (
        "[sagemaker logs]: MaxConcurrentTransforms=3, MaxPayloadInMB=1, BatchStrategy=SINGLE_RECORD"
    ) in logged(cloud_server, "offers")


def test_rows_are_filtered_and_joined_with_their_answers(
    sagemaker: Any, cloud_server: CloudServer
) -> None:
    make_model(cloud_server, "counts", FAKE_ROWS="1")
    put(cloud_server, "in/joins/a.csv", b"x,1,22\ny,3,4\n")
    sagemaker.create_transform_job(
        **request(
            "joins",
            model="counts",
            input={"SplitType": "Line", "ContentType": "text/csv"},
            output={"AssembleWith": "Line", "Accept": "text/csv"},
            DataProcessing={
                "InputFilter": "$[1:]",
                "JoinSource": "Input",
                "OutputFilter": "$[0,-1]",
            },
        )
    )
    assert ended(sagemaker, "joins")["TransformJobStatus"] == "Completed"
    assert results(cloud_server, "joins") == {"a.csv.out": b"x,4\ny,3\n"}


def test_two_instances_share_the_objects(sagemaker: Any, cloud_server: CloudServer) -> None:
    for name in "abc":
        put(cloud_server, f"in/shares/{name}", name.encode())
    sagemaker.create_transform_job(**request("shares", resources={"InstanceCount": 2}))
    assert ended(sagemaker, "shares")["TransformJobStatus"] == "Completed"
    assert len(results(cloud_server, "shares")) == 3
    assert logged(cloud_server, "shares").count("batch true") == 2


def test_an_object_that_is_refused_fails_the_job_and_the_others_are_there(
    sagemaker: Any, cloud_server: CloudServer
) -> None:
    put(cloud_server, "in/refused/a", b"fine\nbad\n")
    put(cloud_server, "in/refused/b", b"fine")
    sagemaker.create_transform_job(
        **request("refused", input={"SplitType": "Line"}, BatchStrategy="SingleRecord")
    )
    job = ended(sagemaker, "refused")
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        "ClientError: See job logs for more information. 400: I do not like this. "
        "(s3://work/in/refused/a)"
    )
    assert results(cloud_server, "refused") == {"b.out": b"[fine]"}
    said = "[sagemaker logs]: work/in/refused/a: ClientError: 400: I do not like this."
    assert said in logged(cloud_server, "refused")


@pytest.mark.parametrize(
    "case",
    [
        (
            "broken",
            b"broken",
            {"ModelClientConfig": {"InvocationsMaxRetries": 1}},
            "AlgorithmError: See job logs for more information. 500: no luck",
        ),
        ("dies", b"deadly", {}, "AlgorithmError: The container ended with exit code 3"),
        (
            "late",
            b"slow",
            {
                "ModelClientConfig": {
                    "InvocationsTimeoutInSeconds": 1,
                    "InvocationsMaxRetries": 0,
                }
            },
            "AlgorithmError: See job logs for more information. no answer",
        ),
        ("not-gzip", b"plain", {"input": {"CompressionType": "Gzip"}}, "not a whole gzip file"),
        ("large", b"x" * 1_100_000, {"MaxPayloadInMB": 1}, "larger than MaxPayloadInMB"),
        ("nowhere", b"x", {"output": {"S3OutputPath": "s3://nowhere"}}, "nowhere does not exist"),
        ("nothing", b"x", {"source": {"S3Uri": "s3://work/none/"}}, "No S3 objects found"),
        ("unstarted", b"x", {"model": "fails"}, "did not pass the ping health check"),
    ],
    ids=lambda case: case[0],
)
def test_what_goes_wrong_is_the_reason(
    sagemaker: Any, cloud_server: CloudServer, case: tuple[str, bytes, dict[str, Any], str]
) -> None:
    name, body, more, reason = case
    if more.get("model") == "fails":
        make_model(cloud_server, "fails", FAKE_FAIL="1")
    put(cloud_server, f"in/{name}/a", body)
    sagemaker.create_transform_job(**request(name, **more))
    job = ended(sagemaker, name)
    assert job["TransformJobStatus"] == "Failed"
    assert reason in job["FailureReason"]


def test_a_stop_does_not_wait_for_an_answer(sagemaker: Any, cloud_server: CloudServer) -> None:
    put(cloud_server, "in/stops/a", b"slow")
    sagemaker.create_transform_job(**request("stops"))
    deadline_s = time.monotonic() + PATIENCE_S
    while "batch true" not in logged(cloud_server, "stops") and time.monotonic() < deadline_s:
        time.sleep(0.05)
    sagemaker.stop_transform_job(TransformJobName="stops")
    assert ended(sagemaker, "stops")["TransformJobStatus"] == "Stopped"
    listed = sagemaker.list_transform_jobs(StatusEquals="Stopped")["TransformJobSummaries"]
    assert [one["TransformJobName"] for one in listed] == ["stops"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"model": "none"}, "Could not find model"),
        ({"MaxPayloadInMB": 60, "MaxConcurrentTransforms": 2}, "cannot exceed 100 MB"),
        ({"input": {"SplitType": "TFRecord"}}, "does not do this: SplitType TFRecord"),
        ({"BatchStrategy": "SingleRecord"}, "needs a SplitType"),
        ({"DataProcessing": {"InputFilter": "$.a"}}, "needs a ContentType"),
        (
            {
                "input": {"SplitType": "Line", "ContentType": "text/csv"},
                "DataProcessing": {"InputFilter": "$..a"},
            },
            "DataProcessing is not valid",
        ),
    ],
)
def test_a_request_that_cannot_be_done_is_refused(
    sagemaker: Any, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message) as error:
        sagemaker.create_transform_job(**request("never", **more))
    assert error.value.response["Error"]["Code"] == "ValidationException"
