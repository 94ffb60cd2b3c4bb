"""Tables to be damaged: files with known rows, and all rows that can still be read of them."""

from pathlib import Path

import numpy as np

from imageclf.profiler.files.blocks import Writer, clocks
from imageclf.profiler.files.reading import Reader

COLUMNS = ("cpu", "load")

Row = tuple[int, float, float]


def rows(count: int, first: int = 0) -> list[Row]:
    """Rows that are all different."""
    numbers = range(first, first + count)
    return [(10**15 + one * 5 * 10**8, float(one), one / 8) for one in numbers]


def append(writer: Writer, some: list[Row]) -> None:
    writer.write([row[0] for row in some], np.array([row[1:] for row in some]))


def written(path: Path, sizes: list[int]) -> list[Row]:
    """Write a table with blocks of `sizes` rows; returns the rows."""
    writer = Writer(path, COLUMNS, clocks())
    done = 0
    for size in sizes:
        append(writer, rows(size, done))
        done += size
    writer.close()
    return rows(done)


def fresh(reader: Reader) -> list[Row]:
    """The rows that are new."""
    found: list[Row] = []
    for block in reader.fresh():
        columns = (block.at_ns.tolist(), *block.values.tolist())
        found += list(zip(*columns, strict=True))
    return found
