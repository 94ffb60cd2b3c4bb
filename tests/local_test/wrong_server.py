"""A server that breaks the hosting contracts on purpose, in the ways that its arguments name.

Without an argument it keeps them: it answers /ping and /invocations, and ends in good order. It
prints its address.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType

FAULTS = {
    "unready": "/ping says 503",
    "silent-ping": "/ping is not answered while a prediction is computed",
    "fixed-type": "the answer is text/plain whatever is asked for",
    "blames-itself": "an unknown type gives 500",
    "small": "a body above 1 MB gives 413",
    "drops": "the connection ends after each answer, without a word",
    "narrow": "headers of the platform give 400",
    "one-at-a-time": "a second request meanwhile gives 503",
    "managed": "the management interface is on the port",
    "deaf": "SIGTERM changes nothing",
    "abrupt": "SIGTERM ends it at once",
}

PREDICTION_S = 0.08
LAME_DUCK_S = 0.3
_MIB = 1 << 20


class Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, faults: set[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults = faults
        self.computing = threading.Lock()
        self.stopping = False

    def handle_error(self, *_: object) -> None:
        return  # a client that hangs up is no news


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5
    server: Server

    def do_GET(self) -> None:
        faults = self.server.faults
        if self.path == "/ping":
            if "silent-ping" in faults:
                with self.server.computing:
                    pass
            self.answer(503 if "unready" in faults or self.server.stopping else 200)
        elif self.path == "/models" and "managed" in faults:
            self.answer(200, b'{"models": []}')
        else:
            self.answer(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/invocations":
            self.predict(body)
        elif self.path.startswith("/models") and "managed" in self.server.faults:
            self.answer(404, b'{"type": "ModelNotFoundException"}')
        else:
            self.answer(404)

    def do_OPTIONS(self) -> None:
        self.answer(404)

    def do_PUT(self) -> None:
        self.answer(404)

    def do_DELETE(self) -> None:
        self.answer(404)

    def predict(self, body: bytes) -> None:
        faults = self.server.faults
        if "small" in faults and len(body) > _MIB:
            self.answer(413)
        elif "narrow" in faults and "X-Amzn-SageMaker-Inference-Id" in self.headers:
            self.answer(400)
        elif not self.headers.get("Content-Type", "").startswith("image/"):
            self.answer(500 if "blames-itself" in faults else 415)
        elif not self.server.computing.acquire(blocking="one-at-a-time" not in faults):
            self.answer(503)
        else:
            try:
                time.sleep(PREDICTION_S)
            finally:
                self.server.computing.release()
            self.answer(200, b'{"predictions": []}')

    def answer(self, status: int, body: bytes = b"{}") -> None:
        self.send_response(status)
        kind = "text/plain" if "fixed-type" in self.server.faults else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.server.stopping:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection |= "drops" in self.server.faults or self.server.stopping

    def log_message(self, *_: object) -> None:
        return


def stopper(server: Server) -> Callable[[int, FrameType | None], None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        server.stopping = True
        threading.Timer(LAME_DUCK_S, server.shutdown).start()

    return stop


def main(faults: set[str]) -> None:
    server = Server(faults)
    if "deaf" in faults:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif "abrupt" not in faults:
        signal.signal(signal.SIGTERM, stopper(server))
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.02)
    server.server_close()  # waits for the answers that are being written


if __name__ == "__main__":
    main(set(sys.argv[1:]))
