"""Training jobs: what is added to one, and whether four of them slow the API."""

import subprocess
import sys
import time
from statistics import median, quantiles
from typing import Any

from bench.cloud.running import BUCKET, IMAGE, ROLE, LocalCloud

_POLL_S = 0.01
_OVER = {"Completed", "Failed", "Stopped"}
_NOTHING = (sys.executable, "-c", "")
_PICTURE_BYTES = 20_000
_BUSY = (
    "import itertools, time; end = time.time() + {seconds}; "
    "any(time.time() > end for _ in itertools.count())"
)


def empty_job(cloud: LocalCloud, count: int) -> dict[str, float]:
    """Seconds from Create to Completed of a job that does nothing, less its program's own."""
    took_s = [_run(cloud, f"empty-{number}", _NOTHING) for number in range(count)]
    return {"empty_job_s": median(took_s)}


def channel_job(cloud: LocalCloud, count: int, pictures: int) -> dict[str, float]:
    """The same, with a channel of so many objects."""
    s3 = cloud.client("s3")
    for number in range(pictures):
        body = bytes([number % 256]) * _PICTURE_BYTES
        s3.put_object(Bucket=BUCKET, Key=f"pictures/{number:05}.jpg", Body=body)
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": f"s3://{BUCKET}/pictures",
        "S3DataDistributionType": "FullyReplicated",
    }
    channel = {"ChannelName": "training", "DataSource": {"S3DataSource": source}}
    names = [f"channel-{number}" for number in range(count)]
    return {"channel_job_s": median(_run(cloud, name, _NOTHING, channel) for name in names)}


def busy_api(cloud: LocalCloud, jobs: int, seconds: float) -> dict[str, float]:
    """How long Describe takes while so many jobs take all the processor they can get."""
    sagemaker = cloud.client("sagemaker")
    names = [f"busy-{number}" for number in range(jobs)]
    for name in names:
        _create(cloud, name, (sys.executable, "-c", _BUSY.format(seconds=seconds)))
    while not all(_secondary(sagemaker, name) == "Training" for name in names):
        time.sleep(_POLL_S)
    took_ms: list[float] = []
    at_once = 0
    while True:
        began = time.perf_counter()
        described = sagemaker.describe_training_job(TrainingJobName=names[len(took_ms) % jobs])
        took_ms.append((time.perf_counter() - began) * 1e3)
        if described["TrainingJobStatus"] in _OVER:
            break
        if not at_once:
            listed = sagemaker.list_training_jobs(StatusEquals="InProgress")
            at_once = len(listed["TrainingJobSummaries"])
    parts = quantiles(took_ms, n=100)
    return {"describe_p50_ms": parts[49], "describe_p99_ms": parts[98], "at_once": at_once}


def _run(
    cloud: LocalCloud, name: str, program: tuple[str, ...], *channels: dict[str, Any]
) -> float:
    """Seconds that the job took beyond the program's own."""
    sagemaker = cloud.client("sagemaker")
    began = time.perf_counter()
    _create(cloud, name, program, *channels)
    while (described := sagemaker.describe_training_job(TrainingJobName=name))[
        "TrainingJobStatus"
    ] not in _OVER:
        time.sleep(_POLL_S)
    took_s = time.perf_counter() - began
    if described["TrainingJobStatus"] != "Completed":
        raise RuntimeError(f"{name}: {described.get('FailureReason')}")
    return took_s - _alone_s(program)


def _alone_s(program: tuple[str, ...]) -> float:
    began = time.perf_counter()
    subprocess.run(program, check=True)
    return time.perf_counter() - began


def _secondary(sagemaker: Any, name: str) -> str:
    described = sagemaker.describe_training_job(TrainingJobName=name)
    status: str = described["SecondaryStatus"]
    return status


def _create(
    cloud: LocalCloud, name: str, program: tuple[str, ...], *channels: dict[str, Any]
) -> None:
    cloud.client("sagemaker").create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": list(program),
        },
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/jobs"},
        ResourceConfig={
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
        },
        StoppingCondition={"MaxRuntimeInSeconds": 600},
        **({"InputDataConfig": list(channels)} if channels else {}),
    )
