"""What jobs with a runner of their own have in common on the endpoint's side.

A job is a document and a process that sees to it. Here jobs are made, shown, listed and told to
stop; what they do is their runner's matter (`job_run`). Processing and transform are such jobs.
"""

import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError, in_use, not_found, validation
from local_test.cloud.listing import listed
from local_test.cloud.machines import runners
from local_test.cloud.operations import Document, Request
from local_test.cloud.store import TakenError

IN_PROGRESS, STOPPING = "InProgress", "Stopping"
COMPLETED, FAILED, STOPPED = "Completed", "Failed", "Stopped"
_OVER = (COMPLETED, FAILED, STOPPED)

_LOOK_EVERY_S = 0.05
_END_EXTRA_S = 10.0


@dataclass(frozen=True)
class Kind:
    """One kind of job.

    Attributes:
        resource: as in its ARN, `processing-job`.
        word: what AWS's fields begin with, `Processing`.
        module: the runner.
    """

    resource: str
    word: str
    module: str

    def field(self, name: str) -> str:
        """AWS's name of a field: `Name`, `Arn`, `Status`."""
        return f"{self.word}Job{name}"

    @property
    def ended(self) -> str:
        """AWS's name of the time of the end."""
        return f"{self.word}EndTime"

    def is_over(self, document: Document) -> bool:
        """Whether the job has come to its end."""
        return document[self.field("Status")] in _OVER


def create(cloud: Cloud, kind: Kind, request: Request, document: Document) -> Document:
    """Keep a new job and start its runner.

    Args:
        document: what Describe gives beside name, ARN, status and times.

    Raises:
        ApiError: the name is taken, or no runner can be started.
    """
    name = request.arguments[kind.field("Name")]
    arn = request.arn(kind.resource, name)
    now = time.time()
    common = {kind.field("Name"): name, kind.field("Arn"): arn, "CreationTime": now}
    common |= {kind.field("Status"): IN_PROGRESS, "LastModifiedTime": now}
    try:
        cloud.store.create(kind.resource, name, document | common)
    except TakenError as error:
        raise in_use(
            f"Job name must be unique within an AWS account and region, and a {kind.word.lower()} "
            f"job with this name already exists ({arn})"
        ) from error
    tags = request.arguments.get("Tags", [])
    cloud.store.tag(arn, {tag["Key"]: tag["Value"] for tag in tags})
    try:
        _start(cloud, kind, name)
    except OSError as error:
        _mark(cloud, kind, name, FAILED, f"InternalServerError: No runner can start: {error}.")
    return {kind.field("Arn"): arn}


def _start(cloud: Cloud, kind: Kind, name: str) -> None:
    runner = runners.start_runner(cloud, kind.module, name)
    cloud.store.change(kind.resource, name, lambda job: job.setdefault("_runner", runner))


def found(cloud: Cloud, kind: Kind, request: Request) -> Document:
    """The job that a request names, and how it really is.

    Raises:
        ApiError: there is none.
    """
    name = request.arguments[kind.field("Name")]
    document = cloud.store.find(kind.resource, name)
    if document is None:
        raise not_found(f"Could not find requested job with name: {name}")
    return _settled(cloud, kind, document)


def list_jobs(
    cloud: Cloud, kind: Kind, request: Request, defaults: Mapping[str, Any], answer: str
) -> Document:
    """One page of the jobs; `defaults` are arguments that the request may leave out."""
    documents = [_settled(cloud, kind, one) for one in cloud.store.all(kind.resource)]
    names = [kind.field("Name"), kind.field("Arn"), kind.field("Status"), kind.ended]
    names += ["CreationTime", "LastModifiedTime", "FailureReason", "ExitMessage"]
    return listed(
        documents,
        {**defaults, **request.arguments},
        name=kind.field("Name"),
        status=kind.field("Status"),
        summary=lambda job: {name: job[name] for name in names if name in job},
        answer=answer,
    )


def stop(cloud: Cloud, kind: Kind, request: Request) -> Document:
    """Tell a job to stop; it is Stopping until its runner is done.

    Raises:
        ApiError: there is none, or it is over already.
    """
    _tell_to_stop(cloud, kind, found(cloud, kind, request)[kind.field("Name")])
    return {}


def _tell_to_stop(cloud: Cloud, kind: Kind, name: str) -> None:
    def change(job: Document) -> None:
        status = job[kind.field("Status")]
        if kind.is_over(job):
            raise validation(
                f"The request was rejected because the {kind.word.lower()} job is in status "
                f"{status}."
            )
        job[kind.field("Status")] = STOPPING
        job["LastModifiedTime"] = time.time()

    changed = cloud.store.change(kind.resource, name, change)
    if "_runner" in changed:
        runners.stop_runner(changed["_runner"])


def delete(cloud: Cloud, kind: Kind, request: Request) -> Document:
    """Forget a job that is over.

    Raises:
        ApiError: there is none, or it still runs.
    """
    job = found(cloud, kind, request)
    if not kind.is_over(job):
        raise in_use(
            f"The {kind.word.lower()} job {job[kind.field('Name')]} is in status "
            f"{job[kind.field('Status')]}; stop it before you delete it."
        )
    name = job[kind.field("Name")]
    cloud.store.delete(kind.resource, name)
    cloud.store.untag(job[kind.field("Arn")])
    shutil.rmtree(cloud.store.folder(kind.resource, name), ignore_errors=True)
    return {}


def resume(cloud: Cloud, kind: Kind) -> None:
    """After a restart: start what was never begun, mark what lost its runner."""
    for job in _running(cloud, kind):
        name = job[kind.field("Name")]
        if "_claimed" in job or runners.is_running(job.get("_runner", {"pid": 0, "started": 0})):
            _settled(cloud, kind, job)
        elif job[kind.field("Status")] == STOPPING:
            _mark(cloud, kind, name, STOPPED)
        else:
            _start(cloud, kind, name)


def end(cloud: Cloud, kind: Kind) -> None:
    """Stop all jobs in good order, each with the grace that jobs have."""
    for job in _running(cloud, kind):
        with suppress(ApiError):  # it has come to its end meanwhile
            _tell_to_stop(cloud, kind, job[kind.field("Name")])
    deadline_s = time.monotonic() + cloud.settings.stop_grace_s + _END_EXTRA_S
    while _running(cloud, kind) and time.monotonic() < deadline_s:
        time.sleep(_LOOK_EVERY_S)


def _running(cloud: Cloud, kind: Kind) -> list[Document]:
    jobs = [_settled(cloud, kind, job) for job in cloud.store.all(kind.resource)]
    return [job for job in jobs if not kind.is_over(job)]


def _settled(cloud: Cloud, kind: Kind, job: Document) -> Document:
    """The job as it is; one whose runner is gone before its end is marked."""
    if kind.is_over(job) or "_runner" not in job or runners.is_running(job["_runner"]):
        return job
    name = job[kind.field("Name")]
    runners.clear(cloud.settings, kind.module, name)
    shutil.rmtree(cloud.store.folder(kind.resource, name), ignore_errors=True)
    if job[kind.field("Status")] == STOPPING:
        return _mark(cloud, kind, name, STOPPED)
    return _mark(
        cloud,
        kind,
        name,
        FAILED,
        "InternalServerError: The process that saw to the job ended before the job did; create "
        "the job again under another name.",
    )


def _mark(cloud: Cloud, kind: Kind, name: str, status: str, reason: str = "") -> Document:
    return cloud.store.change(
        kind.resource, name, lambda job: close(kind, job, status, reason=reason)
    )


def close(kind: Kind, job: Document, status: str, *, reason: str = "") -> None:
    """Bring a job's document to its end, if it is not there already."""
    if kind.is_over(job):
        return
    job[kind.field("Status")] = status
    job[kind.ended] = job["LastModifiedTime"] = time.time()
    if reason:
        job["FailureReason"] = reason[:1024]
