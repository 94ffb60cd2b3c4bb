"""The reference: the predictor of serving in this process, one picture after the other.

    python -m bench.serving.raw --model FOLDER --pictures FOLDER --seconds 10

Decodes and predicts, no server around it. Prints one JSON object like `bench.serving.load`, with
the class of every picture, the time to be ready since the process started, and the memory.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import psutil

from bench.measure import tree_pss_mib
from imageclf.serving.predictor import Predictor
from imageclf.serving.settings import ServeSettings


def main(arguments: Sequence[str] | None = None) -> None:
    """Predict and print."""
    options = _options(arguments)
    pictures = [path.read_bytes() for path in sorted(options.pictures.iterdir())]
    process = psutil.Process()
    predictor = Predictor.open(options.model, ServeSettings.from_environment(os.environ))
    predictor.start()
    predictor.warm_up()
    ready_s = time.time() - process.create_time()
    classes = [_predicted(predictor, picture) for picture in pictures]
    figures = _measured(predictor, pictures, options.seconds)
    figures |= {"classes": classes, "ready_s": ready_s, "pss_mib": tree_pss_mib(process)}
    print(json.dumps(figures))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True, help="folder of JPEG files")
    parser.add_argument("--seconds", type=float, required=True)
    return parser.parse_args(arguments)


def _predicted(predictor: Predictor, picture: bytes) -> str:
    probabilities_bk = predictor.probabilities([predictor.view(picture)])
    return predictor.classes[int(probabilities_bk[0].argmax())]


def _measured(predictor: Predictor, pictures: list[bytes], seconds: float) -> dict[str, object]:
    latencies_ms, source = [], cycle(pictures)
    began = sent = time.perf_counter()
    while sent - began < seconds:
        _predicted(predictor, next(source))
        answered = time.perf_counter()
        latencies_ms.append(round((answered - sent) * 1e3, 3))
        sent = answered
    return {"seconds": sent - began, "latencies_ms": latencies_ms, "errors": {}, "cpu_share": 0.0}


if __name__ == "__main__":
    main()
