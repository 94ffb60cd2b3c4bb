"""Models, configurations and endpoints for the tests, made with boto3."""

import io
import json
import tarfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from botocore.exceptions import ClientError

from tests.local_test.cloud.servers import CloudServer

FAKE_IMAGE = Path(__file__).with_name("fake_image")
ROLE = "arn:aws:iam::123456789012:role/service-role/someone"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/imageclf:1"
BUCKET = "hosting"
PATIENCE_S = 60.0


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


def archive(files: Mapping[str, bytes]) -> bytes:
    """A model.tar.gz of these files."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()


def put(server: CloudServer, key: str, data: bytes) -> str:
    server.cloud.objects.create_bucket(BUCKET)
    server.cloud.objects.put(BUCKET, key, data)
    return f"s3://{BUCKET}/{key}"


def make_model(server: CloudServer, data: str | None = None, **environment: str) -> str:
    """A model of the fake image; its data have the file `name` when nothing else is said."""
    name = unique("model")
    if data is None:
        data = put(server, f"{name}/model.tar.gz", archive({"name": name.encode()}))
    container = {"Image": IMAGE, "ModelDataUrl": data}
    container["Mode"] = "MultiModel" if data.endswith("/") else "SingleModel"
    server.client("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer=container
        | {"Environment": {"PYTHONPATH": str(FAKE_IMAGE), "WHO": name} | environment},
    )
    return name


def variant(model: str, name: str = "AllTraffic", **more: Any) -> dict[str, Any]:
    usual = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    if "ServerlessConfig" in more:
        usual = {}
    return {"VariantName": name, "ModelName": model} | usual | more


def make_config(server: CloudServer, *variants: dict[str, Any], **more: Any) -> str:
    name = unique("config")
    server.client("sagemaker").create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=list(variants), **more
    )
    return name


def begin(server: CloudServer, config: str) -> str:
    name = unique("endpoint")
    server.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=config)
    return name


def deploy(server: CloudServer, *variants: dict[str, Any], **more: Any) -> str:
    """An endpoint that is in service."""
    name = begin(server, make_config(server, *variants, **more))
    assert settled(server, name)["EndpointStatus"] == "InService"
    return name


def settled(server: CloudServer, name: str) -> dict[str, Any]:
    """The endpoint's description once nothing is going on with it any more."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found: dict[str, Any] = server.client("sagemaker").describe_endpoint(EndpointName=name)
        if found["EndpointStatus"] in {"InService", "Failed"}:
            return found
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.05)


def remove(server: CloudServer, name: str) -> None:
    """Delete an endpoint, and wait until it is gone."""
    server.client("sagemaker").delete_endpoint(EndpointName=name)
    deadline = time.monotonic() + PATIENCE_S
    while server.cloud.store.find("endpoint", name):
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.02)


def ask(server: CloudServer, endpoint: str, order: bytes = b"hello", **more: Any) -> dict[str, Any]:
    """What the fake container answers."""
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, Body=order, ContentType="text/plain", **more
    )
    told: dict[str, Any] = json.loads(answer["Body"].read())
    return told | {"variant": answer["InvokedProductionVariant"]}


@contextmanager
def load(server: CloudServer, endpoint: str, callers: int = 3) -> Iterator[list[Any]]:
    """Callers that ask without a pause; what each answer, or fault, was."""
    answers: list[Any] = []
    ending = threading.Event()

    def call() -> None:
        while not ending.is_set():
            try:
                answers.append(ask(server, endpoint, b"sleep 0.02"))
            except ClientError as error:
                answers.append(error)

    with ThreadPoolExecutor(callers) as pool:
        for _ in range(callers):
            pool.submit(call)
        try:
            yield answers
        finally:
            ending.set()


def faults(answers: list[Any]) -> list[Any]:
    return [one for one in answers if isinstance(one, ClientError)]


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Whether the process runs; one that only waits to be taken note of does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def describe(server: CloudServer, endpoint: str) -> dict[str, Any]:
    found: dict[str, Any] = server.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    return found
