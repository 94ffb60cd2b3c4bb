"""`python -m imageclf serve` in a fake container: it answers with what it was sent, in brackets.

FAKE_PARAMETERS is what /execution-parameters says. Some words in a body are orders: `bad` is
refused, `flaky` fails the first time, `broken` always, `slow` takes long, `deadly` ends the
program. With FAKE_ROWS the answer is a line for each line, the number of its characters. FAKE_FAIL
makes it end at once.
"""

import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SEEN: set[bytes] = set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        if self.path == "/ping":
            self.answer(200, b"")
        elif self.path == "/execution-parameters" and "FAKE_PARAMETERS" in os.environ:
            self.answer(200, os.environ["FAKE_PARAMETERS"].encode())
        else:
            self.answer(404, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        first = body not in SEEN
        SEEN.add(body)
        if b"deadly" in body:
            os._exit(3)
        if b"slow" in body:
            time.sleep(600)
        if b"broken" in body or (b"flaky" in body and first):
            self.answer(500, b"no luck")
        elif b"bad" in body:
            self.answer(400, b"I do not like this.")
        elif "FAKE_ROWS" in os.environ:
            self.answer(200, b"".join(b"%d\n" % len(line) for line in body.splitlines()))
        else:
            self.answer(200, b"[%s]%s" % (body, self.headers.get("Accept", "").encode()))

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    if "FAKE_FAIL" in os.environ:
        say("It cannot begin.")
        return 5
    say(f"batch {os.environ.get('SAGEMAKER_BATCH')}")
    address = (os.environ["IMAGECLF_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"]))
    ThreadingHTTPServer(address, Handler).serve_forever(0.02)
    return 0


if __name__ == "__main__":
    sys.exit(main())
