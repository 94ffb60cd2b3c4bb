"""A matrix of shares as a picture of shaded cells, for more classes than a table can show."""

import math

import numpy as np
from markupsafe import Markup

from imageclf.report.figures import Matrix
from imageclf.report.plots import WIDTH, frame, label

SHADES = 5
MAX_ROWS = 250
LEFT, TOP, SIDE = 24, 4, WIDTH - 30


def heat_map(title: str, shares: Matrix) -> Markup:
    """A square matrix of shares as shaded cells, the diagonal in the colour of what is right.

    Cells of one shade are one path, which keeps 133 classes within some kilobytes. Above
    `MAX_ROWS` neighbouring cells are drawn as one, with the greatest share among them.
    """
    shares = _pooled(shares)
    levels = np.ceil(np.clip(shares, 0, 1) * SHADES).astype(int)
    diagonal = np.eye(len(shares), dtype=bool)
    cells = [
        _cells(np.where(here, levels, 0), kind, level)
        for here, kind in ((~diagonal, "wrong"), (diagonal, "right"))
        for level in range(1, SHADES + 1)
    ]
    scale = SIDE / len(shares)
    body = [
        Markup('<rect class="ground" x="{0}" y="{1}" width="{2}" height="{2}"/>').format(
            LEFT, TOP, SIDE
        ),
        Markup('<g transform="translate({} {}) scale({:.5f})">{}</g>').format(
            LEFT, TOP, scale, Markup("").join(cells)
        ),
        label(LEFT + SIDE / 2, TOP + SIDE + 18, "predicted class"),
        Markup('<g transform="translate(16 {}) rotate(-90)">{}</g>').format(
            TOP + SIDE / 2, label(0, 0, "true class")
        ),
    ]
    return frame(title, body, height=TOP + SIDE + 26)


def _pooled(shares: Matrix) -> Matrix:
    factor = math.ceil(len(shares) / MAX_ROWS)
    blocks = math.ceil(len(shares) / factor)
    padded = np.zeros((blocks * factor, blocks * factor))
    padded[: len(shares), : len(shares)] = shares
    pooled: Matrix = padded.reshape(blocks, factor, blocks, factor).max(axis=(1, 3))
    return pooled


def _cells(levels: np.ndarray[tuple[int, ...], np.dtype[np.int_]], kind: str, level: int) -> Markup:
    places = np.argwhere(levels == level)
    path = "".join(f"M{column} {row}h1v1h-1z" for row, column in places)
    return Markup('<path class="{} shade-{}" d="{}"/>').format(kind, level, path)
