"""One HTTP request over one connection: no proxy, no second try, each step timed.

A client that retries or pools would hide what a server does to its connections.
"""

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit

from imageclf.errors import EndpointError, SettingsError

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class Reply:
    """What came back, with the names of its headers in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took_s: float

    @property
    def content_type(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class NotAcceptedError(EndpointError):
    """Nobody accepts connections there."""


class NotAnsweredError(EndpointError):
    """The connection was accepted, and ended or stayed silent before the whole answer was there."""


class Connection:
    """A connection to the server at `url`, which may have a path that goes before all others.

    Raises:
        NotAcceptedError: there is nobody.
        SettingsError: `url` is not an address.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        kind, host, port, self._prefix = _split(url)
        self._url = url
        self._client = kind(host, port, timeout=timeout_s)
        began = time.monotonic()
        try:
            self._client.connect()
        except OSError as error:
            raise NotAcceptedError(f"Nothing answers at {url} ({_reason(error)}).") from error
        self.accept_ms = (time.monotonic() - began) * 1000

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = _NOTHING
    ) -> Reply:
        """Send a request and take the whole answer.

        Raises:
            NotAnsweredError: there was none, or it broke off.
        """
        began = time.monotonic()
        try:
            self._client.request(method, self._prefix + path, body or None, dict(headers))
            answer = self._client.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise NotAnsweredError(
                f"{method} {self._url}{path} was not answered ({_reason(error)})."
            ) from error
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, named, content, time.monotonic() - began)

    @property
    def is_open(self) -> bool:
        """Whether the server left it open after the last answer."""
        return self._client.sock is not None

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._client.close()


def ask(
    url: str,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] = _NOTHING,
    *,
    timeout_s: float = 60.0,
) -> Reply:
    """One request over a connection of its own.

    Raises:
        NotAcceptedError, NotAnsweredError, SettingsError: as `Connection` does.
    """
    with Connection(url, timeout_s) as connection:
        return connection.ask(method, path, body, headers)


def _split(url: str) -> tuple[type[http.client.HTTPConnection], str, int, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or parts.scheme not in {"http", "https"}:
        raise SettingsError(f"{url!r} is not an address; write it like http://127.0.0.1:8080.")
    if parts.scheme == "https":
        return http.client.HTTPSConnection, host, port or 443, parts.path.rstrip("/")
    return http.client.HTTPConnection, host, port or 80, parts.path.rstrip("/")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
