"""What `DATA` names: a folder of one's own, the handwritten digits, or the dog breeds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imageclf.errors import ArchiveError, SettingsError
from local_test import digits
from local_test.archive import unpack_zip
from local_test.download import download
from local_test.folders import make_folder

DOGS_URL = "https://s3-us-west-1.amazonaws.com/udacity-aind/dog-project/dogImages.zip"
DOG_BREEDS = 133


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


def fetch_dogs(cache: Path, url: str = DOGS_URL, breeds: int = DOG_BREEDS) -> Path:
    """The dog breeds, downloaded and unpacked to `cache/dogs` unless they are there."""

    def check(folder: Path) -> None:
        found = len([path for path in folder.glob("dogImages/train/*") if path.is_dir()])
        if found != breeds:
            raise ArchiveError(
                f"{url} holds {found} breeds below dogImages/train, not {breeds}: it is not the "
                "data set expected."
            )

    target = cache / "dogs"
    if not target.exists():
        archive = download(url, cache / "dogImages.zip")
        unpack_zip(archive, target, check=check)
        archive.unlink()
    return target
