import base64
from pathlib import Path

import pytest

from imageclf.errors import ReportError
from imageclf.report.page import jpeg_address, write_page
from tests.report.sample import jpeg


def test_a_page_replaces_the_older_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    write_page(page, "old")
    write_page(page, "ä new one")
    assert page.read_text(encoding="utf-8") == "ä new one"
    assert list(tmp_path.iterdir()) == [page]


def test_a_page_that_cannot_be_written_says_so_and_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    (tmp_path / "report.html" / "kept").touch()
    with pytest.raises(ReportError, match=r"report\.html cannot be written"):
        write_page(tmp_path / "report.html", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_bytes_of_a_file_name_in_another_encoding_do_not_stop_the_page(tmp_path: Path) -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    write_page(tmp_path / "report.html", name)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "caf\\udce9.jpg"


def test_only_a_jpeg_becomes_a_picture() -> None:
    assert jpeg_address(jpeg()) == f"data:image/jpeg;base64,{jpeg()}"
    assert jpeg_address("") is None
    assert jpeg_address('"><script>') is None
    assert jpeg_address("ünicode") is None
    assert jpeg_address(base64.b64encode(b"<svg onload=alert(1)>").decode()) is None
