"""Removes what `scripts.found` found: stops jobs, deletes endpoints, then what stood behind them.

Each step may be done again: what is gone already, or stops already, is no fault.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from imageclf.errors import LaunchError
from scripts import found, s3
from scripts.aws import Aws
from scripts.endpoints import BUSY
from scripts.found import CONFIG, ENDPOINT, GROUP, JOBS, MODEL, TUNING, Kind, Resource

Say = Callable[[str], None]
Request = tuple[str, dict[str, str]]

PATIENCE_S = 900.0
_KEYS_A_DELETE = 1000
_RUNS, _STOPS = "InProgress", "Stopping"
_ORDER: tuple[Kind, ...] = (*JOBS, ENDPOINT, CONFIG, MODEL, GROUP)


def requests(resources: Sequence[Resource]) -> list[Request]:
    """What is sent to remove them, in this order; versions of packages come before their group."""
    ordered = sorted(resources, key=lambda one: _ORDER.index(one.kind))
    return [_request(one) for one in ordered]


def remove(aws: Aws, resources: Sequence[Resource], say: Say) -> None:
    """Stop and delete all of them, and stay until jobs are over and endpoints are gone.

    Raises:
        LaunchError: one of them is still there after a quarter of an hour.
    """
    jobs = [one for one in resources if one.kind in JOBS]
    endpoints = [one for one in resources if one.kind == ENDPOINT]
    for one in sorted(jobs, key=lambda job: job.kind != TUNING):
        _send(aws, one, say)
    for one in endpoints:
        _delete_endpoint(aws, one, say)
    for one in endpoints:
        _wait(partial(_is_gone, aws, one), f"The endpoint {one.name}", aws.poll_s)
    for one in jobs:
        _wait(partial(_is_over, aws, one), f"The job {one.name}", aws.poll_s)
    for kind in (CONFIG, MODEL):
        for one in resources:
            if one.kind == kind:
                _send(aws, one, say)
    for one in resources:
        if one.kind == GROUP:
            _delete_versions(aws, one, say)
            _send(aws, one, say)


def delete_objects(aws: Aws, uri: str) -> int:
    """Delete all objects whose addresses begin with `uri`; how many.

    Raises:
        LaunchError: S3 kept one of them.
    """
    client = aws.client("s3")
    bucket, _ = s3.split(uri)
    keys = [key for key, _ in s3.sizes(client, uri)]
    for start in range(0, len(keys), _KEYS_A_DELETE):
        some = [{"Key": key} for key in keys[start : start + _KEYS_A_DELETE]]
        reply = client.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
        for fault in reply.get("Errors", []):
            raise LaunchError(f"S3 kept s3://{bucket}/{fault['Key']}: {fault['Message']}.")
    return len(keys)


def _request(one: Resource) -> Request:
    verb = "Stop" if one.kind in JOBS else "Delete"
    return f"{verb}{one.kind.stem}", {f"{one.kind.stem}Name": one.name}


def _send(aws: Aws, one: Resource, say: Say) -> None:
    """Send the request, unless the resource has gone its way by itself."""
    operation, request = _request(one)
    if one.status == _STOPS:
        say(f"stops    {one.kind.word} {one.name}")
        return
    try:
        getattr(aws.client("sagemaker"), _snake(operation))(**request)
    except ClientError as error:
        if not found.is_gone(error) and not (one.kind in JOBS and _status(aws, one) != _RUNS):
            raise
    say(f"{'stopped' if one.kind in JOBS else 'deleted'}  {one.kind.word} {one.name}")


def _delete_endpoint(aws: Aws, one: Resource, say: Say) -> None:
    """Delete it, as soon as AWS lets go of one that is being made or changed."""

    def attempt() -> bool:
        try:
            aws.client("sagemaker").delete_endpoint(EndpointName=one.name)
        except ClientError as error:
            if found.is_gone(error) or _status(aws, one) == "Deleting":
                return True
            if _status(aws, one) in BUSY:
                return False
            raise
        return True

    _wait(attempt, f"The endpoint {one.name}", aws.poll_s)
    say(f"deleted  {one.kind.word} {one.name}")


def _delete_versions(aws: Aws, group: Resource, say: Say) -> None:
    sagemaker = aws.client("sagemaker")
    pages = sagemaker.get_paginator("list_model_packages")
    for page in pages.paginate(ModelPackageGroupName=group.name):
        for version in page["ModelPackageSummaryList"]:
            sagemaker.delete_model_package(ModelPackageName=version["ModelPackageArn"])
            say(f"deleted  package {version['ModelPackageArn'].partition('/')[2]}")


def _is_over(aws: Aws, job: Resource) -> bool:
    return _status(aws, job) not in {_RUNS, _STOPS}


def _is_gone(aws: Aws, one: Resource) -> bool:
    return _status(aws, one) == ""


def _status(aws: Aws, one: Resource) -> str:
    """The status that Describe gives; nothing when there is no such thing."""
    describe: Any = getattr(aws.client("sagemaker"), _snake(f"Describe{one.kind.stem}"))
    try:
        return str(describe(**{f"{one.kind.stem}Name": one.name})[f"{one.kind.stem}Status"])
    except ClientError as error:
        if found.is_gone(error):
            return ""
        raise


def _wait(is_done: Callable[[], bool], what: str, poll_s: float) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not is_done():
        if time.monotonic() > until_s:
            raise LaunchError(
                f"{what} is still there after {PATIENCE_S:.0f} s; run scripts/teardown.sh again."
            )
        time.sleep(poll_s)


def _snake(operation: str) -> str:
    """The method of boto3 for an operation: `StopTrainingJob` is `stop_training_job`."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")
