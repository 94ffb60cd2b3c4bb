"""Probabilities to the body of an answer: JSON, JSON lines or CSV; and faults to theirs.

JSON of one picture is `{"predictions": [{"class": ..., "probability": ...}], "model": ...}`, of
several `{"results": [{"predictions": [...]}, ...], "model": ...}`. In JSON lines each line is an
object of the first kind, in CSV it is `class,probability,class,probability,...`.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imageclf.errors import RequestError
from imageclf.serving.codecs.question import Shape
from imageclf.serving.options import Options

JSON = "application/json"
JSON_LINES = "application/jsonlines"
CSV = "text/csv"
OFFERED = (JSON, JSON_LINES, CSV)
OFFERED_FOR_LINES = (JSON_LINES, JSON, CSV)

_DIGITS = 6

Ranked = Sequence[tuple[str, float]]
"""Classes with their probabilities, the most probable first."""

Result = Ranked | RequestError
"""What became of one picture."""


@dataclass(frozen=True)
class Model:
    """The model as an answer names it."""

    name: str
    version: str


@dataclass(frozen=True)
class Response:
    """An answer as it goes back."""

    status: int
    content_type: str
    body: bytes


def ranked(
    probabilities_k: NDArray[np.float32], classes: Sequence[str], options: Options
) -> Ranked:
    """The classes that `options` ask for; of equal ones the first comes first.

    Probabilities are rounded to six digits, and it is the rounded ones that reach the threshold.
    """
    best = np.argsort(-probabilities_k, kind="stable")[: options.top_k]
    pairs = ((classes[index], round(float(probabilities_k[index]), _DIGITS)) for index in best)
    return [(name, probability) for name, probability in pairs if probability >= options.threshold]


def success(results: Sequence[Result], shape: Shape, content_type: str, model: Model) -> Response:
    """The answer for all pictures of a request, in the asked-for type.

    Lines have no line break behind the last one: a batch transform puts its own.
    """
    if content_type == JSON_LINES:
        lines = [_json(_standing_alone(one, model)) for one in results]
        return Response(200, content_type, b"\n".join(lines))
    if content_type == CSV:
        return Response(200, content_type, "\n".join(map(_csv_line, results)).encode())
    if shape == "one":
        return Response(200, JSON, _json(_standing_alone(results[0], model)) + b"\n")
    content = {"results": [_content(one) for one in results], "model": vars(model)}
    return Response(200, JSON, _json(content) + b"\n")


def refusal(status: int, reason: str, message: str) -> Response:
    """The answer to a request that cannot be answered."""
    return Response(status, JSON, _json({"error": reason, "message": message}) + b"\n")


def _standing_alone(result: Result, model: Model) -> dict[str, Any]:
    content = _content(result)
    return content if isinstance(result, RequestError) else content | {"model": vars(model)}


def _content(result: Result) -> dict[str, Any]:
    if isinstance(result, RequestError):
        return {"error": result.reason, "message": str(result)}
    return {"predictions": [{"class": name, "probability": value} for name, value in result]}


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode(errors="replace")


def _csv_line(result: Result) -> str:
    if isinstance(result, RequestError):
        return f"error,{result.reason}"
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([cell for pair in result for cell in pair])
    return line.getvalue()
