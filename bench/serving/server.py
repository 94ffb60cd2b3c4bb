"""Starts a server, waits until it answers, measures its memory, and ends all of it."""

import http.client
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.measure import tree_pss_mib

HOST = "127.0.0.1"

_PATIENCE_S = 180.0
_POLL_S = 0.02
_STOP_S = 30.0
_LOG_CHARACTERS = 1500


class ServerError(RuntimeError):
    """A server did not start or did not answer; the end of its log is in the message."""


@dataclass(frozen=True)
class Plan:
    """How to start a server. It is ready when `ping` answers 200, or else the first prediction."""

    command: Sequence[str | Path]
    environment: Mapping[str, str]
    port: int
    path: str
    ping: str | None = None


@dataclass(frozen=True)
class Running:
    """A server that is ready."""

    plan: Plan
    process: psutil.Process
    ready_s: float

    def post(self, picture: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to one picture; OSError without an answer."""
        return _ask(self.plan.port, "POST", self.plan.path, picture)

    def pss_mib(self) -> float:
        """Proportional memory of the server and all its processes."""
        return tree_pss_mib(self.process)


@contextmanager
def running(plan: Plan, log: Path, picture: bytes, root: Path) -> Iterator[Running]:
    """Start a server in the folder `root` and end it afterwards, with all it started.

    Raises:
        ServerError: it ended or was not ready in three minutes.
    """
    with log.open("ab") as output:
        began = time.monotonic()
        child = subprocess.Popen(
            plan.command,
            cwd=root,
            env={**os.environ, **plan.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(plan, child, picture, log, began + _PATIENCE_S)
        yield Running(plan, psutil.Process(child.pid), time.monotonic() - began)
    finally:
        _stop(child)


def _wait(
    plan: Plan, child: subprocess.Popen[bytes], picture: bytes, log: Path, until: float
) -> None:
    question = ("GET", plan.ping, b"") if plan.ping else ("POST", plan.path, picture)
    while time.monotonic() < until:
        if child.poll() is not None:
            raise ServerError(f"it ended with code {child.returncode}:\n{_end_of(log)}")
        try:
            if _ask(plan.port, *question)[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass  # not listening yet
        time.sleep(_POLL_S)
    raise ServerError(f"it was not ready after {_PATIENCE_S:.0f} s:\n{_end_of(log)}")


def _ask(port: int, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        headers = {"Content-Type": "image/jpeg", "Accept": "application/json"} if body else {}
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _stop(child: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the server, then SIGKILL to whatever is left of it."""
    try:
        family = psutil.Process(child.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    child.terminate()
    try:
        child.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    for process in family:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(family, timeout=_STOP_S)


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-_LOG_CHARACTERS:].strip()
