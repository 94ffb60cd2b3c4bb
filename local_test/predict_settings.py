"""Which pictures a local prediction is of, and which server it asks."""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from imageclf.errors import SettingsError
from local_test.models import SUFFIXES
from local_test.serve_settings import OWN_PORT, read_port
from local_test.serving_folder import State


@dataclass(frozen=True)
class PredictSettings:
    """One call of `python -m local_test.predict`."""

    pictures: Sequence[Path]
    url: str
    path: str = "/invocations"
    top: int | None = None


def read(
    arguments: Sequence[str], environment: Mapping[str, str], state: State | None
) -> PredictSettings:
    """Flags go before the variables PICTURES, URL, PORT, NAME and TOP, and those before `state`.

    Raises:
        SettingsError: no picture is named, or one is not there; a value is malformed.
    """
    given = _parser(environment).parse_args(arguments)
    named = [Path(text) for text in given.pictures] or _named(environment.get("PICTURES", ""))
    if given.top and not (given.top.isdecimal() and int(given.top)):
        raise SettingsError(f"TOP={given.top} is not a number of classes; write TOP=3.")
    return PredictSettings(
        pictures=[picture for one in named for picture in _pictures(one.expanduser())],
        url=_url(given.url, given.port, state),
        path=_path(given.name, state),
        top=int(given.top) if given.top else None,
    )


def _named(text: str) -> list[Path]:
    if text and Path(text).expanduser().exists():
        return [Path(text)]
    try:
        parts = shlex.split(text)
    except ValueError as error:
        raise SettingsError(f"IMAGE is {text!r}: {error}; close the quotation mark.") from error
    if not parts:
        raise SettingsError("No picture is named; write IMAGE=photo.jpg, several, or a folder.")
    return [Path(part) for part in parts]


def _pictures(place: Path) -> list[Path]:
    """The file, or the pictures in the folder."""
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise SettingsError(f"{place} is not there; name a picture, several, or a folder.")
    found = sorted(path for path in place.iterdir() if path.suffix.lower() in SUFFIXES)
    if not found:
        raise SettingsError(
            f"{place} holds no picture ({', '.join(sorted(SUFFIXES))}); name one that does."
        )
    return found


def _url(url: str, port: str, state: State | None) -> str:
    if url:
        return url
    if not port and state is not None:
        return state.url
    return f"http://127.0.0.1:{read_port(port or OWN_PORT)}"


def _path(name: str, state: State | None) -> str:
    if not name and state is not None and state.models:
        name = state.models[0]
    return f"/models/{quote(name, safe='')}/invoke" if name else "/invocations"


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local_test.predict",
        description="Ask a running server for the classes of pictures.",
    )
    parser.add_argument("pictures", nargs="*", help="files and folders")
    for name, told in {
        "url": "address of the server; else the one that runs here",
        "port": "port of the server on this machine",
        "name": "which model, where there are several",
        "top": "how many classes",
    }.items():
        parser.add_argument(f"--{name}", default=environment.get(name.upper(), ""), help=told)
    return parser
