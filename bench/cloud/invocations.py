"""Invocations of a small model: straight to its server, through the endpoint, and with boto3."""

import http.client
import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import psutil

from bench.cloud.running import BUCKET, IMAGE, ROLE, LocalCloud
from bench.serving.photographs import gather

_NAME = "bench"
_PORT = "SAGEMAKER_BIND_TO_PORT"
_TYPE = "image/jpeg"
_WARM_UP = 20
_SIGNED_FOR = (
    "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/sagemaker/aws4_request, "
    "SignedHeaders=host, Signature=none"
)
"""Signatures are not checked; the scope says which service is meant."""


def invocations(cloud: LocalCloud, scratch: Path, count: int) -> dict[str, float]:
    """Median times, the three ways in turn."""
    picture = _deploy(cloud, scratch)
    runtime = cloud.client("sagemaker-runtime")

    def with_boto3() -> object:
        answer = runtime.invoke_endpoint(EndpointName=_NAME, ContentType=_TYPE, Body=picture)
        return answer["Body"].read()

    ways: dict[str, Callable[[], object]] = {
        "direct": _poster(f"http://127.0.0.1:{_server_port(cloud)}/invocations", picture, {}),
        "endpoint": _poster(
            f"{cloud.address}/endpoints/{_NAME}/invocations",
            picture,
            {"Authorization": _SIGNED_FOR},
        ),
        "boto3": with_boto3,
    }
    took_ms: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(count + _WARM_UP):
        for name, ask in ways.items():
            began = time.perf_counter()
            ask()
            if number >= _WARM_UP:
                took_ms[name].append((time.perf_counter() - began) * 1e3)
    middle = {name: median(took) for name, took in took_ms.items()}
    return {
        "direct_ms": middle["direct"],
        "endpoint_extra_ms": middle["endpoint"] - middle["direct"],
        "boto3_extra_ms": middle["boto3"] - middle["direct"],
    }


def _deploy(cloud: LocalCloud, scratch: Path) -> bytes:
    """An endpoint with a small network that knows the made-up pictures; one of them."""
    pictures, model, archive = scratch / "pictures", scratch / "model", scratch / "model.tar.gz"
    gather(None, pictures)
    shape = ["--architecture=resnet18", "--image-size=64"]
    command = [sys.executable, "-m", "bench.serving.material", f"--model={model}"]
    subprocess.run([*command, f"--pictures={pictures}", *shape], check=True, capture_output=True)
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(model, ".")
    cloud.client("s3").upload_file(str(archive), BUCKET, "model.tar.gz")
    sagemaker = cloud.client("sagemaker")
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
    sagemaker.create_model(ModelName=_NAME, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {
        "VariantName": "all",
        "ModelName": _NAME,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=_NAME, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=_NAME, EndpointConfigName=_NAME)
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=_NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    return next(iter(sorted(pictures.iterdir()))).read_bytes()


def _server_port(cloud: LocalCloud) -> int:
    """Of the server that belongs to this cloud."""
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        if environment.get("AWS_ENDPOINT_URL") == cloud.address and _PORT in environment:
            return int(environment[_PORT])
    raise RuntimeError("The endpoint's server was not found among the processes.")


def _poster(url: str, picture: bytes, headers: dict[str, str]) -> Callable[[], object]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port)

    def post() -> object:
        connection.request("POST", parts.path, picture, {"Content-Type": _TYPE, **headers})
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{url} answered {response.status}: {body[:200]!r}")
        return json.loads(body)

    return post
