"""What a check of a data folder found, for a program that takes the folder somewhere else."""

from pathlib import Path
from typing import Any

from imageclf.data.dataset import DataSet


def listing(data: DataSet, root: Path) -> dict[str, Any]:
    """The statistics, the lines for people, and every usable file, ready for JSON.

    `files` are places below `root`, with `/`, in the order of the splits.
    """
    items = [*data.train, *data.validation, *data.test]
    return {
        **data.statistics(),
        "summary": data.summary_lines(),
        "files": [item.path.relative_to(root).as_posix() for item in items],
    }
