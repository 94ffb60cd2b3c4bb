"""What a job leaves behind: model and other output, packed and put into S3."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local_test.cloud.cloud import Cloud
from local_test.cloud.objects import uri
from local_test.cloud.training import confined
from local_test.package import pack_model


def model_address(job: Mapping[str, Any]) -> str:
    """Where the model of a job lies, or will: `ModelArtifacts.S3ModelArtifacts`."""
    ending = "model/" if _is_plain(job) else "model.tar.gz"
    return f"{_output(job)}/{ending}"


def upload_model(cloud: Cloud, job: Mapping[str, Any], folders: Sequence[Path]) -> None:
    """Put the content of all instances' model folders into S3; raises as `_upload` does."""
    _upload(cloud, job, folders, "model")


def upload_output(cloud: Cloud, job: Mapping[str, Any], folders: Sequence[Path]) -> None:
    """Put the content of all instances' output/data into S3; raises as `_upload` does."""
    _upload(cloud, job, folders, "output")


def _upload(cloud: Cloud, job: Mapping[str, Any], folders: Sequence[Path], name: str) -> None:
    """Nothing is put where the folders are empty; of equal names the first instance's stays.

    Raises:
        NoSuchBucketError: the bucket is not there.
        OSError: the disk is full, or a file cannot be read.
    """
    bucket, prefix = uri.split(_output(job))
    folder = _merged(folders)
    if not any(folder.iterdir()):
        return
    if _is_plain(job):
        for path in _plain_files(folder):
            cloud.objects.put(bucket, f"{prefix}/{name}/{path.relative_to(folder)}", path)
        return
    archive = pack_model(folder, folder.with_name(f"{name}.tar.gz"))
    cloud.objects.put(bucket, f"{prefix}/{name}.tar.gz", archive, "application/x-tar")
    archive.unlink()


def _output(job: Mapping[str, Any]) -> str:
    return uri.join(job["OutputDataConfig"]["S3OutputPath"], job["TrainingJobName"], "output")


def _is_plain(job: Mapping[str, Any]) -> bool:
    return bool(job["OutputDataConfig"].get("CompressionType") == "NONE")


def _plain_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _merged(folders: Sequence[Path]) -> Path:
    first, *others = folders
    for folder in others:
        for path in _plain_files(folder):
            target = first / path.relative_to(folder)
            if not os.path.lexists(target) and confined.is_inside(target, first):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(path, target)
    return first
