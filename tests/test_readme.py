import re
from pathlib import Path

import pytest

from imageclf import config
from scripts import readme

TEXT = readme.README.read_text()
PAGES = [
    "README.md",
    *(f"docs/{page.name}" for page in sorted(readme.README.parent.glob("docs/*.md"))),
]


@pytest.mark.parametrize("page", readme.TABLES, ids=lambda page: page.name)
def test_a_page_has_the_table_of_the_configuration(page: Path) -> None:
    text = page.read_text()
    renewed = readme.renewed(text, readme.TABLES[page])
    assert renewed == text, f"{page.name} is behind the configuration; run `make readme`"


def test_every_hyperparameter_has_one_whole_row() -> None:
    rows = [line for line in readme.table().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(config.names())
    assert {row.count(" | ") for row in rows} == {3}


def test_the_table_is_written_anew_and_nothing_else_changes() -> None:
    outdated = f"before\n{readme.START}\n| old |\n{readme.END}\nafter\n"
    assert (
        readme.renewed(outdated)
        == f"before\n{readme.START}\n{readme.table()}\n{readme.END}\nafter\n"
    )


def test_a_lost_marker_is_told() -> None:
    with pytest.raises(ValueError, match="lacks a marker"):
        readme.renewed(TEXT.replace(readme.END, ""))


@pytest.mark.parametrize("name", PAGES)
def test_every_page_names_only_files_and_targets_that_exist(name: str) -> None:
    root = readme.README.parent
    page = root / name
    text = page.read_text()
    for link in re.findall(r"\]\(([^):#]+)\)", text):
        assert (page.parent / link).exists(), link
    targets = set(re.findall(r"^([a-z-]+):", Path(root / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake (?:[A-Z]+=\S+ )?([a-z-]+)", text)) <= targets
