"""Every file looked at once: is it a whole picture, how large is it, what is its content.

Files are decoded to their last byte, JPEGs at an eighth of their size, in threads (Pillow and the
hashes release the interpreter lock).
"""

import hashlib
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from imageclf.data.decode import open_image
from imageclf.errors import ImageError


@dataclass(frozen=True)
class Picture:
    """A usable file: size in pixels as shown, Pillow's names of format and mode, SHA-256.

    `share_of_one_colour` is that of the most frequent colour, 0 to 1.
    """

    path: Path
    width: int
    height: int
    format: str
    mode: str
    bytes: int
    digest: str
    share_of_one_colour: float


@dataclass(frozen=True)
class Unusable:
    """A file that is left out: a short stable reason, and a sentence."""

    path: Path
    reason: str
    detail: str


def scan(paths: Sequence[Path], *, max_megapixels: float) -> list[Picture | Unusable]:
    """Look at every file, in the order given; nothing is raised for a file's sake."""
    threads = len(os.sched_getaffinity(0)) + 2
    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        warnings.simplefilter("ignore")  # a damaged EXIF block is no news for a log
        return list(pool.map(lambda path: _look_at(path, max_megapixels), paths))


def _look_at(path: Path, max_megapixels: float) -> Picture | Unusable:
    try:
        with open_image(path, max_megapixels=max_megapixels) as image:
            share = image.check()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size_bytes = file.tell()
    except ImageError as error:
        return Unusable(path, error.reason, str(error))
    except OSError as error:
        return Unusable(path, "unreadable", f"The file cannot be read ({error.strerror}).")
    width, height = image.size
    return Picture(path, width, height, image.format, image.mode, size_bytes, digest, share)
