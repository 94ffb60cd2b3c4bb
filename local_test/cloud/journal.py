"""Requests that changed something, kept to be made again after a restart.

moto keeps what it knows in memory only. What changed IAM, ECR and the like are small requests; they
are appended to a file, one in a line, and made again in their order when the endpoint starts.
"""

import base64
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

MOST_BODY_BYTES = 64 << 10


@dataclass(frozen=True)
class Entry:
    """One request: method, path (percent-encoded), query, headers in small letters, and body."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Journal:
    """The entries in the file at `path`, the oldest first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def append(self, entry: Entry) -> None:
        """Add an entry; it is on the disk when this returns.

        Raises:
            OSError: it could not be written; of what was written of it, nothing is read again.
        """
        fields = asdict(entry) | {"body": base64.b64encode(entry.body).decode()}
        line = json.dumps(fields).encode() + b"\n"
        with self._lock, self._path.open("ab") as file:
            if file.tell() and not self._ends_whole():
                file.write(b"\n")
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def _ends_whole(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"

    def entries(self) -> Iterator[Entry]:
        """All entries; lines that a crash left half written are passed over."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for line in file:
                entry = _entry(line)
                if entry is not None:
                    yield entry


def _entry(line: bytes) -> Entry | None:
    try:
        fields = json.loads(line)
        return Entry(**fields | {"body": base64.b64decode(fields["body"])})
    except (ValueError, TypeError, KeyError):
        return None
