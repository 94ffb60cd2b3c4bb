"""What a processing job reads: objects of S3 as files below a folder."""

from pathlib import Path, PurePosixPath

from local_test.cloud.cloud import Cloud
from local_test.cloud.job_run import JobFailedError
from local_test.cloud.operations import Document
from local_test.cloud.transform.inputs import Input, InputError, find


def fetch(cloud: Cloud, source: Document, folder: Path, part: int, parts: int) -> None:
    """Copy the objects of an S3Input to `folder`.

    Args:
        part: which instance this is, from 0, of `parts`; each has a share when the data are
            sharded.

    Raises:
        JobFailedError: there are none, or a name would lead out of the folder.
        OSError: the disk is full.
    """
    try:
        found = find(cloud.objects, source)
    except InputError as error:
        raise JobFailedError(str(error)) from error
    if source.get("S3DataDistributionType") == "ShardedByS3Key":
        found = found[part::parts]
    folder.mkdir(parents=True, exist_ok=True)
    for one in found:
        cloud.objects.fetch(one.bucket, one.key, folder / _safe(one))


def _safe(one: Input) -> PurePosixPath:
    name = PurePosixPath(one.name)
    if name.is_absolute() or ".." in name.parts or not name.parts or "\0" in one.name:
        raise JobFailedError(
            f"ClientError: The object {one.uri} cannot be a file: its key leads out of the "
            "folder; rename it."
        )
    return name
