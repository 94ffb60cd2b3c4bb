"""`batch.sh`: classifies many pictures at once, in a batch transform, into a table and a CSV file.

The instances are there for the job only. One picture that cannot be used fails the job, as
SageMaker has it; the answers to all others are fetched nonetheless.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from imageclf.errors import LaunchError, SettingsError
from scripts import (
    answers,
    cli,
    models,
    naming,
    pictures,
    prices,
    progress,
    receipt,
    s3,
    sdk_hosting,
    table,
    upload,
)
from scripts.cli import Call
from scripts.progress import Description, LogTail
from scripts.receipt import Made
from scripts.requests import transforming
from scripts.requests.transforming import Batch

LOG_GROUP = "/aws/sagemaker/TransformJobs"
_FIELD = "TransformJobStatus"


def main(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ
) -> int:
    """Run a batch transform, or fetch what one answered; the exit code."""
    return cli.run(_parser(), _batch, arguments, environment)


def _batch(call: Call) -> int:
    options = call.options
    if bool(options.source) == bool(options.follow):
        raise SettingsError("Name pictures (a folder, or s3://...), or a job with --follow.")
    if options.follow:
        return _follow(call, options.follow)
    wanted = plan(call, naming.now())
    if call.dry:
        print(receipt.requests(transforming.all_requests(wanted)))
        return 0
    _upload(call, wanted)
    sdk_hosting.start_transform(call.aws, wanted)
    call.state.remember(transform_job=wanted.job)
    print("\n".join(_receipt(call, wanted)), flush=True)
    if not options.wait:
        print(f"It runs; fetch the answers with: scripts/batch.sh --follow {wanted.job}")
        return 0
    return _follow(call, wanted.job)


def plan(call: Call, at: datetime) -> Batch:
    """The batch transform as it shall be.

    Raises:
        SettingsError: several models are named, or the source is neither a folder nor in S3.
    """
    sources = models.resolve(call, call.options.model, call.options.job)
    if len(sources) > 1:
        raise SettingsError("A batch transform has one model; name one.")
    batch, place = call.settings.batch, call.place
    job = naming.name(call.settings, "batch", at)
    return Batch(
        job=job,
        image=sources[0].image,
        role=place.role,
        model_data=sources[0].data,
        input_uri=_input_uri(call, job),
        output_uri=place.uri("batch", job, "answers"),
        instance_type=batch.instance_type,
        count=batch.instances,
        parallel=batch.parallel,
        environment=call.settings.deploy.environment,
        tags=naming.tag_values(call.settings),
    )


def _input_uri(call: Call, job: str) -> str:
    source = call.options.source
    if source.startswith("s3://"):
        return str(source.rstrip("/") + "/")
    pictures.below(Path(source).expanduser())
    return call.place.uri("batch", job, "pictures") + "/"


def _upload(call: Call, wanted: Batch) -> None:
    if call.options.source.startswith("s3://"):
        return
    folder = Path(call.options.source).expanduser()
    files = [path.relative_to(folder).as_posix() for path in pictures.below(folder)]
    bucket, prefix = s3.split(wanted.input_uri)
    upload.upload(call.aws.client("s3"), folder, files, bucket, prefix)


def _receipt(call: Call, wanted: Batch) -> list[str]:
    made = [
        Made("job", wanted.job, page=call.aws.console(f"/transform-jobs/{wanted.job}")),
        Made("model", wanted.job, wanted.model_data),
        Made("pictures", wanted.input_uri),
        Made("answers", wanted.output_uri),
    ]
    cost = prices.hourly(
        wanted.instance_type, wanted.count, call.place.region, call.settings.prices
    )
    cost = call.charged(cost + ", while it runs")
    return receipt.lines(made, cost, [f"scripts/teardown.sh {wanted.job}"])


def _follow(call: Call, job: str) -> int:
    """Stay until the job is over, then fetch and show the answers.

    Raises:
        LaunchError: the job failed or was stopped; what it answered is shown before.
    """
    if call.dry:
        raise SettingsError("--follow reads a job; leave out --dry-run.")
    try:
        seen = _watched(call, job)
    except KeyboardInterrupt:
        print(
            f"\nThe job goes on. Watch it: scripts/batch.sh --follow {job}\n"
            f"Stop it:               scripts/teardown.sh {job}"
        )
        return cli.INTERRUPTED
    _show(call, seen)
    if seen[_FIELD] != "Completed":
        reason = seen.get("FailureReason", "no reason given").rstrip(".")
        raise LaunchError(
            f"{job} is {seen[_FIELD]}: {reason}; read the log {LOG_GROUP}, streams {job}/."
        )
    return 0


def _watched(call: Call, job: str) -> Description:
    sagemaker = call.aws.client("sagemaker")
    tail = LogTail(call.aws.client("logs"), LOG_GROUP, f"{job}/")
    began_s = time.monotonic()
    last = ""

    def look(seen: Description) -> None:
        nonlocal last
        if call.options.logs:
            for _, line in tail.read():
                print(line, flush=True)
        if seen[_FIELD] != last:
            print(f"[{time.monotonic() - began_s:4.0f} s] {seen[_FIELD]}", flush=True)
            last = seen[_FIELD]

    return progress.watch(
        lambda: sagemaker.describe_transform_job(TransformJobName=job),
        progress.status_is_over(_FIELD),
        look,
        call.aws.poll_s,
    )


def _show(call: Call, seen: Description) -> None:
    source = seen["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
    target = seen["TransformOutput"]["S3OutputPath"]
    rows = answers.fetch(call.aws.client("s3"), source, target)
    file = call.options.out or call.state.folder / f"{seen['TransformJobName']}.csv"
    answers.write(file, rows)
    print("\n".join(table.columns(answers.summary(rows))))
    print(f"cost  {_cost(call, seen)}")
    print(f"csv   {file}")


def _cost(call: Call, seen: Description) -> str:
    if "TransformStartTime" not in seen or "TransformEndTime" not in seen:
        return "nothing, it did not run"
    resources = seen["TransformResources"]
    ran_s = (seen["TransformEndTime"] - seen["TransformStartTime"]).total_seconds()
    cost = prices.for_seconds(
        ran_s,
        resources["InstanceType"],
        resources["InstanceCount"],
        call.place.region,
        call.settings.prices,
    )
    return call.charged(cost)


def _parser() -> argparse.ArgumentParser:
    made = cli.parser("batch", "Classify many pictures at once, in a batch transform.")
    cli.waiting(made)
    add = made.add_argument
    add("source", nargs="?", metavar="PICTURES", help="a folder, or s3://bucket/prefix")
    add("--follow", metavar="JOB", help="wait for a job that was started, and fetch its answers")
    add(
        "--model",
        action="append",
        default=[],
        metavar="MODEL",
        help="s3://.../model.tar.gz, an archive here, or a model package",
    )
    add("--job", action="append", default=[], help="training job; the last one by itself")
    add("--out", type=Path, metavar="FILE", help="where the CSV file goes")
    add("--logs", action="store_true", help="show the log of the container")
    cli.setting(made, "--instance-type", "batch.instance_type", "such as ml.g4dn.xlarge")
    cli.setting(made, "--instances", "batch.instances", "how many of them")
    cli.setting(made, "--parallel", "batch.parallel", "requests at once, for each instance")
    return made


if __name__ == "__main__":
    sys.exit(main())
