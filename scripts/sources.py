"""What `prepare.sh` is given: a folder, a zip file, the address of one, or the dog breeds."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fetching.archive import unpack_zip
from fetching.dogs import fetch_dogs
from fetching.download import download
from imageclf.errors import DataError, LaunchError, SettingsError
from scripts.requests.spaces import text

_NAME_CHARACTERS = 48


@dataclass(frozen=True)
class Source:
    """A folder of pictures on this machine, and what it is called in S3."""

    name: str
    folder: Path


def find(given: str, name: str, cache: Path) -> Source:
    """The folder that `given` stands for; what is fetched or unpacked lies below `cache`.

    Args:
        given: `dogs`, a folder, a zip file, or the http(s) address of one.
        name: instead of one made from `given`.

    Raises:
        SettingsError: it is none of them.
        DownloadError, ArchiveError: it cannot be had.
    """
    if given == "dogs":
        return Source(name or "dogs", fetch_dogs(cache))
    if given.startswith(("http://", "https://")):
        return _fetched(given, name, cache)
    if given.startswith("s3://"):
        raise SettingsError(f"{given} is in S3 already; train on it: scripts/train.sh --data ...")
    path = Path(given).expanduser().resolve()
    if path.is_dir():
        return Source(name or _name(path.name), path)
    if path.is_file():
        return _unpacked(path, name, cache)
    raise SettingsError(
        f"{given} is not there; name a folder of pictures, a zip file, its address, or `dogs`."
    )


def check(folder: Path, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """What training will find in the folder: counts, warnings, usable files.

    The image's own check runs as a process; its errors are those that the job would end with.

    Raises:
        DataError: the folder cannot be trained on.
    """
    values = [f"{name}={text(value)}" for name, value in hyperparameters.items()]
    command = [sys.executable, "-m", "imageclf", "check-data", "--json", str(folder), *values]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stderr.strip().removeprefix("error: ")
    if done.returncode == SettingsError.exit_code:
        raise SettingsError(said)
    if done.returncode == DataError.exit_code:
        raise DataError(said)
    if done.returncode:
        raise LaunchError(f"The check of {folder} broke off: {said.splitlines()[-1:]}.")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _fetched(url: str, name: str, cache: Path) -> Source:
    last = urlsplit(url).path.rstrip("/").rpartition("/")[2] or "pictures"
    mark = hashlib.sha256(url.encode()).hexdigest()[:12]
    archive = download(url, cache / f"{mark}-{last}"[:200])
    return _unpacked(archive, name or _name(Path(last).stem), cache)


def _unpacked(archive: Path, name: str, cache: Path) -> Source:
    """Unpacked once for each state of the file, which its size and time tell."""
    state = archive.stat()
    mark = hashlib.sha256(f"{archive} {state.st_size} {state.st_mtime_ns}".encode()).hexdigest()
    folder = unpack_zip(archive, cache / f"unpacked-{mark[:12]}")
    return Source(name or _name(archive.stem), folder)


def _name(text_of: str) -> str:
    """A name that is good in S3, in logs and at a shell."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", text_of).strip("-")[:_NAME_CHARACTERS] or "pictures"
