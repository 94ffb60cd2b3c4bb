"""Keeps the table of hyperparameters in README.md the one that the configuration describes.

`python -m scripts.readme` writes it anew between its two markers.
"""

import sys
from pathlib import Path

from imageclf import config

README = Path(__file__).parent.parent / "README.md"
START = "<!-- hyperparameters: written by `make readme` -->"
END = "<!-- /hyperparameters -->"


def table() -> str:
    """All hyperparameters as a Markdown table."""
    rows = [("name", "values", "default", "what it does"), ("---",) * 4]
    rows += [
        (f"`{name}`", values, f"`{default}`", text)
        for name, values, default, text in config.table()
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def renewed(text: str) -> str:
    """`text` with the table between the markers as the configuration has it now.

    Raises:
        ValueError: a marker is missing.
    """
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"{README.name} lacks a marker; put {START} and {END} around the table.")
    return f"{before}{START}\n{table()}\n{END}{after}"


def main() -> int:
    """Rewrite the table in README.md."""
    README.write_text(renewed(README.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
