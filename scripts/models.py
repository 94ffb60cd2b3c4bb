"""Which trained model a launcher takes: of a job, an address in S3, a package, or a local archive.

`Source` is where it lies and which image runs it. A dry run asks nobody: it shows the addresses
that there will be.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imageclf.errors import LaunchError, SettingsError
from scripts import naming
from scripts.cli import Call

ARCHIVE = "model.tar.gz"
_SUFFIX = ".tar.gz"
_PACKAGE = re.compile(r"arn:aws[a-z-]*:sagemaker:[^:]+:\d+:model-package/.+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_DRY_JOB = "LAST-TRAINING-JOB"


@dataclass(frozen=True)
class Source:
    """A trained model.

    Attributes:
        name: what a multi-model endpoint knows it by, with `.tar.gz` behind it.
        data: the archive's address in S3.
        image: that runs it.
        job: the training job that it is of, where that is known.
    """

    name: str
    data: str
    image: str
    job: str = ""


def resolve(call: Call, models: Sequence[str], jobs: Sequence[str]) -> list[Source]:
    """The models that `--model` and `--job` name; that of the last training without either.

    A model is `s3://.../model.tar.gz`, a path of such an archive here (it is uploaded), or the ARN
    of a model package, each with `NAME=` before it where it needs a name.

    Raises:
        SettingsError: a name or address cannot be one, or nothing was trained yet.
        LaunchError: the job has no model, or the package is not approved.
    """
    found = [_of_text(call, text) for text in models] + [of_job(call, job) for job in jobs]
    found = found or [_last(call)]
    names = [source.name for source in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise SettingsError(
            f"Two models are called {min(twice)}; give each a name: --model NAME=s3://..."
        )
    return found


def of_job(call: Call, job: str) -> Source:
    """The model of a training job.

    Raises:
        LaunchError: it has none.
    """
    if call.dry:
        data = call.place.uri("jobs", job, "output", ARCHIVE)
        return Source(job, data, call.place.image, job)
    seen = call.aws.client("sagemaker").describe_training_job(TrainingJobName=job)
    data = seen.get("ModelArtifacts", {}).get("S3ModelArtifacts", "")
    if seen["TrainingJobStatus"] not in {"Completed", "Stopped"} or not data:
        raise LaunchError(
            f"The training job {job} is {seen['TrainingJobStatus']} and has no model; wait for it, "
            "or name another one with --job."
        )
    return Source(job, data, seen["AlgorithmSpecification"]["TrainingImage"], job)


def _last(call: Call) -> Source:
    """The model of the last training."""
    job = call.state.last("training_job")
    if job is None and call.dry:
        return of_job(call, _DRY_JOB)
    if job is None:
        raise SettingsError(
            "No training is noted for this place; train with scripts/train.sh, or name a model "
            "with --model or --job."
        )
    return of_job(call, job)


def _of_text(call: Call, text: str) -> Source:
    before, equals, after = text.partition("=")
    name, where = (before, after) if equals and _NAME.fullmatch(before) else ("", text)
    if where.startswith("s3://"):
        if not where.endswith(_SUFFIX):
            raise SettingsError(f"{where} is not the address of a model.tar.gz; name its archive.")
        return Source(name or _name_of(where), where, call.place.image)
    if _PACKAGE.fullmatch(where):
        return _of_package(call, name, where)
    return _uploaded(call, name, Path(where).expanduser())


def _of_package(call: Call, name: str, arn: str) -> Source:
    called = name or "-".join(arn.split("/")[1:])
    if call.dry:
        return Source(called, f"s3://THE-MODEL-OF/{called}/{ARCHIVE}", call.place.image)
    seen = call.aws.client("sagemaker").describe_model_package(ModelPackageName=arn)
    if seen.get("ModelApprovalStatus", "Approved") != "Approved":
        raise LaunchError(
            f"The package {arn} is {seen['ModelApprovalStatus']}; approve it first: "
            f"scripts/register.sh --package {arn} --approve"
        )
    container = seen["InferenceSpecification"]["Containers"][0]
    return Source(called, container["ModelDataUrl"], container["Image"])


def _uploaded(call: Call, name: str, archive: Path) -> Source:
    if not archive.is_file() or not archive.name.endswith((_SUFFIX, ".tgz")):
        raise SettingsError(
            f"{archive} is no model; give s3://.../model.tar.gz, a model.tar.gz here, or the ARN "
            "of a model package."
        )
    called = name or archive.name.removesuffix(".tgz").removesuffix(_SUFFIX)
    stamp = naming.name(call.settings, called, naming.now())
    data = call.place.uri("models", stamp, ARCHIVE)
    if not call.dry:
        bucket, _, key = data.removeprefix("s3://").partition("/")
        call.aws.client("s3").upload_file(str(archive), bucket, key)
    return Source(called, data, call.place.image)


def _name_of(uri: str) -> str:
    """The job's name in `.../<job>/output/model.tar.gz`; else that of the archive."""
    *_, before, folder, archive = ["", "", *uri.removeprefix("s3://").split("/")]
    own = archive.removesuffix(_SUFFIX)
    if own != "model":
        return own
    name = before if folder == "output" else folder
    return name if _NAME.fullmatch(name) else own
