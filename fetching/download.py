"""Downloading a large file so that nothing is fetched twice and nothing half is taken for whole.

The bytes go to `<target>.part`; beside it `<target>.part.json` remembers which file they are of
(address, entity tag or date, length). What breaks off is taken up with a Range request under
If-Range, so a file that changed meanwhile comes anew instead of being patched together (RFC 9110,
sections 13.1.5 and 14).
"""

import json
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import requests
from tqdm import tqdm

from fetching.folders import locked
from imageclf.errors import DownloadError

_CHUNK_BYTES = 1 << 16
_TIMEOUT_S = (10, 60)  # to connect, between two reads
_HTTP_PARTIAL = 206
_HTTP_RANGE_REFUSED = 416
_HTTP_TRY_AGAIN = {_HTTP_RANGE_REFUSED, 408, 429}


@dataclass(frozen=True)
class _Source:
    """Which file the bytes of `.part` belong to; `validator` is what If-Range takes."""

    url: str
    validator: str | None
    length: int | None


def download(
    url: str,
    target: Path,
    *,
    attempts: int = 5,
    pause: Callable[[float], None] = time.sleep,
) -> Path:
    """Fetch `url` to `target`, going on where an earlier attempt ended.

    A `target` that is there already stays. `attempts` counts the failures in a row that brought
    no new byte.

    Raises:
        DownloadError: the server refuses, the connection stays broken, or the disk is full.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target):
        failures = 0
        while not target.exists():
            before = _size(_part(target))
            try:
                _attempt(url, target)
            except (requests.ConnectionError, requests.Timeout, _BrokenOffError) as error:
                failures = 0 if _size(_part(target)) > before else failures + 1
                if failures >= attempts:
                    raise DownloadError(
                        f"{url} broke off: {error}; run the command again and "
                        "it goes on from there."
                    ) from error
                pause(min(2.0**failures, 30))
            except requests.RequestException as error:
                raise DownloadError(f"{url} cannot be fetched: {error}.") from error
    return target


class _BrokenOffError(DownloadError):
    """The connection ended before the file did."""


def _attempt(url: str, target: Path) -> None:
    """One request; afterwards `target` is there, or `.part` holds what came."""
    known = _known(url, target)
    have = _size(_part(target))
    if known is not None and have == known.length:
        _finish(target, known)
        return
    with requests.get(url, headers=_headers(known, have), stream=True, timeout=_TIMEOUT_S) as reply:
        _refuse_bad_status(reply, url, target)
        goes_on = reply.status_code == _HTTP_PARTIAL
        source = _source(reply, url, have if goes_on else 0)
        if goes_on and not (_starts_at(reply, have) and source == known):
            _discard(target)
            raise _BrokenOffError("the server sent another range than the one asked for")
        if not goes_on:
            _discard(target)
            _note(target).write_text(json.dumps(asdict(source)))
        _receive(reply, target, source)
    _finish(target, source)


def _known(url: str, target: Path) -> _Source | None:
    """What `.part` is a part of; a part of nothing known is thrown away."""
    try:
        known = _Source(**json.loads(_note(target).read_text()))
    except (OSError, ValueError, TypeError):
        known = None
    if known is not None and known.url == url and known.validator is not None:
        return known
    _discard(target)
    return None


def _headers(known: _Source | None, have: int) -> dict[str, str]:
    # Without this a server may compress on the way, and lengths and ranges count other bytes.
    headers = {"Accept-Encoding": "identity"}
    if known is not None and known.validator is not None and have:
        headers |= {"Range": f"bytes={have}-", "If-Range": known.validator}
    return headers


def _refuse_bad_status(reply: requests.Response, url: str, target: Path) -> None:
    status = f"the server answered {reply.status_code} {reply.reason}"
    if reply.status_code == _HTTP_RANGE_REFUSED:
        _discard(target)
    if reply.status_code >= 500 or reply.status_code in _HTTP_TRY_AGAIN:
        raise _BrokenOffError(status)
    if not reply.ok:
        raise DownloadError(f"{url} cannot be fetched: {status}.")


def _starts_at(reply: requests.Response, have: int) -> bool:
    return reply.headers.get("Content-Range", "").startswith(f"bytes {have}-")


def _source(reply: requests.Response, url: str, have: int) -> _Source:
    """What the reply says about the file; weak entity tags cannot vouch for a range."""
    tag = reply.headers.get("ETag", "")
    strong = tag if tag and not tag.startswith("W/") else None
    length = reply.headers.get("Content-Length")
    return _Source(
        url=url,
        validator=strong or reply.headers.get("Last-Modified"),
        length=have + int(length) if length and re.fullmatch(r"\d+", length) else None,
    )


def _receive(reply: requests.Response, target: Path, source: _Source) -> None:
    part = _part(target)
    have = _size(part)
    _need_room(target, source, have)
    bar = tqdm(
        total=source.length, initial=have, unit="B", unit_scale=True, desc=target.name, disable=None
    )
    try:
        with part.open("ab") as file, bar:
            for chunk in reply.iter_content(_CHUNK_BYTES):
                file.write(chunk)
                bar.update(len(chunk))
    except requests.exceptions.ChunkedEncodingError as error:
        raise _BrokenOffError(f"after {_size(part):,} bytes") from error
    except OSError as error:
        if isinstance(error, requests.RequestException):
            raise
        raise DownloadError(
            f"{part} cannot be written: {error}; make room and run the command again, it goes on "
            "from there."
        ) from error


def _need_room(target: Path, source: _Source, have: int) -> None:
    free_bytes = shutil.disk_usage(target.parent).free
    missing = (source.length or 0) - have
    if missing > free_bytes:
        raise DownloadError(
            f"{source.url} needs {missing / 2**20:,.0f} MiB in {target.parent}, only "
            f"{free_bytes / 2**20:,.0f} MiB are free; make room and run the command again."
        )


def _finish(target: Path, source: _Source) -> None:
    part = _part(target)
    if source.length is not None and _size(part) < source.length:
        raise _BrokenOffError(f"after {_size(part):,} of {source.length:,} bytes")
    if source.length is not None and _size(part) > source.length:
        _discard(target)
        raise _BrokenOffError("more bytes came than the server announced")
    part.replace(target)
    _note(target).unlink(missing_ok=True)


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _note(target: Path) -> Path:
    return target.with_name(f"{target.name}.part.json")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _discard(target: Path) -> None:
    # The bytes go first: a note without bytes is harmless, bytes under another file's note are not.
    _part(target).unlink(missing_ok=True)
    _note(target).unlink(missing_ok=True)
