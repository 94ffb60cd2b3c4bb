from pathlib import Path

from local_test.cloud.journal import Entry, Journal

ENTRY = Entry("POST", "/a%20b", "x=1", {"authorization": "AWS4 ..."}, b"\x00\xff")


def test_entries_come_back_in_their_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    other = Entry("PUT", "/", "", {}, b"")
    journal.append(ENTRY)
    journal.append(other)
    assert list(Journal(tmp_path / "journal").entries()) == [ENTRY, other]


def test_a_journal_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    assert list(Journal(tmp_path / "journal").entries()) == []


def test_a_line_that_a_crash_left_half_written_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append(ENTRY)
    with path.open("ab") as file:
        file.write(path.read_bytes()[:40])
    journal.append(ENTRY)
    assert list(journal.entries()) == [ENTRY, ENTRY]
