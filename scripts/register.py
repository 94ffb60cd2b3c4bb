"""`register.sh`: records a trained model in SageMaker's registry, with its metrics.

Each call makes a new version of the model package group. Whether a version may be deployed is said
by its approval, which `--package ARN --approve` changes later.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from imageclf.errors import SettingsError
from scripts import cli, models, naming, receipt, s3
from scripts.cli import Call
from scripts.models import Source
from scripts.receipt import Made
from scripts.requests import registering
from scripts.requests.registering import Registration

Figures = Mapping[str, float]

_APPROVED, _REJECTED = "Approved", "Rejected"
_SHOWN = ("validation:top1", "validation:loss", "test:top1")


def main(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ
) -> int:
    """Register a model, or approve one that is registered; the exit code."""
    return cli.run(_parser(), _register, arguments, environment)


def _register(call: Call) -> int:
    if call.options.package:
        return _judge(call, call.options.package)
    sources = models.resolve(call, call.options.model, call.options.job)
    if len(sources) > 1:
        raise SettingsError("A version is of one model; name one.")
    job = _job(call, sources[0])
    figures = {one["MetricName"]: one["Value"] for one in job.get("FinalMetricDataList", [])}
    wanted = plan(call, sources[0], job, naming.now())
    if call.dry:
        print(receipt.requests(_requests(wanted)))
        return 0
    arn = _send(call, wanted, figures)
    call.state.remember(model_package=arn)
    print("\n".join(_last_words(wanted, arn, figures)))
    return 0


def plan(call: Call, source: Source, job: Mapping[str, Any], at: datetime) -> Registration:
    """The version as it shall be; `job` is what DescribeTrainingJob says, where there is one."""
    settings = call.settings
    group = settings.registry.group or settings.project
    has_figures = bool(job.get("FinalMetricDataList") or (call.dry and source.job))
    version = naming.name(settings, "version", at)
    return Registration(
        group=group,
        image=source.image,
        model_data=source.data,
        approval=_APPROVED if call.options.approve else settings.registry.approval,
        instance_types=sorted({settings.deploy.instance_type, settings.batch.instance_type}),
        statistics_uri=(
            call.place.uri("registry", group, version, "statistics.json") if has_figures else ""
        ),
        description=f"Trained by {source.job}." if source.job else "",
        properties=_properties(source, job),
        tags=naming.tag_values(settings),
    )


def _job(call: Call, source: Source) -> Mapping[str, Any]:
    if call.dry or not source.job:
        return {}
    sagemaker = call.aws.client("sagemaker")
    found: Mapping[str, Any] = sagemaker.describe_training_job(TrainingJobName=source.job)
    return found


def _properties(source: Source, job: Mapping[str, Any]) -> dict[str, str]:
    told = {"training-job": source.job} if source.job else {}
    return told | {name: str(value) for name, value in job.get("HyperParameters", {}).items()}


def _requests(wanted: Registration) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("CreateModelPackageGroup", registering.create_model_package_group(wanted)),
        ("CreateModelPackage", registering.create_model_package(wanted)),
    ]


def _send(call: Call, wanted: Registration, figures: Figures) -> str:
    sagemaker = call.aws.client("sagemaker")
    if not _has_group(sagemaker, wanted.group):
        sagemaker.create_model_package_group(**registering.create_model_package_group(wanted))
    if wanted.statistics_uri:
        bucket, key = s3.split(wanted.statistics_uri)
        report = json.dumps(registering.statistics(figures), indent=1).encode()
        call.aws.client("s3").put_object(
            Bucket=bucket, Key=key, Body=report, ContentType="application/json"
        )
    made = sagemaker.create_model_package(**registering.create_model_package(wanted))
    return str(made["ModelPackageArn"])


def _has_group(sagemaker: Any, group: str) -> bool:
    try:
        sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    except ClientError as error:
        if "does not exist" in str(error) or "not find" in str(error):
            return False
        raise
    return True


def _judge(call: Call, arn: str) -> int:
    """Approve or reject a version that is there."""
    options = call.options
    if options.approve == options.reject:
        raise SettingsError("Say what --package is to be: --approve or --reject.")
    request = registering.update_model_package(arn, _APPROVED if options.approve else _REJECTED)
    if call.dry:
        print(receipt.requests([("UpdateModelPackage", request)]))
        return 0
    call.aws.client("sagemaker").update_model_package(**request)
    print(f"{arn} is {request['ModelApprovalStatus']}.")
    if options.approve:
        print(f"next  scripts/deploy.sh --model {arn}")
    return 0


def _last_words(wanted: Registration, arn: str, figures: Figures) -> list[str]:
    made = [Made("package", f"{wanted.group}, version {arn.rpartition('/')[2]}", arn)]
    told = receipt.lines(made, "nothing", ["scripts/teardown.sh --all"])
    told += [f"{name}  {figures[name]:.6g}" for name in _SHOWN if name in figures]
    told.append(f"It is {wanted.approval}.")
    if wanted.approval != _APPROVED:
        told.append(f"Approve it: scripts/register.sh --package {arn} --approve")
    told.append(f"Deploy it:  scripts/deploy.sh --model {arn}")
    return told


def _parser() -> argparse.ArgumentParser:
    made = cli.parser("register", "Record a trained model in the registry, with its metrics.")
    add = made.add_argument
    add("--job", action="append", default=[], help="training job; the last one by itself")
    add(
        "--model",
        action="append",
        default=[],
        metavar="MODEL",
        help="s3://.../model.tar.gz or an archive here, instead of a job's",
    )
    add("--approve", action="store_true", help="it may be deployed at once")
    add("--package", metavar="ARN", help="approve or reject a version that is there")
    add("--reject", action="store_true", help="with --package: it may not be deployed")
    cli.setting(made, "--group", "registry.group", "model package group; the project by itself")
    return made


if __name__ == "__main__":
    sys.exit(main())
