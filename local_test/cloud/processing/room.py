"""What this room answers."""

from functools import partial

from local_test.cloud import jobs
from local_test.cloud.operations import Room
from local_test.cloud.processing import requests
from local_test.cloud.processing.kind import KIND

ROOM = Room(
    {
        "CreateProcessingJob": requests.create,
        "DescribeProcessingJob": requests.describe,
        "ListProcessingJobs": requests.list_jobs,
        "StopProcessingJob": requests.stop,
        "DeleteProcessingJob": requests.delete,
    },
    resume=partial(jobs.resume, kind=KIND),
    end=partial(jobs.end, kind=KIND),
)
