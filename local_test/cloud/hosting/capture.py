"""What data capture writes of a request: AWS's JSON lines. Nothing is stored here."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from local_test.cloud.operations import Document


@dataclass(frozen=True)
class Exchange:
    """A request that was answered, as its capture needs it.

    Attributes:
        event_id: unique; the one of the answer.
        inference_id: what the caller gave, or empty.
        at_s: when it was answered, in seconds since 1970.
    """

    event_id: str
    inference_id: str
    custom_attributes: str
    at_s: float
    asked: bytes
    asked_type: str
    answered: bytes
    answered_type: str


def line(exchange: Exchange, config: Document) -> bytes:
    """The JSON line of an exchange, with what the capture options of `config` ask for."""
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    types = config.get("CaptureContentTypeHeader") or {}
    data: dict[str, object] = {}
    if modes & {"Input", "InputAndOutput"}:
        data["endpointInput"] = _side("INPUT", exchange.asked, exchange.asked_type, types)
    if modes & {"Output", "InputAndOutput"}:
        data["endpointOutput"] = _side("OUTPUT", exchange.answered, exchange.answered_type, types)
    at = datetime.fromtimestamp(exchange.at_s, UTC)
    event = {"eventId": exchange.event_id}
    if exchange.inference_id:
        event["inferenceId"] = exchange.inference_id
    if exchange.custom_attributes:
        event["customAttributes"] = exchange.custom_attributes
    event["inferenceTime"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    record = {"captureData": data, "eventMetadata": event, "eventVersion": "0"}
    return json.dumps(record).encode() + b"\n"


def _side(mode: str, data: bytes, kind: str, types: Mapping[str, list[str]]) -> dict[str, str]:
    encoding = _encoding(kind, types)
    text = base64.b64encode(data).decode()
    if encoding != "BASE64":
        try:
            text = data.decode()
        except UnicodeDecodeError:
            encoding = "BASE64"
    side = {"mode": mode, "data": text, "encoding": encoding}
    return ({"observedContentType": kind} if kind else {}) | side


def _encoding(kind: str, types: Mapping[str, list[str]]) -> str:
    """By the lists of the configuration; base64 for all else, as AWS does."""
    bare = kind.partition(";")[0].strip().lower()
    for encoding, field in (("CSV", "CsvContentTypes"), ("JSON", "JsonContentTypes")):
        if bare in {one.partition(";")[0].strip().lower() for one in types.get(field, [])}:
            return encoding
    return "BASE64"


class Sample:
    """Every n-th, so that exactly `percent` of a hundred are taken; for one thread at a time."""

    def __init__(self, percent: int) -> None:
        self._percent = percent
        self._saved = 0

    def take(self) -> bool:
        """Whether this one is taken."""
        self._saved += self._percent
        if self._saved < 100:
            return False
        self._saved -= 100
        return True
