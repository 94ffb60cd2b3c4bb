"""Sees to one processing job: fetches inputs, runs the instances, uploads outputs."""

import errno
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from local_test.cloud import logs, machines
from local_test.cloud.job_run import JobFailedError, Run, StoppedError, end_instances
from local_test.cloud.machines import images, slots
from local_test.cloud.machines.log_pump import LogPump
from local_test.cloud.machines.machine import Container, Instance
from local_test.cloud.machines.start import host_names
from local_test.cloud.processing import config_files
from local_test.cloud.processing.outputs import Output
from local_test.cloud.training import channels

_LOOK_EVERY_S = 0.05
_UPLOAD_EVERY_S = 2.0
_MESSAGE_CHARACTERS = 1024
_ML = PurePosixPath("/opt/ml")


@dataclass
class _Machine:
    """One instance of the job."""

    instance: Instance
    pump: LogPump


def work(run: Run) -> None:
    """Do the job.

    Raises:
        JobFailedError, StoppedError, UnusableImageError: how it ended, if not well.
        OSError: the disk is full, or no process can be started.
    """
    images.check(run.cloud.settings, run.job["AppSpecification"]["ImageUri"])
    count = run.job["ProcessingResources"]["ClusterConfig"]["InstanceCount"]
    settings = run.cloud.settings
    folder = run.cloud.store.folder(run.kind.resource, run.name)
    try:
        with slots.taken(
            settings.root,
            count,
            settings.slots,
            since_s=run.job["CreationTime"],
            is_over=run.is_over,
        ):
            _on_instances(run, folder, count)
    except slots.GivenUpError as error:
        raise StoppedError from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _on_instances(run: Run, folder: Path, count: int) -> None:
    hosts = host_names(run.cloud.settings, run.job["AppSpecification"]["ImageUri"], count)
    mls = [folder / f"algo-{number}" for number in range(1, count + 1)]
    for part, ml in enumerate(mls):
        _prepare(run, ml, part, hosts)
    run.change(ProcessingStartTime=time.time())
    limit_s = run.job["StoppingCondition"]["MaxRuntimeInSeconds"]
    run.limit(limit_s)
    outputs = [(output, continuous) for ml in mls for output, continuous in _outputs(run, ml)]
    code = _run(run, mls, hosts, [output for output, continuous in outputs if continuous])
    _keep_message(run, mls[0])
    if code:
        raise JobFailedError(
            f"AlgorithmError: See job logs for more information, exit code: {code}"
        )
    for output, _ in outputs:
        output.upload()
    if not run.stop.is_set() and run.is_over():
        run.change(FailureReason=f"ClientError: The job ran longer than {limit_s} s.")
    run.check()


def _prepare(run: Run, ml: Path, part: int, hosts: Sequence[str]) -> None:
    """The folder that is /opt/ml of one instance."""
    (ml / "output").mkdir(parents=True, exist_ok=True)
    (ml / "processing").mkdir(exist_ok=True)
    config_files.write(ml, run.job, hosts[part], hosts)
    for one in run.job.get("ProcessingInputs", []):
        source = one["S3Input"]
        run.check()
        try:
            channels.fetch(run.cloud, source, _inside(ml, source), shard=part, shards=len(hosts))
        except channels.ChannelError as error:
            raise JobFailedError(str(error)) from error
    for one in run.job.get("ProcessingOutputConfig", {}).get("Outputs", []):
        _inside(ml, one["S3Output"]).mkdir(parents=True, exist_ok=True)


def _inside(ml: Path, part: dict[str, str]) -> Path:
    return ml / PurePosixPath(part["LocalPath"]).relative_to(_ML)


def _outputs(run: Run, ml: Path) -> list[tuple[Output, bool]]:
    """Each output, and whether it is uploaded while the job runs."""
    found = run.job.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return [
        (
            Output(run.cloud.objects, _inside(ml, one["S3Output"]), one["S3Output"]["S3Uri"]),
            one["S3Output"]["S3UploadMode"] == "Continuous",
        )
        for one in found
    ]


def _run(run: Run, mls: Sequence[Path], hosts: Sequence[str], outputs: Sequence[Output]) -> int:
    """Start the instances and wait for them; the first exit code that is not 0, or 0."""
    running: list[_Machine] = []
    try:
        for ml, host in zip(mls, hosts, strict=True):
            running.append(_start(run, ml, host, hosts))
        return _wait(run, running, outputs)
    finally:
        grace_s = run.cloud.settings.stop_grace_s
        end_instances([one.instance for one in running], grace_s)
        for one in running:
            one.pump.stop()


def _start(run: Run, ml: Path, host: str, hosts: Sequence[str]) -> _Machine:
    application = run.job["AppSpecification"]
    environment = {
        "PROCESSING_JOB_NAME": run.name,
        "PROCESSING_JOB_ARN": run.job["ProcessingJobArn"],
        **run.job.get("Environment", {}),
    }
    log = ml.with_name(f"{ml.name}.log")
    container = Container(
        name=f"{run.name}-{ml.name}-{os.getpid()}",
        image=application["ImageUri"],
        arguments=tuple(application.get("ContainerArguments", ())),
        entrypoint=tuple(application.get("ContainerEntrypoint", ())),
        ml=ml,
        log=log,
        environment=environment,
        host=host,
        hosts=tuple(hosts),
    )
    stream = f"{run.name}/{ml.name}-{int(time.time() * 1000)}"
    pump = LogPump(run.cloud.logs, logs.PROCESSING_JOBS, stream, log)
    instance = machines.start(run.cloud.settings, container)
    pump.start()
    return _Machine(instance, pump)


def _wait(run: Run, running: Sequence[_Machine], outputs: Sequence[Output]) -> int:
    upload_s = time.monotonic() + _UPLOAD_EVERY_S
    while not run.is_over():
        codes = [one.instance.exit_code() for one in running]
        if bad := next((code for code in codes if code), None):
            return bad
        if None not in codes:
            return 0
        if time.monotonic() > upload_s:
            for output in outputs:
                output.upload()
            upload_s = time.monotonic() + _UPLOAD_EVERY_S
        time.sleep(_LOOK_EVERY_S)
    return 0


def _keep_message(run: Run, ml: Path) -> None:
    """The ExitMessage: what the program wrote to /opt/ml/output/message, unless it is a link."""
    try:
        file = os.open(ml / "output" / "message", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ELOOP, errno.EISDIR, errno.ENXIO}:
            return
        raise
    with os.fdopen(file, encoding="utf-8", errors="replace") as opened:
        message = opened.read(_MESSAGE_CHARACTERS)
    run.change(ExitMessage=message)
