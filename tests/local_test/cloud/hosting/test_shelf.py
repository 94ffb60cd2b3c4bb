import threading

import pytest

from local_test.cloud.hosting.shelf import Shelf


def nothing() -> None:
    return


def test_the_one_unused_for_longest_goes_first_and_never_one_in_use() -> None:
    shelf = Shelf()
    for name in ("a", "b", "c"):
        with shelf.using(name, nothing) as was_there:
            assert not was_there
    with shelf.using("a", nothing) as was_there:
        assert was_there
        assert shelf.pick_idle() == "b"
        assert shelf.pick_idle() == "c"
        assert shelf.pick_idle() is None
    assert shelf.pick_idle() == "a"


def test_whoever_wants_a_model_that_is_being_unloaded_waits_and_loads_it_again() -> None:
    shelf = Shelf()
    with shelf.using("a", nothing):
        pass
    assert shelf.pick_idle() == "a"
    loaded = threading.Event()

    def want() -> None:
        with shelf.using("a", loaded.set):
            pass

    thread = threading.Thread(target=want)
    thread.start()
    assert not loaded.wait(0.05)
    shelf.dropped("a")
    thread.join()
    assert loaded.is_set()


def test_after_a_loading_that_failed_the_next_one_tries_again() -> None:
    shelf = Shelf()

    def fail() -> None:
        raise ValueError

    with pytest.raises(ValueError), shelf.using("a", fail):
        pass
    with shelf.using("a", nothing) as was_there:
        assert not was_there
    assert shelf.count == 1


def test_what_the_server_says_goes_before_what_was_believed() -> None:
    shelf = Shelf()
    for name in ("a", "b"):
        with shelf.using(name, nothing):
            pass
    with shelf.using("c", nothing):
        shelf.correct(["b", "d"])
        assert [shelf.has(name) for name in "abcd"] == [False, True, True, True]
