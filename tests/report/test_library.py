"""The plotting library as pages carry it."""

import base64
import gzip

import pytest

from imageclf.report.library import plotly, unwrapped
from imageclf.report.page import digest


def test_the_installed_library_is_carried_without_the_function_around_it() -> None:
    library = plotly()
    script = gzip.decompress(base64.b64decode(library.packed)).decode()
    assert "Licensed under the MIT license" in script[:200]
    assert '*/\n"use strict";var Plotly=(()=>{' in script[:300]
    assert script.endswith("\nwindow.Plotly = Plotly;\n")
    assert len(script) > 1e6
    assert library.digest == digest(script.encode())


@pytest.mark.parametrize(
    "script", ["", "var Plotly = {};", "/* licence */\n(function(root) {})();"]
)
def test_a_library_of_another_shape_stays_as_it_is(script: str) -> None:
    assert unwrapped(script) == script
