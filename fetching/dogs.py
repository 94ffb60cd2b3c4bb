"""The dog breeds: photographs of 133 breeds, about 1 GB, from Udacity."""

from pathlib import Path

from fetching.archive import unpack_zip
from fetching.download import download
from imageclf.errors import ArchiveError

DOGS_URL = "https://s3-us-west-1.amazonaws.com/udacity-aind/dog-project/dogImages.zip"
DOG_BREEDS = 133


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
