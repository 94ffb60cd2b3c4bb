"""One request to a server, over a connection that is kept, and what becomes of a failure."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import urllib3

from local_test.cloud.hosting.server import Server

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class Answer:
    """What a server said, and how long that took; names of headers in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took_s: float


class NobodyError(Exception):
    """No server took the request: it may be given to another."""


class SilentError(Exception):
    """The server took the request and did not answer it; the message says what happened."""


class BrokenOffError(SilentError):
    """The connection ended before the answer was there: the server may be dying."""


def ask(
    server: Server,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] = _NOTHING,
    *,
    timeout_s: float,
) -> Answer:
    """Send a request and take the whole answer.

    Raises:
        NobodyError: nobody listens there.
        SilentError: the answer did not come in time, or (BrokenOffError) broke off.
    """
    began = time.monotonic()
    try:
        answer = server.connections.urlopen(
            method,
            path,
            body=body or None,
            headers=dict(headers),
            timeout=urllib3.Timeout(connect=5.0, read=timeout_s),
            retries=False,
            redirect=False,
            decode_content=False,
        )
    except (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
    ) as error:
        raise NobodyError(str(error)) from error
    except urllib3.exceptions.TimeoutError as error:
        raise SilentError(
            "Your invocation timed out while waiting for a response from container primary. "
            "Review the latency metrics for each container in Amazon CloudWatch, resolve the "
            "issue, and try again."
        ) from error
    except urllib3.exceptions.HTTPError as error:
        raise BrokenOffError(f"The connection to the container broke off: {error}.") from error
    named = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(answer.status, named, answer.data, time.monotonic() - began)
