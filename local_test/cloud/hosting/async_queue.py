"""Asynchronous invocations that are not answered yet, in an SQLite file: a restart loses none."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from local_test.cloud.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS invocations (
    id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, invocation TEXT NOT NULL, body BLOB NOT NULL
);
"""


@dataclass(frozen=True)
class Invocation:
    """What was asked for, and where the answer goes.

    Attributes:
        source: address of the body; empty when it came along.
        output: address of the answer.
        failure: address of what is stored when there is none; empty for nothing.
        headers: that the container gets.
        timeout_s: for the container's answer.
        at_s: when it was accepted, in seconds since 1970.
        ttl_s: how long it may wait.
    """

    endpoint: str
    inference_id: str
    region: str
    source: str
    output: str
    failure: str
    headers: Mapping[str, str]
    timeout_s: float
    at_s: float
    ttl_s: float


class AsyncQueue:
    """The invocations in the file at `path`, first come, first served."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)

    def add(self, invocation: Invocation, body: bytes) -> None:
        """One more, with the body if it came along."""
        row = (invocation.endpoint, json.dumps(asdict(invocation)), body)
        self._database.connection.execute(
            "INSERT INTO invocations (endpoint, invocation, body) VALUES (?, ?, ?)", row
        )

    def waiting(self) -> list[tuple[int, str]]:
        """Number and endpoint of each, the oldest first."""
        rows = self._database.connection.execute("SELECT id, endpoint FROM invocations ORDER BY id")
        return rows.fetchall()

    def read(self, number: int) -> tuple[Invocation, bytes] | None:
        """The invocation of that number and its body."""
        found = self._database.connection.execute(
            "SELECT invocation, body FROM invocations WHERE id = ?", (number,)
        ).fetchone()
        return None if found is None else (Invocation(**json.loads(found[0])), found[1])

    def remove(self, number: int) -> None:
        """It is answered."""
        self._database.connection.execute("DELETE FROM invocations WHERE id = ?", (number,))
