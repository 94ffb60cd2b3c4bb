"""What a picture of the debug report is before a template writes it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup


@dataclass(frozen=True)
class Picture:
    """A picture under its heading.

    `kind` names the macro in `templates/debug_parts.html` that writes `content`; `names` is the
    key to its lines, `note` one sentence below it.
    """

    kind: str
    heading: str
    content: Any
    names: tuple[str, ...] = ()
    note: str = ""


Later = Callable[[], list[Picture]]
"""Makes pictures once all that they asked for has been read."""


@dataclass(frozen=True)
class Table:
    """Rows of cells under `heads`; cells that are numbers are written and sorted as such."""

    heads: tuple[str, ...]
    rows: list[tuple[str | float, ...]] = field(default_factory=list)

    @property
    def numbers(self) -> set[str]:
        """The heads of columns of numbers."""
        return {
            head
            for column, head in enumerate(self.heads)
            if self.rows and not isinstance(self.rows[0][column], str)
        }


def plot(heading: str, drawing: Markup, names: tuple[str, ...] = (), note: str = "") -> Picture:
    """A drawing with the key to its lines."""
    return Picture("plot", heading, drawing, names, note)
