import sqlite3
from pathlib import Path

import pytest

from local_test.cloud.database import Database

SCHEMA = "CREATE TABLE IF NOT EXISTS lines (text TEXT NOT NULL)"


def lines(database: Database) -> list[str]:
    return [text for (text,) in database.connection.execute("SELECT text FROM lines")]


def test_a_transaction_that_raises_changes_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "new" / "file.sqlite", SCHEMA)
    with pytest.raises(KeyError), database.transaction() as connection:
        connection.execute("INSERT INTO lines VALUES ('half')")
        raise KeyError
    with database.transaction() as connection:
        connection.execute("INSERT INTO lines VALUES ('whole')")
    assert lines(database) == ["whole"]


def test_after_a_full_disk_the_next_transaction_is_done(tmp_path: Path) -> None:
    database = Database(tmp_path / "file.sqlite", SCHEMA)
    database.connection.execute("PRAGMA max_page_count = 10")
    with (
        pytest.raises(sqlite3.OperationalError, match="full"),
        database.transaction() as connection,
    ):
        connection.execute("INSERT INTO lines VALUES (?)", ("x" * 100_000,))
    with database.transaction() as connection:
        connection.execute("INSERT INTO lines VALUES ('small')")
    assert lines(database) == ["small"]
