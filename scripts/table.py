"""Tables for people: the classes of a picture, and rows in columns."""

from collections.abc import Sequence

Prediction = tuple[str, float]
"""Class and probability."""

_BAR_CHARACTERS = 20
_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def classes(title: str, predictions: Sequence[Prediction], *, bars: bool) -> list[str]:
    """`title` and below it a line for each class, aligned, with a bar if asked for."""
    width = max((len(name) for name, _ in predictions), default=0)
    rows = [
        f"  {name:<{width}}  {probability:6.4f}{_bar(probability) if bars else ''}"
        for name, probability in predictions
    ]
    return [title, *(rows or ["  no class reaches the threshold"])]


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells, the first the headings, as lines with their columns aligned."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _bar(probability: float) -> str:
    whole, part = divmod(round(probability * _BAR_CHARACTERS * len(_EIGHTHS)), len(_EIGHTHS))
    drawn = "█" * whole + _EIGHTHS[part]
    return f"  {drawn}" if drawn else ""
