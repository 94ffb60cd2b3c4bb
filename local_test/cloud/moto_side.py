"""All services but SageMaker and the objects of S3: moto, with a memory of its own.

moto keeps what it knows in memory. A small request that changed something is therefore kept in a
journal, and made again at the next start; logs and metrics are brought in from the disk.
"""

import io
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, quote, unquote_to_bytes

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError
from local_test.cloud.journal import MOST_BODY_BYTES, Entry, Journal
from local_test.cloud.moto_feed import Feed
from local_test.cloud.wsgi import FORM, Application, Environ, StartResponse, headers, scope

_PASSING = re.compile(
    "Get|List|Describe|Head|BatchGet|Query|Scan|Search|Lookup|Filter|Test|Simulate|Validate|Assume"
    "|PutLogEvents|PutMetricData|PutEvents|Publish|SendMessage|ReceiveMessage"
)
"""Operations that change nothing, or nothing that is worth keeping."""

_KEPT_ELSEWHERE = {"s3", "tagging"}
"""Services whose requests change what is kept on the disk anyway."""

_OWN_PATHS = ("/moto-api", "/latest/")
"""What moto answers for itself or as an instance's metadata service."""


class MotoSide:
    """A WSGI application: moto, with what `cloud` keeps of the past."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._region = cloud.settings.region
        self._journal = Journal(cloud.settings.root / "journal.jsonl")
        self._feed = Feed(cloud)
        self._moto: Application = DomainDispatcherApplication(create_backend_app)

    def replay(self) -> None:
        """Make again what the journal holds; before the first request."""
        for entry in self._journal.entries():
            environ = _environ(entry)
            self._bring_up_to_date(environ)
            _consume(self._moto(environ, lambda *_: None))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Raises ApiError where moto does not know how, OSError where it cannot be kept."""
        if environ["PATH_INFO"].startswith(_OWN_PATHS):
            raise ApiError("AccessDeniedException", "There is nothing here.", 404)
        self._bring_up_to_date(environ)
        entry = _entry(environ)
        begun: list[tuple[Any, ...]] = []
        try:
            answer = self._moto(environ, lambda *begin: begun.append(begin))
        except NotImplementedError as error:
            told = f"The local endpoint does not do this: {str(error).rstrip('.')}."
            raise ApiError("NotImplemented", told, 501) from error
        except ModuleNotFoundError as error:
            package = str(error.name).partition(".")[0].replace("_", "-")
            told = f"The local endpoint does not do this without the package {package}; install it."
            raise ApiError("NotImplemented", told, 501) from error
        if entry is not None and begun[0][0][0] in "23":
            self._journal.append(entry)
            self._forget(entry)
        start_response(*begun[0])
        return answer

    def _forget(self, entry: Entry) -> None:
        """A log that is deleted in moto does not come back from the disk."""
        operation = entry.headers.get("x-amz-target", "").rpartition(".")[2]
        if operation in {"DeleteLogGroup", "DeleteLogStream"}:
            named = json.loads(entry.body)
            self._cloud.logs.delete(named["logGroupName"], named.get("logStreamName"))

    def _bring_up_to_date(self, environ: Environ) -> None:
        service, region = scope(environ)
        if service == "logs":
            self._feed.logs(region or self._region)
        elif service == "monitoring":
            self._feed.metrics(region or self._region)


def _entry(environ: Environ) -> Entry | None:
    """What is kept of a request should it succeed; its body stays readable."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > MOST_BODY_BYTES or environ["REQUEST_METHOD"] in {"GET", "HEAD", "OPTIONS"}:
        return None
    if scope(environ)[0] in _KEPT_ELSEWHERE:
        return None
    body = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    if _PASSING.match(_operation(environ, body)):
        return None
    path = environ.get("RAW_URI", "").partition("?")[0] or quote(
        environ["PATH_INFO"].encode("latin-1")
    )
    return Entry(
        environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), headers(environ), body
    )


def _operation(environ: Environ, body: bytes) -> str:
    """The name of the operation, empty where only method and path tell it."""
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if target:
        return target.rpartition(".")[2]
    path = str(environ["PATH_INFO"])
    if "/operation/" in path:
        return path.rpartition("/")[2]
    if str(environ.get("CONTENT_TYPE", "")).startswith(FORM):
        return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    return ""


def _environ(entry: Entry) -> Environ:
    """The request of an entry as moto gets it."""
    own = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in entry.headers.items()}
    own["CONTENT_TYPE"] = own.pop("HTTP_CONTENT_TYPE", "")
    own.pop("HTTP_CONTENT_LENGTH", None)
    return own | {
        "REQUEST_METHOD": entry.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(entry.path).decode("latin-1"),
        "RAW_URI": entry.path + (f"?{entry.query}" if entry.query else ""),
        "QUERY_STRING": entry.query,
        "CONTENT_LENGTH": str(len(entry.body)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(entry.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def _consume(answer: Iterable[bytes]) -> None:
    for _ in answer:
        pass
