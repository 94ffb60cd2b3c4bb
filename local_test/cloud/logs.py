"""CloudWatch Logs on disk: what jobs and servers say, by group and stream."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from local_test.cloud.database import Database

TRAINING_JOBS = "/aws/sagemaker/TrainingJobs"
PROCESSING_JOBS = "/aws/sagemaker/ProcessingJobs"
TRANSFORM_JOBS = "/aws/sagemaker/TransformJobs"
ENDPOINTS = "/aws/sagemaker/Endpoints/"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, stream_group TEXT NOT NULL, stream TEXT NOT NULL,
    at_ms INTEGER NOT NULL, message TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS by_stream ON events (stream_group, stream, id);
"""


@dataclass(frozen=True)
class Event:
    """One line; `id` counts through all streams."""

    id: int
    group: str
    stream: str
    at_ms: int
    message: str


class Logs:
    """The events in the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)

    def put(self, group: str, stream: str, lines: Iterable[tuple[int, str]]) -> None:
        """Add lines, each with its time in milliseconds since 1970."""
        rows = [(group, stream, at_ms, message) for at_ms, message in lines]
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO events (stream_group, stream, at_ms, message) VALUES (?, ?, ?, ?)",
                rows,
            )

    def delete(self, group: str, stream: str | None = None) -> None:
        """Forget a stream, or a group with all its streams."""
        self._database.connection.execute(
            "DELETE FROM events WHERE stream_group = ? AND (? IS NULL OR stream = ?)",
            (group, stream, stream),
        )

    def since(self, event_id: int, most: int = 10_000) -> list[Event]:
        """The events that came after the one with this id, of all streams."""
        rows = self._database.connection.execute(
            "SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?", (event_id, most)
        )
        return [Event(*row) for row in rows]
