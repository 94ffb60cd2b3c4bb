"""What `DATA` names: a folder of one's own, the handwritten digits, or the dog breeds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fetching.dogs import fetch_dogs
from fetching.folders import make_folder
from imageclf.errors import SettingsError
from local_test import digits


@dataclass(frozen=True)
class Source:
    """A data set: what it is called, where it lies, what it is best trained with."""

    name: str
    folder: Path
    hyperparameters: Mapping[str, str] = field(default_factory=dict)


def find(data: str, cache: Path) -> Source:
    """The data set that `data` names; the ones with a name of their own are made in `cache`.

    Raises:
        SettingsError: `data` is no folder.
        DownloadError, ArchiveError: the dog breeds cannot be had.
    """
    if data in {"", "digits"}:
        folder = make_folder(cache / "digits", digits.write)
        return Source("digits", folder, digits.HYPERPARAMETERS)
    if data == "dogs":
        return Source("dogs", fetch_dogs(cache))
    folder = Path(data).expanduser().resolve()
    if not folder.is_dir():
        raise SettingsError(
            f"DATA={data} is not a folder; name a folder with one folder of images for each "
            "class, or `dogs`, or leave it out for handwritten digits."
        )
    return Source(folder.name or "data", folder)
