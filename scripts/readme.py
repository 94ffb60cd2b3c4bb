"""Keeps the tables of hyperparameters and settings the ones that the configuration describes.

`python -m scripts.readme` writes them anew in README.md and docs/serving.md, between two markers.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from imageclf import config
from imageclf.config import Hyperparameters
from imageclf.serving.settings import ServeSettings

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
SERVING = ROOT / "docs" / "serving.md"
TABLES: Mapping[Path, type[BaseModel]] = {README: Hyperparameters, SERVING: ServeSettings}
START = "<!-- table: written by `make readme` -->"
END = "<!-- /table -->"


def table(model: type[BaseModel] = Hyperparameters) -> str:
    """All fields of `model` as a Markdown table."""
    rows = [("name", "values", "default", "what it does"), ("---",) * 4]
    rows += [
        (f"`{name}`", values, f"`{default}`" if default else "", text)
        for name, values, default, text in config.table(model)
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def renewed(text: str, model: type[BaseModel] = Hyperparameters) -> str:
    """`text` with the table between the markers as the configuration has it now.

    Raises:
        ValueError: a marker is missing.
    """
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"The page lacks a marker; put {START} and {END} around the table.")
    return f"{before}{START}\n{table(model)}\n{END}{after}"


def main() -> int:
    """Rewrite the tables."""
    for page, model in TABLES.items():
        page.write_text(renewed(page.read_text(), model))
    return 0


if __name__ == "__main__":
    sys.exit(main())
