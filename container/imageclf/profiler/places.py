"""Finds the folder of a profile in what a person names: the folder itself, or a run."""

from collections.abc import Iterator
from pathlib import Path

from imageclf.errors import ProfileError
from imageclf.profiler import names
from imageclf.rules.bucket import Kept
from imageclf.rules.source import Kind

WITHIN = ("", names.FOLDER, f"output/{names.FOLDER}", "profiler-output")
"""Where profiles lie: below a run, below its output, or below what SageMaker keeps of it in S3."""

MANAGED = "framework"
"""Folder in which smdebug's hooks kept the phases of steps, for the managed service."""

CONTENT = (names.SYSTEM, names.STEPS, MANAGED)
"""What a profile holds at least one of."""


def find(folder: Path) -> Path | None:
    """The folder of a profile that is `folder`, or lies within or beside it; None without one.

    `output/data` of a run is understood too.
    """
    return next((place for place in _candidates(folder) if _holds_profile(place)), None)


KIND = Kind(
    find,
    Kept(
        within=WITHIN,
        folders=(
            names.WORKERS,
            MANAGED,
            names.SYSTEM,
            names.READS,
            names.SPANS,
            names.STEPS,
            names.KERNELS,
            names.FAULTS,
        ),
        files=(names.MACHINE, names.END_OF_JOB),
        marks=(*(f"{name}/" for name in CONTENT), names.END_OF_JOB),
        error=ProfileError,
    ),
)


def _candidates(folder: Path) -> Iterator[Path]:
    yield from (folder / name for name in WITHIN)
    if folder.name == "data":
        yield folder.parent / names.FOLDER


def _holds_profile(folder: Path) -> bool:
    return (folder / names.END_OF_JOB).is_file() or any(
        (folder / name).is_dir() for name in CONTENT
    )
