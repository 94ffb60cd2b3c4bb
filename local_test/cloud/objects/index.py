"""Which buckets and objects there are: rows of an SQLite file, with keys as UTF-8 bytes.

Who changes rows gets the names of the files that are not needed any more, to remove them once the
change is safe.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from local_test.cloud.database import Database
from local_test.cloud.objects.info import (
    Attributes,
    Bucket,
    BucketNotEmptyError,
    Info,
    NoSuchBucketError,
    NoSuchKeyError,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY, created REAL NOT NULL, region TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key BLOB NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL,
    etag TEXT NOT NULL, modified REAL NOT NULL, attributes TEXT NOT NULL,
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, created REAL NOT NULL,
    attributes TEXT NOT NULL, checksum TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL,
    etag TEXT NOT NULL, modified REAL NOT NULL, checksums TEXT NOT NULL,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS configurations (
    bucket TEXT NOT NULL, query TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (bucket, query)
) WITHOUT ROWID;
"""
_OF_OBJECT = "SELECT key, size, etag, modified, attributes, file FROM objects"

Found = tuple[Info, str]
"""An object, and the name of the file with its content."""

Configuration = tuple[str, dict[str, str], bytes]
"""A sub-resource of a bucket: query, headers and body of the request that set it."""


class Index:
    """The rows in the file at `path`."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path, _SCHEMA)

    @property
    def _connection(self) -> sqlite3.Connection:
        return self.database.connection

    def create_bucket(self, bucket: str, region: str) -> bool:
        """Make a bucket; whether it was not there before."""
        row = (bucket, time.time(), region)
        done = self._connection.execute("INSERT OR IGNORE INTO buckets VALUES (?, ?, ?)", row)
        return done.rowcount > 0

    def buckets(self, bucket: str | None = None) -> Sequence[Bucket]:
        """All buckets by name, or the one of that name if it is there."""
        rows = self._connection.execute(
            "SELECT name, created, region FROM buckets WHERE name = ?1 OR ?1 IS NULL ORDER BY name",
            (bucket,),
        )
        return [Bucket(*row) for row in rows]

    def delete_bucket(self, bucket: str) -> Sequence[str]:
        """Forget an empty bucket and its unfinished uploads; raises where it cannot."""
        with self.database.transaction() as connection:
            self.check_bucket(bucket)
            one = connection.execute("SELECT 1 FROM objects WHERE bucket = ?", (bucket,))
            if one.fetchone():
                raise BucketNotEmptyError(bucket)
            files = connection.execute(
                "SELECT file FROM parts JOIN uploads ON upload = id WHERE bucket = ?", (bucket,)
            ).fetchall()
            connection.execute(
                "DELETE FROM parts WHERE upload IN (SELECT id FROM uploads WHERE bucket = ?)",
                (bucket,),
            )
            for statement in (
                "DELETE FROM uploads WHERE bucket = ?",
                "DELETE FROM configurations WHERE bucket = ?",
                "DELETE FROM buckets WHERE name = ?",
            ):
                connection.execute(statement, (bucket,))
        return [file for (file,) in files]

    def check_bucket(self, bucket: str) -> None:
        """Nothing; raises NoSuchBucketError when there is none of that name."""
        if not self.buckets(bucket):
            raise NoSuchBucketError(bucket)

    def find(self, bucket: str, key: str) -> Found:
        """An object; raises NoSuchBucketError or NoSuchKeyError."""
        row = self._connection.execute(
            f"{_OF_OBJECT} WHERE bucket = ? AND key = ?", (bucket, key.encode())
        ).fetchone()
        if row is None:
            self.check_bucket(bucket)
            raise NoSuchKeyError(key)
        return _found(bucket, row)

    def put(self, info: Info, file: str, check: Callable[[Info | None], object]) -> Sequence[str]:
        """Name a file by a key, unless `check` of what has the key now raises."""
        with self.database.transaction():
            return self.replace(info, file, check)

    def replace(
        self, info: Info, file: str, check: Callable[[Info | None], object]
    ) -> Sequence[str]:
        """As `put`, within a transaction of the caller's."""
        row = (info.bucket, info.key.encode(), file, info.size, info.etag, info.modified_s)
        self.check_bucket(info.bucket)
        old = self._old(info.bucket, info.key)
        check(old[0] if old else None)
        self._connection.execute(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*row, json.dumps(vars(info.attributes))),
        )
        return [old[1]] if old else []

    def tag(self, bucket: str, key: str, tags: dict[str, str]) -> None:
        """Give an object these tags and no others; raises as `find` does."""
        with self.database.transaction() as connection:
            info, _ = self.find(bucket, key)
            attributes = replace(info.attributes, tags=tags)
            connection.execute(
                "UPDATE objects SET attributes = ? WHERE bucket = ? AND key = ?",
                (json.dumps(vars(attributes)), bucket, key.encode()),
            )

    def delete(self, bucket: str, keys: Iterable[str]) -> Sequence[str]:
        """Forget objects, those that are there."""
        files = []
        with self.database.transaction() as connection:
            self.check_bucket(bucket)
            for key in keys:
                rows = connection.execute(
                    "DELETE FROM objects WHERE bucket = ? AND key = ? RETURNING file",
                    (bucket, key.encode()),
                )
                files += [file for (file,) in rows.fetchall()]
        return files

    def scan(self, bucket: str, start: bytes, end: bytes | None, most: int) -> Sequence[Found]:
        """Objects by key, from `start` (itself too) to `end` (itself not), at most so many."""
        rows = self._connection.execute(
            f"{_OF_OBJECT} WHERE bucket = ? AND key >= ? AND (?3 IS NULL OR key < ?3)"
            " ORDER BY key LIMIT ?4",
            (bucket, start, end, most),
        )
        return [_found(bucket, row) for row in rows.fetchall()]

    def configurations(self, bucket: str) -> Sequence[Configuration]:
        """What was put to the sub-resources of a bucket, in the order of their names."""
        rows = self._connection.execute(
            "SELECT query, headers, body FROM configurations WHERE bucket = ? ORDER BY query",
            (bucket,),
        )
        return [(query, json.loads(headers), body) for query, headers, body in rows.fetchall()]

    def configure(self, bucket: str, query: str, headers: dict[str, str], body: bytes) -> None:
        """Keep what was put to a sub-resource of a bucket."""
        self._connection.execute(
            "INSERT OR REPLACE INTO configurations VALUES (?, ?, ?, ?)",
            (bucket, query, json.dumps(headers), body),
        )

    def unconfigure(self, bucket: str, query: str) -> None:
        """Forget what was put to a sub-resource of a bucket."""
        self._connection.execute(
            "DELETE FROM configurations WHERE bucket = ? AND query = ?", (bucket, query)
        )

    def files(self) -> set[str]:
        """The names of all files that are needed."""
        rows = self._connection.execute("SELECT file FROM objects UNION SELECT file FROM parts")
        return {file for (file,) in rows.fetchall()}

    def _old(self, bucket: str, key: str) -> Found | None:
        try:
            return self.find(bucket, key)
        except NoSuchKeyError:
            return None


def attributes_from(text: str) -> Attributes:
    """Attributes out of JSON."""
    fields: dict[str, Any] = json.loads(text)
    return Attributes(**{**fields, "part_sizes": tuple(fields["part_sizes"])})


def end_of(prefix: bytes) -> bytes | None:
    """The least key after all that begin with `prefix`, UTF-8; None when no key is."""
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else None


def _found(bucket: str, row: tuple[bytes, int, str, float, str, str]) -> Found:
    key, size, etag, modified_s, attributes, file = row
    return Info(bucket, key.decode(), size, etag, modified_s, attributes_from(attributes)), file
