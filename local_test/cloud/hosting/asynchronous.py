"""InvokeEndpointAsync: requests wait in a queue on disk, and their answers go to S3.

Each is sent once, and again only when the endpoint had nobody to take it or the cloud ended
meanwhile. Notifications are not sent: the log says which would have been.
"""

import json
import re
import time
import uuid

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError
from local_test.cloud.hosting import async_worker, sending
from local_test.cloud.hosting.async_queue import Invocation
from local_test.cloud.hosting.outcome import ATTRIBUTES, INFERENCE_ID
from local_test.cloud.objects import uri
from local_test.cloud.operations import Document, RuntimeRequest, RuntimeResponse

resume = async_worker.resume
end = async_worker.end

_PREFIX = "x-amzn-sagemaker-"
_FILE_NAME = re.compile(r"(?!.*\..*\.)[a-zA-Z0-9][a-zA-Z0-9-_.]{0,31}")
_EXTENSION = re.compile(r"(?!s3:|https:)[a-zA-Z0-9!_.*'()/-]{1,512}")
_ID = re.compile(r"[!-~][ -~]{0,63}")
_MOST_INLINE_BYTES = 128_000
_TTL_S, _LEAST_TTL_S, _MOST_TTL_S = 21_600, 60, 21_600
_TIMEOUT_S, _LEAST_TIMEOUT_S, _MOST_TIMEOUT_S = 900, 1, 3_600


def accept(cloud: Cloud, request: RuntimeRequest) -> RuntimeResponse:
    """Put a request in the queue, and say where its answer will be.

    Raises:
        ApiError: the endpoint is not asynchronous, or the request breaks a limit.
    """
    config = sending.in_service(cloud, request.endpoint).asynchronous
    if not config:
        raise _invalid(
            f"Endpoint {request.endpoint} is not asynchronous: it takes InvokeEndpoint only."
        )
    invocation = _invocation(request, config["OutputConfig"])
    async_worker.of(cloud).add(invocation, b"" if invocation.source else request.body)
    headers = {
        "Content-Type": "application/json",
        "X-Amzn-SageMaker-OutputLocation": invocation.output,
        "x-amzn-RequestId": str(uuid.uuid4()),
    }
    if invocation.failure:
        headers["X-Amzn-SageMaker-FailureLocation"] = invocation.failure
    body = json.dumps({"InferenceId": invocation.inference_id}).encode()
    return RuntimeResponse(202, headers, body)


def _invocation(request: RuntimeRequest, output: Document) -> Invocation:
    inference_id = _matching(request, "inference-id", _ID) or str(uuid.uuid4())
    name = _matching(request, "filename", _FILE_NAME)
    extension = _matching(request, "s3outputpathextension", _EXTENSION)
    if "S3OutputPath" not in output:
        raise _invalid("The endpoint's configuration has no S3OutputPath for answers.")
    failures = output.get("S3FailurePath")
    return Invocation(
        endpoint=request.endpoint,
        inference_id=inference_id,
        region=request.region,
        source=_source(request),
        output=uri.join(output["S3OutputPath"], extension, name or f"{inference_id}.out"),
        failure=uri.join(failures, f"{name or inference_id}-error.out") if failures else "",
        headers=_headers(request, inference_id),
        timeout_s=_number(
            request, "invocationtimeoutseconds", _TIMEOUT_S, _LEAST_TIMEOUT_S, _MOST_TIMEOUT_S
        ),
        at_s=time.time(),
        ttl_s=_number(request, "requestttlseconds", _TTL_S, _LEAST_TTL_S, _MOST_TTL_S),
    )


def _source(request: RuntimeRequest) -> str:
    """Where the body lies; empty when it came along."""
    address = request.headers.get(f"{_PREFIX}inputlocation", "")
    if bool(address) == bool(request.body):
        raise _invalid("Give either InputLocation or Body.")
    if len(request.body) > _MOST_INLINE_BYTES:
        raise _invalid(f"Body must have at most {_MOST_INLINE_BYTES} bytes; use InputLocation.")
    if address:
        uri.split(address)
    return address


def _headers(request: RuntimeRequest, inference_id: str) -> dict[str, str]:
    """What the container gets; the client's names of the first two are others than those of HTTP.

    A client's own Content-Type is that of the request, which has no body as a rule.
    """
    found = {
        "content-type": request.headers.get(f"{_PREFIX}content-type", ""),
        "accept": request.headers.get(f"{_PREFIX}accept", ""),
        ATTRIBUTES: request.headers.get(ATTRIBUTES, ""),
        INFERENCE_ID: inference_id,
    }
    return {name: value for name, value in found.items() if value}


def _matching(request: RuntimeRequest, name: str, pattern: re.Pattern[str]) -> str:
    text = request.headers.get(_PREFIX + name, "")
    if text and not pattern.fullmatch(text):
        raise _invalid(f"{text!r} at {name!r} must match {pattern.pattern}.")
    return text


def _number(request: RuntimeRequest, name: str, default: int, least: int, most: int) -> int:
    text = request.headers.get(_PREFIX + name, str(default))
    value = int(text) if re.fullmatch(r"\d{1,9}", text) else -1
    if not least <= value <= most:
        raise _invalid(f"{text!r} at {name!r} must be a whole number from {least} to {most}.")
    return value


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message)
