"""Training jobs as resources: made, found, stopped, changed, removed."""

import shutil
import time
from collections.abc import Mapping
from typing import Any

from imageclf.contract import DEFAULT_ROOT, Tree
from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError, in_use, validation
from local_test.cloud.machines import runners
from local_test.cloud.operations import Document, Request
from local_test.cloud.store import MissingError, TakenError
from local_test.cloud.training import artifacts, checks, input_files, rules, transitions
from local_test.cloud.training.transitions import KIND

MODULE = "local_test.cloud.training"

_CLAIM_WITHIN_S = 60.0
"""A runner that has not shown itself by then never will."""

_NOT_KEPT = ("Tags", "SessionChainingConfig")


def create(cloud: Cloud, request: Request, *, tuning: Mapping[str, Any] | None = None) -> str:
    """Make a training job of the arguments of CreateTrainingJob and start it; returns its ARN.

    Args:
        tuning: what the job of a tuner has in its document besides, like `TuningJobArn`.

    Raises:
        ApiError: something in the request is wrong, or the name is taken.
    """
    arguments = request.arguments
    checks.check(cloud.settings, arguments)
    name = arguments["TrainingJobName"]
    arn = request.arn(KIND, name)
    try:
        cloud.store.create(KIND, name, {**_document(arguments, arn), **(tuning or {})})
    except TakenError as error:
        raise in_use(
            "Training job names must be unique within an AWS account and region, and a training "
            f"job with this name already exists ({arn})"
        ) from error
    cloud.store.tag(arn, {tag["Key"]: tag["Value"] for tag in arguments.get("Tags", ())})
    try:
        runners.start_runner(cloud, MODULE, name)
    except OSError as error:
        _forget(cloud, name, arn)
        raise ApiError(
            "InternalFailure", f"The job's process cannot be started: {error}.", 500
        ) from error
    return arn


def find(cloud: Cloud, name: str) -> Document:
    """The document of a job; one whose runner is gone is marked as Failed first.

    Raises:
        ApiError: there is none.
    """
    job = cloud.store.find(KIND, name)
    if job is None:
        raise validation("Requested resource not found.")
    return mark_if_lost(cloud, job)


def stop(cloud: Cloud, name: str) -> None:
    """Ask a job to stop; it is Stopping until its runner has seen to that.

    Raises:
        ApiError: there is none, or it is over.
    """
    if find(cloud, name)["TrainingJobStatus"] == transitions.STOPPING:
        return

    def ask(job: Document) -> None:
        if transitions.is_over(job):
            raise validation(
                "The request was rejected because the training job is in status "
                f"{job['TrainingJobStatus']}."
            )
        transitions.ask_to_stop(job)

    cloud.store.change(KIND, name, ask)


def update(cloud: Cloud, name: str, changes: Mapping[str, Any]) -> str:
    """Change the profiling, the warm pool or the remote debugging of a job; returns its ARN.

    Raises:
        ApiError: there is none, or it is over.
    """
    find(cloud, name)

    def change(job: Document) -> None:
        if transitions.is_over(job):
            raise validation(
                "The request was rejected because the training job is in status "
                f"{job['TrainingJobStatus']}."
            )
        for part, given in changes.items():
            before = job.get(part)
            if part == rules.PROFILER.configurations:
                rules.add(job, given, time.time())
            else:
                job[part] = {**before, **given} if isinstance(before, dict) else given
        _note_profiling(job)
        job["LastModifiedTime"] = time.time()

    job = cloud.store.change(KIND, name, change)
    if "ProfilerConfig" in changes:
        for ml in cloud.store.folder(KIND, name).glob("algo-*/ml"):
            input_files.rewrite_profiler(Tree(ml), job["ProfilerConfig"])
    return str(job["TrainingJobArn"])


def delete(cloud: Cloud, name: str) -> None:
    """Forget a job that is over; what it put into S3 stays.

    Raises:
        ApiError: there is none, or it is not over.
    """
    job = find(cloud, name)
    if not transitions.is_over(job):
        raise in_use(
            f"The training job {name} is in status {job['TrainingJobStatus']}; it can be deleted "
            "when it is Completed, Failed or Stopped."
        )
    _forget(cloud, name, job["TrainingJobArn"])


def mark_if_lost(cloud: Cloud, job: Document) -> Document:
    """The document, as Failed if nobody sees to the job any more; what it left running is ended."""
    if transitions.is_over(job) or not _is_lost(job):
        return job
    name = job["TrainingJobName"]
    runners.clear(cloud.settings, MODULE, name)

    def fail(found: Document) -> None:
        if _is_lost(found):
            transitions.end(
                found,
                "Failed",
                reason="InternalServerError: The process that saw to this job was ended from "
                "outside; start the job again, it goes on from its checkpoints if it has any.",
            )

    try:
        return cloud.store.change(KIND, name, fail)
    except MissingError:
        return job


def _is_lost(job: Document) -> bool:
    if transitions.is_over(job):
        return False
    if (runner := job.get("_runner")) is None:
        return bool(time.time() - job["CreationTime"] > _CLAIM_WITHIN_S)
    return not runners.is_running(runner)


def _forget(cloud: Cloud, name: str, arn: str) -> None:
    cloud.store.delete(KIND, name)
    cloud.store.untag(arn)
    shutil.rmtree(cloud.store.folder(KIND, name), ignore_errors=True)


def _document(arguments: Mapping[str, Any], arn: str) -> Document:
    now_s = time.time()
    job = {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        **{part: given for part, given in arguments.items() if part not in _NOT_KEPT},
        "TrainingJobArn": arn,
        "CreationTime": now_s,
    }
    job["StoppingCondition"] = {
        "MaxRuntimeInSeconds": int(checks.max_runtime_s(arguments)),
        **arguments.get("StoppingCondition", {}),
    }
    # AWS gives both back unasked, and SDK v2 reads the key when it attaches to a job.
    unsaid = {"KmsKeyId": "", "CompressionType": "GZIP"}
    job["OutputDataConfig"] = {**unsaid, **arguments["OutputDataConfig"]}
    if "CheckpointConfig" in job:
        default = str(DEFAULT_ROOT / "checkpoints")
        job["CheckpointConfig"] = {"LocalPath": default, **job["CheckpointConfig"]}
    job["ModelArtifacts"] = {"S3ModelArtifacts": artifacts.model_address(job)}
    rules.begin(job, now_s)
    _note_profiling(job)
    transitions.begin(job)
    return job


def _note_profiling(job: Document) -> None:
    if "ProfilerConfig" in job:
        off = job["ProfilerConfig"].get("DisableProfiler", False)
        job["ProfilingStatus"] = "Disabled" if off else "Enabled"
