from pathlib import Path

from local_test.cloud.logs import Logs


def test_events_come_in_the_order_of_their_arrival_from_any_process(tmp_path: Path) -> None:
    path = tmp_path / "logs.sqlite"
    Logs(path).put("group", "a", [(2_000, "second"), (1_000, "first")])
    Logs(path).put("group", "b", [(3_000, "third")])
    events = Logs(path).since(0)
    assert [(event.stream, event.at_ms, event.message) for event in events] == [
        ("a", 2_000, "second"),
        ("a", 1_000, "first"),
        ("b", 3_000, "third"),
    ]
    assert [event.message for event in Logs(path).since(events[1].id)] == ["third"]
    assert len(Logs(path).since(0, most=2)) == 2


def test_numbers_of_deleted_events_are_not_given_again(tmp_path: Path) -> None:
    logs = Logs(tmp_path / "logs.sqlite")
    logs.put("group", "a", [(1, "gone")])
    logs.put("group", "b", [(1, "stays"), (2, "stays")])
    last = logs.since(0)[-1].id
    logs.delete("group", "a")
    assert [event.stream for event in logs.since(0)] == ["b", "b"]
    logs.delete("group")
    assert logs.since(0) == []
    logs.put("group", "c", [(1, "new")])
    assert logs.since(0)[0].id > last
