"""What the parts of the front need to know of WSGI and of AWS's signatures."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local_test.cloud.operations import RuntimeResponse

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

FORM = "application/x-www-form-urlencoded"
_SAGEMAKER_TARGET = "SageMaker."
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_CONNECTION = {"content-length", "connection", "transfer-encoding", "keep-alive", "date", "server"}


def scope(environ: Environ) -> tuple[str, str]:
    """The service and the region that a request was signed for.

    A request without a signature is S3's, unless SageMaker (`X-Amz-Target`) or a form of the query
    protocol, which moto finds the service of, can be seen in it; the region is empty then.
    """
    credential = _credential(environ)
    if credential.count("/") >= 4:
        _, region, service, _ = credential.rsplit("/", 3)
        return service.lower(), region
    if environ.get("HTTP_X_AMZ_TARGET", "").startswith(_SAGEMAKER_TARGET):
        return "sagemaker", ""
    if environ.get("CONTENT_TYPE", "").startswith(FORM):
        return "", ""
    return "s3", ""


def _credential(environ: Environ) -> str:
    header: str = environ.get("HTTP_AUTHORIZATION", "")
    _, found, rest = header.partition("Credential=")
    if found:
        return rest.split(",")[0].strip()
    query: dict[str, list[str]] = parse_qs(environ.get("QUERY_STRING", ""))
    return query.get("X-Amz-Credential", [""])[0]


def stranger(environ: Environ) -> str:
    """Why a request is not a program's of this machine (but a web page's, say), or ""."""
    if _host(f"//{environ.get('HTTP_HOST', '')}") not in _LOOPBACK:
        return "The local cloud answers only to 127.0.0.1 and localhost."
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and _host(origin) not in _LOOPBACK:
        return "The local cloud does not answer to web pages from elsewhere."
    return ""


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def headers(environ: Environ) -> dict[str, str]:
    """The headers of a request, their names in small letters."""
    found = {
        name.removeprefix("HTTP_").lower().replace("_", "-"): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
    }
    return {name: value for name, value in found.items() if value}


def body_length(environ: Environ) -> int:
    """Bytes in the body of a request."""
    return int(environ.get("CONTENT_LENGTH") or 0)


def plain(status: int, message: str) -> RuntimeResponse:
    """One line of text."""
    return RuntimeResponse(status, {"Content-Type": "text/plain"}, f"{message}\n".encode())


def send(response: RuntimeResponse, start_response: StartResponse) -> list[bytes]:
    """Write a response, without the headers of it that are the server's affair."""
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "Unknown"
    headers = [pair for pair in response.headers.items() if pair[0].lower() not in _CONNECTION]
    headers.append(("Content-Length", str(len(response.body))))
    start_response(f"{response.status} {phrase}", headers)
    return [response.body]
