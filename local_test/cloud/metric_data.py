"""CloudWatch's metrics on disk: figures by namespace, name and dimensions."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local_test.cloud.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS data (
    id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL,
    dimensions TEXT NOT NULL, at_s REAL NOT NULL, value REAL NOT NULL
);
"""


@dataclass(frozen=True)
class Datum:
    """One figure; `id` counts through all of them."""

    id: int
    namespace: str
    name: str
    dimensions: Mapping[str, str]
    at_s: float
    value: float


class MetricData:
    """The figures in the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)

    def put(
        self, namespace: str, name: str, value: float, at_s: float, dimensions: Mapping[str, str]
    ) -> None:
        """Add a figure with its time in seconds since 1970."""
        self._database.connection.execute(
            "INSERT INTO data (namespace, name, dimensions, at_s, value) VALUES (?, ?, ?, ?, ?)",
            (namespace, name, json.dumps(dict(dimensions)), at_s, value),
        )

    def put_all(self, data: Iterable[Datum]) -> None:
        """Add many figures at once; their ids are given here."""
        rows = [
            (one.namespace, one.name, json.dumps(dict(one.dimensions)), one.at_s, one.value)
            for one in data
        ]
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO data (namespace, name, dimensions, at_s, value)"
                " VALUES (?, ?, ?, ?, ?)",
                rows,
            )

    def since(self, datum_id: int, most: int = 10_000) -> list[Datum]:
        """The figures that came after the one with this id."""
        rows = self._database.connection.execute(
            "SELECT id, namespace, name, dimensions, at_s, value FROM data"
            " WHERE id > ? ORDER BY id LIMIT ?",
            (datum_id, most),
        )
        return [
            Datum(number, namespace, name, json.loads(dimensions), at_s, value)
            for number, namespace, name, dimensions, at_s, value in rows
        ]
