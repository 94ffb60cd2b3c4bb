"""The reports that a training job left in S3: those of its rules, and those in its output."""

import shutil
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import IO, Any

from imageclf.errors import LaunchError
from scripts import s3

PAGES = (
    "report.html",
    "profiler-report.html",
    "debug-report.html",
    "training-report.html",
)
"""The pages, the one to open first."""

_BESIDE = ("profiler-reports", "profiler-trace.json.gz", "metrics.json")
"""What lies beside the pages, and belongs to them."""

_STATUSES = (
    "rule_status.json",
    "findings.jsonl",
    "profiler_rule_status.json",
    "profiler_findings.jsonl",
)
_WHOLE_REPORT = "ProfilerReport"
_MANAGED = "profiler-output/"
_MOST_BYTES = 1 << 30


def fetch(client: Any, job: Mapping[str, Any], folder: Path) -> list[Path]:
    """Bring the reports of a described job into `folder`; returns their paths.

    Those of rules come first: each lies in a folder with the rule's name, but the report of all
    rules of the profiler beside the pages of the training.

    Raises:
        LaunchError: the disk is full, or the job's output cannot be unpacked.
    """
    base = f"{job['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{job['TrainingJobName']}"
    try:
        found = list(_of_rules(client, f"{base}/rule-output/", folder))
        found += _of_output(client, f"{base}/output/", folder)
    except OSError as error:
        raise LaunchError(
            f"The reports cannot be put into {folder} ({error.strerror}); make room, or name "
            "another folder by --into."
        ) from error
    return found


def page(folder: Path) -> Path | None:
    """The page of `folder` that is to be opened first; None when there is none."""
    known = (folder / name for name in PAGES)
    others = sorted(folder.rglob("*.html"))
    return next((one for one in (*known, *others) if one.is_file()), None)


def _of_rules(client: Any, address: str, folder: Path) -> Iterator[Path]:
    bucket, prefix = s3.split(address)
    for key, size in s3.sizes(client, address):
        rule, _, name = key.removeprefix(prefix).partition("/")
        name = name.removeprefix(_MANAGED)
        if size > _MOST_BYTES or not _is_safe(f"{rule}/{name}"):
            continue
        whole = rule.startswith(_WHOLE_REPORT)
        yield _download(client, bucket, key, folder / name if whole else folder / rule / name)


def _of_output(client: Any, address: str, folder: Path) -> Iterator[Path]:
    """What the training wrote into its output, of which only what is not there yet."""
    bucket, prefix = s3.split(address)
    for key, _ in s3.sizes(client, address):
        name = key.removeprefix(prefix)
        if name == "output.tar.gz":
            yield from _unpacked(client, bucket, key, folder)
        elif _is_report(plain := name.removeprefix("output/")) and not (folder / plain).exists():
            yield _download(client, bucket, key, folder / plain)


def _unpacked(client: Any, bucket: str, key: str, folder: Path) -> Iterator[Path]:
    with TemporaryFile() as file:
        client.download_fileobj(bucket, key, file)
        file.seek(0)
        try:
            with tarfile.open(fileobj=file, mode="r:gz") as archive:
                for member in archive:
                    path = folder / member.name
                    if member.isfile() and _is_report(member.name) and not path.exists():
                        content = archive.extractfile(member)
                        if content is not None:
                            yield _written(content, path)
        except (tarfile.TarError, EOFError) as error:
            raise LaunchError(
                f"s3://{bucket}/{key} cannot be unpacked ({error}); fetch it and look at it."
            ) from error


def _is_report(name: str) -> bool:
    top = PurePosixPath(name).parts[0] if name else ""
    return _is_safe(name) and (top in {*_BESIDE, *_STATUSES} or name in PAGES)


def _is_safe(name: str) -> bool:
    """Whether this is the name of a file below a folder."""
    parts = name.split("/")
    return not any(part in {"", ".", ".."} or "\0" in part for part in parts)


def _download(client: Any, bucket: str, key: str, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    client.download_file(bucket, key, str(path))
    return path


def _written(content: IO[bytes], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        shutil.copyfileobj(content, file)
    return path
