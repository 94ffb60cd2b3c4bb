"""The library that draws interactive plots, plotly.js, as a page carries it: packed.

The page unpacks it and runs it only when a plot comes into view, so text and tables are there
first. plotly itself is not imported: only its JavaScript is read.
"""

import base64
import gzip
import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from imageclf.errors import ReportError
from imageclf.report.page import digest

_BUNDLE = Path("package_data", "plotly.min.js")

_WRAPPED = re.compile(
    r"(?P<licence>\s*/\*.*?\*/)\s*"
    r"\(\s*function\(root, factory\).*?, \(\) => \{\s*"
    r'(?P<body>"use strict";var Plotly=\(.*)'
    r"window\.Plotly = Plotly;\s*return Plotly;\s*\}\)\);\s*",
    re.DOTALL,
)


@dataclass(frozen=True)
class Library:
    """plotly.js in gzip and base64, and what a content security policy knows it by."""

    packed: str
    digest: str


@cache
def plotly() -> Library:
    """The library of the installed package.

    Raises:
        ReportError: it is not installed.
    """
    found = find_spec("plotly")
    folders = found.submodule_search_locations if found else None
    try:
        script = (Path(next(iter(folders or ()), "")) / _BUNDLE).read_bytes()
    except OSError as error:
        raise ReportError(
            "plotly.js is missing, which draws the plots; install the Python package plotly."
        ) from error
    script = unwrapped(script.decode()).encode()
    packed = gzip.compress(script, mtime=0)
    return Library(base64.b64encode(packed).decode("ascii"), digest(script))


def unwrapped(script: str) -> str:
    """The library without the function around it, by which it suits several kinds of loaders.

    Browsers read what is inside a function once to find its end and once more when it is called:
    without the one around all of it the library starts in two thirds of the time (measured in
    Chromium 156; `make bench-profile ARGS=page`). A library of another shape stays as it is.
    """
    parts = _WRAPPED.fullmatch(script)
    if parts is None:
        return script
    return f"{parts['licence']}\n{parts['body']}window.Plotly = Plotly;\n"
