"""What `MODEL` names: the folder of a run, of a model, or a `model.tar.gz`."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imageclf.artifact import MANIFEST
from imageclf.errors import SettingsError
from local_test import run_folder

_PACKED = (".tar.gz", ".tgz")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_SAYS_NOTHING = {"model", "ml", "output"}


@dataclass(frozen=True)
class Model:
    """A model to serve: `source` is its folder or its archive."""

    name: str
    source: Path
    run: Path | None = None

    @property
    def is_packed(self) -> bool:
        return self.source.is_file()

    @property
    def data(self) -> Path | None:
        """The pictures that it learned from, where its run tells and they are still there."""
        try:
            noted = json.loads((self.run / run_folder.NOTE).read_text()) if self.run else {}
        except (OSError, ValueError):
            return None
        data = Path(noted.get("data", ""))
        return data if "data" in noted and data.is_dir() else None


def find(text: str, runs: Path, *, several: bool = False) -> list[Model]:
    """The models that `text` names, `name=path` or `path`; without one, that of the latest run.

    Raises:
        SettingsError: there is no model, there are several and `several` is false, or two have
            one name.
    """
    parts = _parts(text) or [str(runs / run_folder.LATEST)]
    if len(parts) > 1 and not several:
        raise SettingsError(
            f"MODEL names {len(parts)} models; name one, or add MULTI=1 to serve all of them."
        )
    models = [_named(part) for part in parts]
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(
                f"MODEL has {name} twice; give each a name of its own: MODEL='a=first b=second'."
            )
    return models


def picture(folder: Path) -> Path | None:
    """Any picture below `folder`, one that was held out if there are such."""
    for name in ("test", "valid", "validation", "."):
        for path in _pictures(folder / name):
            return path
    return None


def _parts(text: str) -> list[str]:
    if Path(text).expanduser().exists() and text:
        return [text]
    try:
        return shlex.split(text)
    except ValueError as error:
        raise SettingsError(f"MODEL is {text!r}: {error}; close the quotation mark.") from error


def _named(part: str) -> Model:
    name, equals, path = part.partition("=")
    if not equals or Path(part).expanduser().exists():
        name, path = "", part
    place = Path(path).expanduser()
    found = _found(place.resolve(), place)
    name = name or _usual_name(place)
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"The name {name!r} of a model must begin with a letter or digit and have letters, "
            "digits, '_', '.' and '-', 63 at most; write MODEL=name=path."
        )
    return Model(name, *found)


def _found(place: Path, given: Path) -> tuple[Path, Path | None]:
    """The model's folder or archive, and the folder of the run it came from."""
    if place.is_file() and place.name.endswith(_PACKED):
        return place, _run(place.parent)
    for folder in (place, place / "model"):
        if (folder / MANIFEST).is_file():
            return folder, _run(folder.parent)
    if given.name == run_folder.LATEST and not given.exists():
        raise SettingsError(
            f"There is no run in {given.parent} to serve; train one with `make local-train`, or "
            "name a model: MODEL=<folder or model.tar.gz>."
        )
    raise SettingsError(
        f"{given} holds no model ({MANIFEST} is absent); name the folder of a finished run, the "
        "folder of a model, or a model.tar.gz."
    )


def _run(folder: Path) -> Path | None:
    return folder if (folder / run_folder.NOTE).is_file() else None


def _usual_name(place: Path) -> str:
    folder = place.resolve()
    stem = next((folder.name.removesuffix(end) for end in _PACKED if folder.name.endswith(end)), "")
    name = stem or folder.name
    return folder.parent.name if name in _SAYS_NOTHING else name


def _pictures(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for place in (folder, *_subfolders(folder)):
        yield from sorted(path for path in place.iterdir() if path.suffix.lower() in SUFFIXES)


def _subfolders(folder: Path) -> Sequence[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_dir())


SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
"""What is taken for a picture in a folder."""
