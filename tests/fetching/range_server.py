"""A real HTTP server on loopback with one file, Range requests, and the faults of real ones."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """What the server gives, and how badly."""

    content: bytes
    tag: str = '"one"'
    ranges: bool = True
    if_range: bool = True  # false: patches files together, as a careless server does
    length: bool = True
    break_after: list[int | None] = field(default_factory=list)  # bytes sent, for each request
    statuses: list[int] = field(default_factory=list)  # given instead of the file, one a request
    url: str = ""
    requests: list[dict[str, str]] = field(default_factory=list)
    sent_bytes: int = 0


@contextmanager
def serve(served: Served) -> Iterator[Served]:
    class Handler(_Handler):
        offer = served

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}/file.zip"
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    offer: Served

    def do_GET(self) -> None:
        offer = self.offer
        offer.requests.append(dict(self.headers))
        if offer.statuses:
            self.send_error(offer.statuses.pop(0))
            return
        start = self._start()
        if start >= len(offer.content) and start:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if offer.tag:
            self.send_header("ETag", offer.tag)
        if start:
            end = len(offer.content)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        if offer.length:
            self.send_header("Content-Length", str(len(offer.content) - start))
        self.end_headers()
        limit = offer.break_after.pop(0) if offer.break_after else None
        body = offer.content[start:][:limit]
        with suppress(ConnectionError):  # a client may hang up
            self.wfile.write(body)
        offer.sent_bytes += len(body)

    def _start(self) -> int:
        asked = self.headers.get("Range")
        fits = not self.offer.if_range or self.headers.get("If-Range") == self.offer.tag
        if not (self.offer.ranges and asked and fits):
            return 0
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def log_message(self, *_: object) -> None:
        return
