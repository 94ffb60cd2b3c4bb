"""A stand-in for `python -m imageclf serve`: its port, paths, signals and exit codes, no network.

A model folder that holds a file named `fail` makes it end with 5 and that file's sentence, one
with `ignore-stop` makes it deaf to SIGTERM. It answers with what it was asked.
"""

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType

LOADED: dict[str, str] = {}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer(200 if self.path == "/ping" else 404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/models":
            self.load(json.loads(body))
        elif not body.startswith(b"\x89PNG") and not body.startswith(b"\xff\xd8"):
            self.answer(400, {"error": "not-an-image", "message": "It is not a picture."})
        else:
            self.predict()

    def load(self, asked: dict[str, str]) -> None:
        if (Path(asked["url"]) / "fail").exists():
            self.answer(422, {"message": "The weights do not fit."})
        else:
            LOADED[asked["model_name"]] = asked["url"]
            self.answer(200, {})

    def predict(self) -> None:
        options = self.headers.get("X-Amzn-SageMaker-Custom-Attributes", "none")
        kind = self.headers.get("Content-Type", "")
        classes = [(self.path, 0.75), (options, 0.1875), (kind, 0.0625)]
        self.answer(200, {"predictions": [{"class": a, "probability": b} for a, b in classes]})

    def answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


def main() -> int:
    model = Path(os.environ["SAGEMAKER_BASE_DIR"]) / "model"
    if (model / "fail").exists():
        sys.stderr.write(f"error: {(model / 'fail').read_text()}\n")
        return 5
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["IMAGECLF_PORT"])), Handler)

    def stop(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown).start()

    deaf = (model / "ignore-stop").exists()
    signal.signal(signal.SIGTERM, signal.SIG_IGN if deaf else stop)
    server.serve_forever(poll_interval=0.02)
    return 0


if __name__ == "__main__":
    sys.exit(main())
