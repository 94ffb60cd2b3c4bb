"""What a section of the page is made of: sentences, tables, plots; a template shows them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imageclf.report import figures

_WIDE = 6


@dataclass(frozen=True)
class Cell:
    """What stands in a table, and the number by which it is sorted (None: by the text)."""

    text: str
    value: float | None = None


@dataclass(frozen=True)
class Grid:
    """A table; the first cell of each row names it."""

    heading: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers; the first names the row, whatever it holds."""
        return [
            column > 0 and any(row[column].value is not None for row in self.rows)
            for column in range(len(self.heads))
        ]

    @property
    def is_wide(self) -> bool:
        """Whether it needs the width of the page."""
        return len(self.heads) >= _WIDE


@dataclass(frozen=True)
class Plot:
    """An interactive plot.

    Args:
        name: unlike any other on the page; letters, digits and hyphens.
        heading: what is drawn, and the text for who sees no plot.
        figure: `data` and `layout` for plotly.js; colours are names of CSS variables.
        caption: one sentence on how to read it, or what it shows.
        grid: its main figures, for who sees no plot.
    """

    name: str
    heading: str
    figure: dict[str, Any]
    caption: str = ""
    grid: Grid | None = None
    height: int = 280
    is_wide: bool = False


@dataclass(frozen=True)
class Share:
    """A piece of a bar; `share` is 0 to 1, `shade` the number of its colour."""

    name: str
    share: float
    shade: int
    said: str = ""


@dataclass(frozen=True)
class Bar:
    """Shares of one whole, as one bar with its key."""

    heading: str
    shares: tuple[Share, ...]


Piece = Plot | Grid | Bar


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Args:
        told: sentences, before everything else.
        gap: one sentence that stands for the section where nothing can be shown.
        rules: names of the rules that judge what the section shows.
    """

    anchor: str
    heading: str
    told: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()
    gap: str = ""
    rules: tuple[str, ...] = ()

    @property
    def plots(self) -> list[Plot]:
        return [piece for piece in self.pieces if isinstance(piece, Plot)]


def text(value: object) -> Cell:
    """A word or a sentence."""
    return Cell(str(value))


def count(value: float) -> Cell:
    """A whole number."""
    return Cell(f"{value:,.0f}" if math.isfinite(value) else figures.MISSING, value)


def number(value: float, digits: int = 3) -> Cell:
    """`digits` significant ones."""
    return Cell(figures.number(value, digits), value)


def percent(value: float, digits: int = 0) -> Cell:
    """Per cent, given as such: 94.1 is `94 %`."""
    return Cell(figures.percent(value / 100, digits), value)


def seconds(value: float) -> Cell:
    """A length of time, given in seconds."""
    return Cell(figures.duration(value), value)


def milliseconds(value: float) -> Cell:
    """A length of time, given in milliseconds."""
    return Cell(in_ms(value), value)


def in_ms(value: float) -> str:
    """52.31 is `52.3 ms`, 4200 is `4.2 s`."""
    if not math.isfinite(value):
        return figures.MISSING
    if value >= 1000:
        return figures.duration(value / 1000)
    return f"{figures.number(value, 3)}\N{NO-BREAK SPACE}ms"


def grid(heading: str, heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Grid:
    """A table; `heads` name the columns."""
    return Grid(heading, tuple(heads), tuple(map(tuple, rows)))
