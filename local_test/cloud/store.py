"""The resources of the account: documents by kind and name, and their tags, in one SQLite file.

A document has the fields that AWS's Describe gives, with times in seconds since 1970, and private
ones whose names begin with `_`, which no client sees.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from local_test.cloud.database import Database

Document = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    kind TEXT NOT NULL, name TEXT NOT NULL, created REAL NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tags (
    arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (arn, key)
) WITHOUT ROWID;
"""


class TakenError(Exception):
    """There is a resource of that kind and name already."""


class MissingError(Exception):
    """There is no resource of that kind and name."""


class Store:
    """The resources below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._database = Database(root / "state.sqlite", _SCHEMA)

    def create(self, kind: str, name: str, document: Document) -> None:
        """Keep a new document.

        Raises:
            TakenError: there is one.
        """
        with self._database.transaction() as connection:
            row = (kind, name, time.time(), json.dumps(document))
            done = connection.execute("INSERT OR IGNORE INTO resources VALUES (?, ?, ?, ?)", row)
            if not done.rowcount:
                raise TakenError(f"{kind} {name}")

    def find(self, kind: str, name: str) -> Document | None:
        """The document, if there is one."""
        found = self._database.connection.execute(
            "SELECT document FROM resources WHERE kind = ? AND name = ?", (kind, name)
        ).fetchone()
        return None if found is None else json.loads(found[0])

    def change(self, kind: str, name: str, how: Callable[[Document], object]) -> Document:
        """Let `how` change the document in place, with no other writer in between.

        When `how` raises, nothing is changed. Returns the changed document.

        Raises:
            MissingError: there is none.
        """
        with self._database.transaction() as connection:
            document = self.find(kind, name)
            if document is None:
                raise MissingError(f"{kind} {name}")
            how(document)
            connection.execute(
                "UPDATE resources SET document = ? WHERE kind = ? AND name = ?",
                (json.dumps(document), kind, name),
            )
        return document

    def delete(self, kind: str, name: str) -> bool:
        """Forget the document; whether there was one. Its tags and folder are the caller's."""
        done = self._database.connection.execute(
            "DELETE FROM resources WHERE kind = ? AND name = ?", (kind, name)
        )
        return done.rowcount > 0

    def all(self, kind: str) -> list[Document]:
        """The documents of a kind, the oldest first."""
        rows = self._database.connection.execute(
            "SELECT document FROM resources WHERE kind = ? ORDER BY created, name", (kind,)
        )
        return [json.loads(document) for (document,) in rows]

    def folder(self, kind: str, name: str) -> Path:
        """Where files of a resource lie; not made here."""
        return self._root / kind / name

    def tags(self, arn: str) -> dict[str, str]:
        """The tags of a resource, by key."""
        rows = self._database.connection.execute(
            "SELECT key, value FROM tags WHERE arn = ? ORDER BY key", (arn,)
        )
        return dict(rows.fetchall())

    def tagged(self) -> dict[str, dict[str, str]]:
        """All resources that have tags, by ARN."""
        found: dict[str, dict[str, str]] = {}
        rows = self._database.connection.execute("SELECT arn, key, value FROM tags ORDER BY arn")
        for arn, key, value in rows:
            found.setdefault(arn, {})[key] = value
        return found

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add tags, or give those that are there a new value."""
        rows = [(arn, key, value) for key, value in tags.items()]
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", rows)

    def untag(self, arn: str, keys: Sequence[str] | None = None) -> None:
        """Remove tags; all of them without `keys`."""
        with self._database.transaction() as connection:
            if keys is None:
                connection.execute("DELETE FROM tags WHERE arn = ?", (arn,))
            else:
                rows = [(arn, key) for key in keys]
                connection.executemany("DELETE FROM tags WHERE arn = ? AND key = ?", rows)
