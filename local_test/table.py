"""Classes and probabilities as a table for people."""

from collections.abc import Sequence

Prediction = tuple[str, float]
"""Class and probability."""

_BAR_CHARACTERS = 20
_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def lines(title: str, predictions: Sequence[Prediction], *, bars: bool) -> list[str]:
    """`title` and below it a line for each class, aligned, with a bar if asked for."""
    width = max((len(name) for name, _ in predictions), default=0)
    rows = [
        f"  {name:<{width}}  {probability:6.4f}{_bar(probability) if bars else ''}"
        for name, probability in predictions
    ]
    return [title, *(rows or ["  no class reaches the threshold"])]


def _bar(probability: float) -> str:
    whole, part = divmod(round(probability * _BAR_CHARACTERS * len(_EIGHTHS)), len(_EIGHTHS))
    drawn = "█" * whole + _EIGHTHS[part]
    return f"  {drawn}" if drawn else ""
