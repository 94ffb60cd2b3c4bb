"""Messages to a web address: a real server on this machine."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from imageclf.rules.actions import webhook
from imageclf.rules.actions.webhook import ToWebhook
from tests.rules.actions.events import ARN, event


class _Hook(BaseHTTPRequestHandler):
    answers: ClassVar[list[int]] = []
    got: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.path, body))
        self.send_response(self.answers.pop(0) if self.answers else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be silent."""


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(webhook, "_PAUSE_S", 0.01)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    _Hook.answers, _Hook.got = [], []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hook) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/secret-token"
        server.shutdown()


def test_people_and_programs_learn_what_was_found(hook: str) -> None:
    assert ToWebhook(hook).fire(event(value=float("nan"))) == "A message went to 127.0.0.1."
    ((path, body),) = _Hook.got
    sent = json.loads(body)
    assert path == "/secret-token"
    assert (sent["job"], sent["job_arn"]) == ("insects-7", ARN)
    assert (sent["rule"], sent["status"]) == ("Overfit", "IssuesFound")
    assert sent["finding"]["value"] == "nan"
    assert "What to try: Stop earlier" in sent["text"]


def test_a_server_that_stumbles_is_asked_once_more(hook: str) -> None:
    _Hook.answers = [503]
    assert ToWebhook(hook).fire(event()) == "A message went to 127.0.0.1."
    assert len(_Hook.got) == 2


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([500, 500], "it answers 500"),
        ([404], "it answers 404"),
        ([307], "it redirects (307), which is not followed"),
    ],
)
def test_a_failure_is_one_sentence_without_the_address(
    hook: str, answers: list[int], told: str
) -> None:
    asked = len(answers)
    _Hook.answers = answers
    said = ToWebhook(hook).fire(event())
    assert said == f"No message went to 127.0.0.1: {told}; see to the webhook."
    assert [path for path, _ in _Hook.got] == ["/secret-token"] * asked


def test_a_server_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_PAUSE_S", 0.01)
    said = ToWebhook("http://127.0.0.1:9/secret").fire(event())
    assert "it cannot be reached (ConnectionError)" in said
    assert "secret" not in said
