import pytest

from imageclf.errors import SettingsError
from local_test import wire
from local_test.wire import Connection, NotAcceptedError, NotAnsweredError
from tests.local_test.servers import wrong_server

PICTURE = {"Content-Type": "image/jpeg"}


def test_an_answer_has_its_status_headers_body_and_time() -> None:
    with wrong_server() as (url, _):
        reply = wire.ask(url, "POST", "/invocations", b"picture", PICTURE)
    assert (reply.status, reply.body) == (200, b'{"predictions": []}')
    assert reply.content_type == "application/json"
    assert reply.took_s > 0


def test_a_path_of_the_address_goes_before_all_others() -> None:
    with wrong_server() as (url, _):
        assert wire.ask(f"{url}/stage", "GET", "/ping").status == 404
        assert wire.ask(f"{url}/", "GET", "/ping").status == 200


def test_a_connection_is_open_until_the_server_ends_it() -> None:
    with wrong_server() as (url, process), Connection(url, 5) as connection:
        assert connection.accept_ms > 0
        assert connection.ask("GET", "/ping").status == 200
        assert connection.is_open
        process.kill()
        process.wait()
        with pytest.raises(NotAnsweredError, match=r"GET http://.*/ping was not answered"):
            connection.ask("GET", "/ping")


def test_nobody_there_and_a_silent_server_are_told_apart() -> None:
    with wrong_server("deaf") as (url, process):
        process.terminate()
        assert wire.ask(url, "GET", "/ping", timeout_s=5).status == 200
        with pytest.raises(NotAnsweredError, match="it took too long"):
            wire.ask(url, "POST", "/invocations", b"", PICTURE, timeout_s=0.001)
    with pytest.raises(NotAcceptedError, match=f"Nothing answers at {url} \\(Connection refused"):
        wire.ask(url, "GET", "/ping")


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://a", "http://", "http://a:b", ""])
def test_what_is_no_address_is_told_with_an_example(url: str) -> None:
    with pytest.raises(SettingsError, match="write it like http"):
        wire.ask(url, "GET", "/ping")


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with wrong_server() as (url, _):
        assert wire.ask(url, "GET", "/ping").status == 200
