"""`python -m imageclf serve` in a fake container: the hosting contracts, and no network.

FAKE_FAIL makes it end with that sentence, FAKE_READY_FILE names a file without which /ping says
503, FAKE_ROOM is how many models fit. Bodies are orders: `sleep 0.5`, `status 418`, `die`, `lose`,
which once loses all models, and `full`, which needs the memory of all others. All are answered with
what was asked. SIGTERM ends it at once, whatever it has to do.
"""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ML = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
ROOM = int(os.environ.get("FAKE_ROOM", "1000"))
LOADED: dict[str, str] = {}
LOST: list[str] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        if self.path == "/ping":
            self.answer(200 if is_ready() else 503, {})
        elif self.path.startswith("/models/"):
            self.answer(200 if self.path.rpartition("/")[2] in LOADED else 404, {})
        elif self.path.startswith("/models"):
            self.answer(200, {"models": [{"modelName": one} for one in LOADED]})

    def do_DELETE(self) -> None:
        known = LOADED.pop(self.path.rpartition("/")[2], None)
        self.answer(404 if known is None else 200, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/models":
            self.load(json.loads(body))
        elif self.path == "/invocations":
            self.obey(body, ML / "model")
        elif model := LOADED.get(self.path.split("/")[2]):
            self.obey(body, Path(model))
        else:
            self.answer(404, {})

    def load(self, asked: dict[str, str]) -> None:
        if asked["model_name"] in LOADED:
            self.answer(409, {})
        elif len(LOADED) >= ROOM:
            self.answer(507, {})
        elif not (Path(asked["url"]) / "name").exists():
            self.answer(422, {"message": "It has no name."})
        else:
            say(f"loads {(Path(asked['url']) / 'name').read_text()}")
            LOADED[asked["model_name"]] = asked["url"]
            self.answer(200, {})

    def obey(self, body: bytes, model: Path) -> None:
        order, _, what = body[:40].partition(b" ")
        if order == b"sleep":
            time.sleep(float(what))
        if order == b"die":
            os._exit(3)
        if order == b"full" and len(LOADED) > 1:
            self.answer(507, {})
            return
        if order == b"lose" and not LOST:
            LOST.extend(LOADED)
            LOADED.clear()
            self.answer(404, {})
            return
        status = int(what) if order == b"status" else 200
        told = {
            "model": (model / "name").read_text() if (model / "name").exists() else "",
            "pid": os.getpid(),
            "length": len(body),
            "accept": self.headers.get("Accept", ""),
            "kind": self.headers.get("Content-Type", ""),
            "files": sorted(str(one.relative_to(model)) for one in model.rglob("*")),
            "environment": os.environ.get("WHO", ""),
            "order": body[:40].decode(errors="replace"),
        }
        self.answer(status, told)

    def answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if attributes := self.headers.get("X-Amzn-SageMaker-Custom-Attributes"):
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", attributes)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


def is_ready() -> bool:
    awaited = os.environ.get("FAKE_READY_FILE")
    return awaited is None or Path(awaited).exists()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    if sentence := os.environ.get("FAKE_FAIL"):
        say("It begins.")
        say(f"error: {sentence}")
        return 5
    port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
    say(f"serves at {port}")
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer((os.environ["IMAGECLF_HOST"], port), Handler).serve_forever(0.02)
    return 0


if __name__ == "__main__":
    sys.exit(main())
