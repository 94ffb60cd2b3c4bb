"""Which pictures a launcher sends, and one made up where none is at hand."""

import io
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from imageclf.errors import SettingsError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
"""What is taken for a picture in a folder."""


def named(places: Sequence[str]) -> list[Path]:
    """The files among `places`, and the pictures directly in the folders.

    Raises:
        SettingsError: a place is not there, or a folder holds no picture.
    """
    return [picture for text in places for picture in _of(Path(text).expanduser())]


def below(folder: Path) -> list[Path]:
    """All pictures in the folder and its subfolders, sorted.

    Raises:
        SettingsError: it is no folder, or there is none.
    """
    if not folder.is_dir():
        raise SettingsError(f"{folder} is not a folder; name one with pictures.")
    return _found(folder, folder.rglob("*"))


def content(picture: Path) -> bytes:
    """The bytes of a picture.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return picture.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{picture} cannot be read ({error.strerror}); name a picture that can."
        ) from error


def made_up_jpeg(side: int = 64) -> bytes:
    """A JPEG of coloured noise, always the same, of `side` x `side` pixels."""
    from PIL import Image  # noqa: PLC0415  (only where no picture is given)

    noise = random.Random(0).randbytes(3 * side * side)
    file = io.BytesIO()
    Image.frombytes("RGB", (side, side), noise).save(file, "JPEG")
    return file.getvalue()


def _of(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise SettingsError(f"{place} is not there; name a picture, several, or a folder.")
    return _found(place, place.iterdir())


def _found(folder: Path, paths: Iterator[Path]) -> list[Path]:
    found = sorted(path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise SettingsError(
            f"{folder} holds no picture ({', '.join(sorted(SUFFIXES))}); name one that does."
        )
    return found
