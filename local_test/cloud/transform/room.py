"""What this room answers."""

from functools import partial

from local_test.cloud import jobs
from local_test.cloud.operations import Room
from local_test.cloud.transform import requests
from local_test.cloud.transform.kind import KIND

ROOM = Room(
    {
        "CreateTransformJob": requests.create,
        "DescribeTransformJob": requests.describe,
        "ListTransformJobs": requests.list_jobs,
        "StopTransformJob": requests.stop,
    },
    resume=partial(jobs.resume, kind=KIND),
    end=partial(jobs.end, kind=KIND),
)
