"""Puts the profiler report where people's scripts look for it in S3, without the managed service.

That is `<output>/<job>/rule-output/ProfilerReport-<id>/profiler-output/`. The launchers say where
by an environment variable; what fails here is a line in the log and nothing else. For the trials
of a search it is one for all of them, with `{TRAINING_JOB_NAME}` in the place of their names.
"""

import logging
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from imageclf.contract import JOB_NAME_VARIABLE
from imageclf.errors import ActionError
from imageclf.profiler import names
from imageclf.rules.actions import aws
from imageclf.rules.bucket import SCHEME

ADDRESS = "IMAGECLF_REPORTS_S3"
"""Environment variable with the address of the job's `rule-output`; without it nothing is sent."""

_OWN_NAME = f"{{{JOB_NAME_VARIABLE}}}"

_TRACE = "profiler-trace.json.gz"
_TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json"}

_log = logging.getLogger(__name__)


def deliver(output_data: Path, environment: Mapping[str, str] = os.environ) -> str:
    """Put report, JSON files and trace of `output_data` into S3.

    Returns:
        The address that they lie at; empty when none is asked for, none were made, or it failed.
    """
    address = environment.get(ADDRESS, "").rstrip("/")
    files = sorted(_files(output_data))
    if not address or not files:
        return ""
    name = environment.get(JOB_NAME_VARIABLE, "")
    if _OWN_NAME in address and not name:
        _log.warning(
            "The profiler report was not put into S3: %s says where by the job's name, and %s, "
            "which holds it, is not set.",
            ADDRESS,
            JOB_NAME_VARIABLE,
        )
        return ""
    address = address.replace(_OWN_NAME, name)
    bucket, _, prefix = address.removeprefix(SCHEME).partition("/")
    within = f"ProfilerReport-{zlib.crc32(address.encode())}/profiler-output"
    try:
        with aws.asking("The profiler report was not put into S3"):
            client = aws.client("s3", environment.get("AWS_REGION", ""))
            for path in files:
                key = "/".join(
                    part for part in (prefix, within, str(path.relative_to(output_data))) if part
                )
                kind = _TYPES.get(path.suffix, "application/octet-stream")
                with path.open("rb") as body:
                    client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=kind)
    except (ActionError, OSError) as error:
        _log.warning("%s", error)
        return ""
    _log.info("the profiler report lies at %s/%s/", address, within)
    return f"{address}/{within}"


def _files(output_data: Path) -> Iterator[Path]:
    for path in (output_data / names.REPORT, output_data / _TRACE):
        if path.is_file():
            yield path
    yield from (output_data / names.REPORTS).glob("*.json")
