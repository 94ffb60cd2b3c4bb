"""Finds the folder of saved tensors in what a person names: the folder itself, or a run."""

from collections.abc import Iterator
from pathlib import Path

from imageclf.debugger.names import END_OF_JOB

WITHIN = ("", "tensors", "output/tensors", "debug-output")
"""Where tensors lie: below a run, below its output, or below what SageMaker keeps of it in S3."""

CONTENT = ("index", "collections", "events")
"""What a folder of tensors holds at least one of."""


def find(folder: Path) -> Path | None:
    """The folder of tensors that is `folder`, or lies within or beside it; None when there is none.

    `output/data` of a run is understood too.
    """
    return next((place for place in _candidates(folder) if _holds_tensors(place)), None)


def _candidates(folder: Path) -> Iterator[Path]:
    yield from (folder / name for name in WITHIN)
    if folder.name == "data":
        yield folder.parent / "tensors"


def _holds_tensors(folder: Path) -> bool:
    return (folder / END_OF_JOB).is_file() or any((folder / name).is_dir() for name in CONTENT)
