"""Training jobs: the operations of the API."""

import time

from local_test.cloud import listing
from local_test.cloud.cloud import Cloud
from local_test.cloud.machines import runners
from local_test.cloud.operations import Document, Request, Room
from local_test.cloud.training import jobs, transitions
from local_test.cloud.training.transitions import KIND

_SUMMARY = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingEndTime",
    "LastModifiedTime",
    "TrainingJobStatus",
    "SecondaryStatus",
)
_END_POLL_S = 0.1
_END_SLACK_S = 30.0


def _create(cloud: Cloud, request: Request) -> Document:
    return {"TrainingJobArn": jobs.create(cloud, request)}


def _describe(cloud: Cloud, request: Request) -> Document:
    job = jobs.find(cloud, request.arguments["TrainingJobName"])
    return {field: value for field, value in job.items() if not field.startswith("_")}


def _list(cloud: Cloud, request: Request) -> Document:
    return listing.listed(
        [jobs.mark_if_lost(cloud, job) for job in cloud.store.all(KIND)],
        request.arguments,
        name="TrainingJobName",
        status="TrainingJobStatus",
        summary=lambda job: {field: job[field] for field in _SUMMARY if field in job},
        answer="TrainingJobSummaries",
    )


def _stop(cloud: Cloud, request: Request) -> Document:
    jobs.stop(cloud, request.arguments["TrainingJobName"])
    return {}


def _update(cloud: Cloud, request: Request) -> Document:
    changes = {
        part: given for part, given in request.arguments.items() if part != "TrainingJobName"
    }
    return {"TrainingJobArn": jobs.update(cloud, request.arguments["TrainingJobName"], changes)}


def _delete(cloud: Cloud, request: Request) -> Document:
    jobs.delete(cloud, request.arguments["TrainingJobName"])
    return {}


def _resume(cloud: Cloud) -> None:
    """Jobs go on without this process; those whose runner is gone are marked."""
    for job in cloud.store.all(KIND):
        jobs.mark_if_lost(cloud, job)


def _end(cloud: Cloud) -> None:
    """Stop all jobs in good order: what they leave behind is put into S3."""
    deadline_s = time.monotonic() + cloud.settings.stop_grace_s + _END_SLACK_S
    running = [job["_runner"] for job in _unfinished(cloud) if "_runner" in job]
    asked = [runner for runner in running if runners.stop_runner(runner)]
    while time.monotonic() < deadline_s and any(runners.is_running(runner) for runner in asked):
        time.sleep(_END_POLL_S)


def _unfinished(cloud: Cloud) -> list[Document]:
    return [job for job in cloud.store.all(KIND) if not transitions.is_over(job)]


ROOM = Room(
    operations={
        "CreateTrainingJob": _create,
        "DescribeTrainingJob": _describe,
        "ListTrainingJobs": _list,
        "StopTrainingJob": _stop,
        "UpdateTrainingJob": _update,
        "DeleteTrainingJob": _delete,
    },
    resume=_resume,
    end=_end,
)
