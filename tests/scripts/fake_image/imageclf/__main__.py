"""`python -m imageclf serve` in a fake container: the classes that stand in the model's `classes`.

What begins as a JPEG does is a picture. It answers as the image does, faults too.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ML = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
LOADED: dict[str, str] = {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        loaded = {"models": [{"modelName": one} for one in LOADED]}
        self.answer(200, loaded if self.path.startswith("/models") else {})

    def do_DELETE(self) -> None:
        LOADED.pop(self.path.rpartition("/")[2])
        self.answer(200, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/models":
            asked = json.loads(body)
            LOADED[asked["model_name"]] = asked["url"]
            self.answer(200, {})
        elif self.path == "/invocations":
            self.classify(body, ML / "model")
        else:
            self.classify(body, Path(LOADED[self.path.split("/")[2]]))

    def classify(self, body: bytes, model: Path) -> None:
        if not body.startswith(b"\xff\xd8\xff"):
            told = "The bytes are not those of an image; send a JPEG, PNG or WebP."
            self.answer(400, {"error": "not-an-image", "message": told})
            return
        classes = (model / "classes").read_text().split()
        top = self.headers.get(ATTRIBUTES, "").removeprefix("top_k=")
        found = [{"class": one, "probability": 1 / len(classes)} for one in classes]
        self.answer(200, {"predictions": found[: int(top) if top else None]})

    def answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


def main() -> int:
    several = os.environ.get("SAGEMAKER_MULTI_MODEL", "").lower() == "true"
    if not several and not (ML / "model" / "classes").exists():
        sys.stdout.write("error: /opt/ml/model holds no model: classes cannot be read.\n")
        return 5
    port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
    ThreadingHTTPServer((os.environ["IMAGECLF_HOST"], port), Handler).serve_forever(0.02)
    return 0


if __name__ == "__main__":
    sys.exit(main())
