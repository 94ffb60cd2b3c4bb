"""Batch transform of pictures with SDK v2's Transformer, unchanged, and a real small model."""

import base64
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_test.pictures import made_up_jpeg
from tests.local_test.cloud.sdk_session import sdk_session
from tests.local_test.cloud.servers import PATIENCE_S, CloudServer

BUCKET = "sdk"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/imageclf:1"
ROLE = "arn:aws:iam::123456789012:role/imageclf"
CLASSES = {"Ants", "Bees", "Cats"}


@pytest.fixture(scope="module")
def session(
    cloud_server: CloudServer, tmp_path_factory: pytest.TempPathFactory, insects: Path
) -> Iterator[Any]:
    objects = cloud_server.cloud.objects
    objects.create_bucket(BUCKET)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(insects, ".")
    objects.put(BUCKET, "model.tar.gz", archive.getvalue())
    for name, size in (("a", 40), ("b", 50), ("more/c", 60)):
        objects.put(BUCKET, f"pictures/{name}.jpg", made_up_jpeg(size))
    lines = [
        {"id": size, "image": base64.b64encode(made_up_jpeg(size)).decode()} for size in (8, 9)
    ]
    text = "\n".join(json.dumps(line | {"top_k": 1}) for line in lines)
    objects.put(BUCKET, "lines/all.jsonl", text.encode())
    with sdk_session(cloud_server, tmp_path_factory.mktemp("sdk"), BUCKET) as session:
        yield session


@pytest.fixture(scope="module")
def model(session: Any) -> Any:
    from sagemaker.model import Model  # noqa: PLC0415  (dear, and only for these tests)

    return Model(
        IMAGE,
        f"s3://{BUCKET}/model.tar.gz",
        role=ROLE,
        sagemaker_session=session,
        env={"IMAGECLF_WORKERS": "1"},
    )


def finish(server: CloudServer, transformer: Any) -> None:
    """What `wait(logs=True)` does; only that looks every ten seconds."""
    name = transformer.latest_transform_job.name
    waiter = server.client("sagemaker").get_waiter("transform_job_completed_or_stopped")
    waiter.wait(
        TransformJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": int(2 * PATIENCE_S)}
    )
    transformer.sagemaker_session.logs_for_transform_job(name, wait=True, poll=0)


def results(server: CloudServer, transformer: Any) -> dict[str, str]:
    prefix = transformer.output_path.removeprefix(f"s3://{BUCKET}/") + "/"
    found = {}
    for one in server.cloud.objects.list(BUCKET, prefix):
        with server.cloud.objects.open(BUCKET, one.key) as file:
            found[one.key.removeprefix(prefix)] = file.read().decode()
    return found


@pytest.fixture(scope="module")
def pictures(model: Any) -> Any:
    """A job for pictures, begun."""
    transformer = model.transformer(
        1, "ml.m5.large", output_path=f"s3://{BUCKET}/out/pictures", accept="application/json"
    )
    transformer.transform(
        f"s3://{BUCKET}/pictures", content_type="image/jpeg", wait=False, logs=False
    )
    return transformer


@pytest.fixture(scope="module")
def lines(model: Any) -> Any:
    """A job for lines, begun."""
    transformer = model.transformer(
        1,
        "ml.m5.large",
        strategy="MultiRecord",
        assemble_with="Line",
        output_path=f"s3://{BUCKET}/out/lines",
        accept="application/jsonlines",
    )
    transformer.transform(
        f"s3://{BUCKET}/lines/all.jsonl",
        content_type="application/jsonlines",
        split_type="Line",
        input_filter="$['image','top_k']",
        join_source="Input",
        output_filter="$['id','SageMakerOutput']",
        wait=False,
        logs=False,
    )
    return transformer


@pytest.mark.usefixtures("lines")
def test_pictures_are_classified_each_in_a_file_of_its_own(
    cloud_server: CloudServer, pictures: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    finish(cloud_server, pictures)
    assert "MaxPayloadInMB" in capsys.readouterr().out
    found = results(cloud_server, pictures)
    assert set(found) == {"a.jpg.out", "b.jpg.out", "more/c.jpg.out"}
    for text in found.values():
        assert {one["class"] for one in json.loads(text)["predictions"]} == CLASSES


def test_lines_are_classified_and_joined_with_their_answers(
    cloud_server: CloudServer, lines: Any
) -> None:
    finish(cloud_server, lines)
    text = results(cloud_server, lines)["all.jsonl.out"]
    answers = [json.loads(line) for line in text.splitlines()]
    assert [answer["id"] for answer in answers] == [8, 9]
    assert all(len(answer["SageMakerOutput"]["predictions"]) == 1 for answer in answers)
