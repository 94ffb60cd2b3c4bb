"""`GET /ping`, and whether connections are accepted: alone and while predictions are computed."""

import time

from local_test.conformance.check import HOSTING, Check, Verdict, judged
from local_test.conformance.load import Load
from local_test.conformance.subject import Subject
from local_test.wire import Connection

_OK = 200
_PINGS = 10
_CONNECTIONS = 20
_PAUSE_S = 0.05


def _ping(subject: Subject) -> Verdict:
    replies = []
    for _ in range(_PINGS):
        replies.append(subject.ask("GET", "/ping"))
        time.sleep(_PAUSE_S)
    worst = max(reply.status for reply in replies)
    slowest_ms = 1000 * max(reply.took_s for reply in replies)
    return judged(
        worst == _OK == min(reply.status for reply in replies),
        f"{_PINGS} times {worst}, after {slowest_ms:.0f} ms at most"
        if worst == _OK
        else f"one of {_PINGS} was answered with {worst}",
    )


def _accept(subject: Subject) -> Verdict:
    slowest_ms = 0.0
    for _ in range(_CONNECTIONS):
        with Connection(subject.url, subject.limits.ping_s) as connection:
            slowest_ms = max(slowest_ms, connection.accept_ms)
    return judged(
        slowest_ms <= subject.limits.accept_ms,
        f"{_CONNECTIONS} connections, accepted after {slowest_ms:.1f} ms at most",
    )


def _ping_under_load(subject: Subject) -> Verdict:
    with Load(subject):
        return _ping(subject)


def _accept_under_load(subject: Subject) -> Verdict:
    with Load(subject):
        return _accept(subject)


_PING = "GET /ping is answered with 200 within 2 s when the container is ready"
_ACCEPT = "Connections are accepted within 250 ms"

CHECKS = (
    Check("ping", f"{_PING}.", HOSTING, _ping),
    Check("ping-under-load", f"{_PING}, whatever else it does.", HOSTING, _ping_under_load),
    Check("accept", f"{_ACCEPT}.", HOSTING, _accept),
    Check("accept-under-load", f"{_ACCEPT}, whatever else it does.", HOSTING, _accept_under_load),
)
