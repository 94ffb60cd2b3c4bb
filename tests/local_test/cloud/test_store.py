import threading
from pathlib import Path

import pytest

from local_test.cloud.store import Document, MissingError, Store, TakenError


def test_a_document_is_there_for_every_process_that_looks(tmp_path: Path) -> None:
    Store(tmp_path).create("endpoint", "a", {"EndpointName": "a"})
    assert Store(tmp_path).find("endpoint", "a") == {"EndpointName": "a"}
    assert Store(tmp_path).find("model", "a") is None


def test_a_name_is_given_once_for_each_kind(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create("endpoint", "a", {})
    store.create("model", "a", {})
    with pytest.raises(TakenError):
        store.create("endpoint", "a", {"late": True})
    assert store.find("endpoint", "a") == {}
    assert store.delete("endpoint", "a")
    assert not store.delete("endpoint", "a")


def test_no_change_is_lost_when_many_make_one_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create("endpoint", "a", {"count": 0})

    def count(document: Document) -> None:
        document["count"] += 1

    def work() -> None:
        for _ in range(25):
            Store(tmp_path).change("endpoint", "a", count)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.find("endpoint", "a") == {"count": 100}


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create("endpoint", "a", {"count": 0})

    def fail(document: Document) -> None:
        document["count"] = 7
        raise KeyError("halfway")

    with pytest.raises(KeyError):
        store.change("endpoint", "a", fail)
    assert store.find("endpoint", "a") == {"count": 0}
    with pytest.raises(MissingError):
        store.change("endpoint", "b", fail)


def test_documents_come_in_the_order_of_their_making(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name in ("b", "a", "c"):
        store.create("model", name, {"ModelName": name})
    assert [document["ModelName"] for document in store.all("model")] == ["b", "a", "c"]


def test_tags_stay_with_their_arn(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.tag("arn:1", {"team": "vision", "stage": "test"})
    store.tag("arn:1", {"stage": "live"})
    store.tag("arn:2", {"team": "sound"})
    assert store.tags("arn:1") == {"stage": "live", "team": "vision"}
    store.untag("arn:1", ["stage", "unknown"])
    assert store.tagged() == {"arn:1": {"team": "vision"}, "arn:2": {"team": "sound"}}
    store.untag("arn:1")
    assert store.tags("arn:1") == {}
