"""The frame of every report: one HTML file that needs nothing beside itself.

Templates lie in `templates/` and extend `base.html`, which brings the style sheet (light and dark
by the reader's preference) and the script that sorts tables. Whatever a template writes is
escaped. A content security policy in the page forbids it to load anything and to run any script
but our own, so a hostile file name stays text even if an escape were forgotten.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from imageclf.errors import ReportError
from imageclf.report import figures

_JPEG_START = b"\xff\xd8\xff"


def render(
    template: str, *, scripts: Sequence[str] = (), allowed: Sequence[str] = (), **content: Any
) -> str:
    """The page that `template` (a name in `templates/`) makes of `content`.

    Args:
        scripts: names in `templates/` of scripts beside the one that sorts tables.
        allowed: what else may run, as `digest` gives it: scripts that those scripts bring in.
    """
    running = [_asset(name) for name in ("sort.js.html", *scripts)]
    return (
        _environment()
        .get_template(template)
        .render(
            **content,
            style=_asset("style.css"),
            scripts=running,
            script_digests=[*(digest(script.encode()) for script in running), *allowed],
        )
    )


def digest(script: bytes) -> str:
    """The source expression by which a content security policy knows a script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}"


def write_page(path: Path, html: str) -> None:
    """Write `html` to `path` so that a reader sees the old page or the whole new one.

    What UTF-8 cannot write, the bytes of a file name in another encoding, is spelled out.

    Raises:
        ReportError: the folder cannot be written to.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(html, encoding="utf-8", errors="backslashreplace")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ReportError(
            f"{path} cannot be written ({error.strerror}); make room or give a folder that can be "
            "written to."
        ) from error


def jpeg_address(encoded: str) -> str | None:
    """A `data:` address of a base64 JPEG; None for anything else."""
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return f"data:image/jpeg;base64,{encoded}" if content.startswith(_JPEG_START) else None


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("imageclf.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": figures.percent,
        "number": figures.number,
        "magnitude": figures.magnitude,
        "duration": figures.duration,
        "data_size": figures.data_size,
        "listing": figures.listing,
        "jpeg_address": jpeg_address,
    }
    return environment


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
