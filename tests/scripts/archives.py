"""Model archives as a training job leaves them."""

import tarfile
from pathlib import Path

from tests.serving.artifacts import write_artifact


def pack(folder: Path, archive: Path) -> Path:
    """The files of `folder` as model.tar.gz has them."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as target:
        for path in sorted(folder.iterdir()):
            target.add(path, path.name)
    return archive


def pack_model(folder: Path, name: str, *classes: str, seed: int = 0) -> Path:
    """A small real model for these classes in `folder`, packed as `<name>.tar.gz` there."""
    write_artifact(folder / name, name=name, classes=classes, seed=seed)
    return pack(folder / name, folder / f"{name}.tar.gz")
