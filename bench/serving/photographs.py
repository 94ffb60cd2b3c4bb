"""The photographs that every contender is asked about."""

import io
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

COUNT = 50

_SEED = 0


def class_name(number: int) -> str:
    """What a right answer to photograph `number`, counted from 0, names first."""
    return f"photograph {number}"


def gather(source: Path | None, folder: Path) -> None:
    """`COUNT` photographs of `source`, a folder of folders, in `folder`; or as many made up."""
    folder.mkdir()
    if source is None:
        _made_up(folder)
        return
    photographs = [path for path in sorted(source.glob("**/*.jpg")) if _is_jpeg(path)]
    step = max(1, len(photographs) // COUNT)
    for number, path in enumerate(photographs[::step][:COUNT]):
        shutil.copyfile(path, folder / f"{number:03}.jpg")


def _is_jpeg(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(3) == b"\xff\xd8\xff"


def _made_up(folder: Path) -> None:
    """Noise in JPEG files of the size of photographs."""
    draw = np.random.default_rng(_SEED)
    for number in range(COUNT):
        coarse = draw.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        file = io.BytesIO()
        picture = Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC)
        picture.save(file, "JPEG", quality=95)
        (folder / f"{number:03}.jpg").write_bytes(file.getvalue())
