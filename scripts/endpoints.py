"""Asking endpoints, and waiting until one is there: shared by `deploy.sh` and `predict.sh`."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from imageclf.errors import EndpointError, LaunchError
from scripts import progress, s3
from scripts.aws import Aws
from scripts.table import Prediction

Description = Mapping[str, Any]

LOG_GROUP = "/aws/sagemaker/Endpoints/"
BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
"""Statuses that another one follows by itself."""

_LAST_LINES = 20
_SHOWN = 300
"""Characters of a fault that is told as it is."""
_ASYNC_TIMEOUT_S = 900.0


def find(aws: Aws, endpoint: str) -> Description | None:
    """What DescribeEndpoint says; None when there is no such endpoint."""
    try:
        found: Description = aws.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if "Could not find" in str(error) or "does not exist" in str(error):
            return None
        raise
    return found


def need(aws: Aws, endpoint: str) -> Description:
    """An endpoint that can be asked.

    Raises:
        LaunchError: there is none of that name, or it is not in service.
    """
    seen = find(aws, endpoint)
    if seen is None:
        raise LaunchError(
            f"There is no endpoint {endpoint} in {aws.name}; make one with scripts/deploy.sh, or "
            "name another one with --endpoint."
        )
    if seen["EndpointStatus"] in {"Creating", "Failed", "Deleting"}:
        reason = str(seen.get("FailureReason", "not ready")).rstrip(".")
        raise LaunchError(
            f"The endpoint {endpoint} is {seen['EndpointStatus']} ({reason}); only one that is "
            "InService answers."
        )
    return seen


def wait(aws: Aws, endpoint: str, config: str, say: Callable[[str], None]) -> Description:
    """Stay until the endpoint serves the configuration, saying each change of its status.

    Raises:
        LaunchError: it failed, with the reason, where the log is and its last lines.
    """
    look = _Statuses(say)
    client = aws.client("sagemaker")
    seen = progress.watch(
        lambda: client.describe_endpoint(EndpointName=endpoint),
        lambda one: one["EndpointStatus"] not in BUSY,
        look,
        aws.poll_s,
    )
    if seen["EndpointStatus"] != "InService" or seen["EndpointConfigName"] != config:
        raise LaunchError(_failure(aws, seen))
    return seen


def is_asynchronous(seen: Description) -> bool:
    """Whether the endpoint takes requests from S3 and puts its answers there."""
    return "AsyncInferenceConfig" in seen


def ask(aws: Aws, request: Mapping[str, Any], body: bytes) -> bytes:
    """The answer of an endpoint to InvokeEndpoint.

    Raises:
        EndpointError: the container refused it; the message is its own.
    """
    runtime = aws.client("sagemaker-runtime")
    try:
        answer: bytes = runtime.invoke_endpoint(**request, Body=body)["Body"].read()
    except runtime.exceptions.ModelError as error:
        raise EndpointError(_said(error.response)) from error
    return answer


@dataclass(frozen=True)
class Pending:
    """Where the answer of an asynchronous endpoint will lie, or else its fault."""

    answer: str
    fault: str


def ask_later(aws: Aws, request: Mapping[str, Any]) -> Pending:
    """Hand a picture in S3 to an asynchronous endpoint."""
    sent = aws.client("sagemaker-runtime").invoke_endpoint_async(**request)
    return Pending(sent["OutputLocation"], sent.get("FailureLocation", ""))


def collect(aws: Aws, pending: Pending, timeout_s: float = _ASYNC_TIMEOUT_S) -> bytes:
    """The answer of an asynchronous endpoint, once it lies in S3.

    Raises:
        EndpointError: the container refused it, or there was no answer in time.
    """
    until_s = time.monotonic() + timeout_s
    while True:
        if (content := _object(aws, pending.answer)) is not None:
            return content
        if pending.fault and (content := _object(aws, pending.fault)) is not None:
            raise EndpointError(message(content.decode(errors="replace")))
        if time.monotonic() > until_s:
            break
        time.sleep(aws.poll_s)
    raise EndpointError(f"there is no answer after {timeout_s:.0f} s; look at {pending.answer}.")


def upload(aws: Aws, picture: bytes, kind: str, folder: str) -> str:
    """Put a picture of that media type below `folder` in S3, for an asynchronous endpoint.

    Returns its address there.
    """
    uri = f"{folder}/{uuid4().hex}"
    bucket, key = s3.split(uri)
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=picture, ContentType=kind)
    return uri


def predictions(answer: bytes) -> list[Prediction]:
    """The classes in an answer.

    Raises:
        EndpointError: it is not the answer of a classifier.
    """
    try:
        found = json.loads(answer)["predictions"]
        return [(str(one["class"]), float(one["probability"])) for one in found]
    except (ValueError, KeyError, TypeError) as error:
        raise EndpointError(f"The answer is not that of a classifier: {answer[:200]!r}.") from error


def last_lines(aws: Aws, endpoint: str, most: int = _LAST_LINES) -> list[str]:
    """The end of the endpoint's log; nothing where there is none or it may not be read."""
    try:
        lines = list(progress.LogTail(aws.client("logs"), LOG_GROUP + endpoint).read())
    except ClientError:
        return []
    return [line for _, line in lines[-most:]]


def message(text: str) -> str:
    """The sentence of the container in what AWS tells of a fault; all of it where there is none.

    The container answers `{"error": ..., "message": ...}`, and AWS may put words around it.
    """
    try:
        told, _ = json.JSONDecoder().raw_decode(text, max(text.find("{"), 0))
    except ValueError:
        told = None
    found = told.get("message") if isinstance(told, dict) else None
    return str(found) if found else text[:_SHOWN].strip()


class _Statuses:
    """Says a status when it is another one than before, with the seconds since the first look."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._began_s = time.monotonic()
        self._last = ""

    def __call__(self, seen: Description) -> None:
        status = str(seen["EndpointStatus"])
        if status != self._last:
            self._say(f"[{time.monotonic() - self._began_s:4.0f} s] {status}")
            self._last = status


def _failure(aws: Aws, seen: Description) -> str:
    name, status = seen["EndpointName"], seen["EndpointStatus"]
    reason = str(seen.get("FailureReason", "no reason given")).rstrip(".")
    state = f"goes on as it was, the update failed ({status})" if status == "InService" else status
    told = [f"The endpoint {name} is {state}: {reason}; read the log {LOG_GROUP}{name}."]
    return "\n".join(_quoted(told, last_lines(aws, name)))


def _quoted(told: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    yield from told
    if lines:
        yield "Its last lines:"
        yield from (f"  {line}" for line in lines)


def _said(response: Mapping[str, Any]) -> str:
    original = str(response.get("OriginalMessage", ""))
    status = response.get("OriginalStatusCode", "")
    return message(original) or f"the container answered {status} without a word."


def _object(aws: Aws, uri: str) -> bytes | None:
    bucket, key = s3.split(uri)
    try:
        return s3.read(aws.client("s3"), bucket, key)
    except ClientError as error:
        # Without the permission to list the bucket, S3 answers 403 for an object that is not there.
        if error.response["Error"]["Code"] in {"NoSuchKey", "404", "AccessDenied", "403"}:
            return None
        raise
