"""Reads an index file: which tensors a worker saved at a step, and where in the event file."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeGuard

from imageclf.debugger.names import STATISTIC_PREFIX
from imageclf.debugger.saved import Mode
from imageclf.errors import TensorsError

MAX_BYTES = 64 << 20

_PAYLOAD = b'"tensor_payload"'
_MAX_SIZE = 1 << 40
_MAX_STATISTIC_BYTES = 1 << 20
_MAX_DIMENSIONS = 32
_LAYOUTS = 4


class Place(NamedTuple):
    """Where a tensor, or a statistic of it, lies in the event file; bytes."""

    tensor: str
    statistic: str
    start: int
    length: int

    @property
    def saved_as(self) -> str:
        """Its name in the files."""
        return (
            f"{STATISTIC_PREFIX}{self.statistic}/{self.tensor}" if self.statistic else self.tensor
        )


@dataclass(frozen=True, eq=False)
class Layout:
    """What an index says besides the step: the same object for steps that are laid out alike.

    `left_out` counts entries that cannot be; `end` is the least size of the event file in bytes.
    """

    statistics: tuple[Place, ...]
    raw: tuple[Place, ...]
    shapes: Mapping[str, tuple[int, ...]]
    end: int
    left_out: int
    text: bytes = field(repr=False)


@dataclass(frozen=True)
class Index:
    """One index file; `events` is the event file's name, relative to the tensors' folder."""

    mode: Mode
    mode_step: int
    events: str | None
    layout: Layout


class IndexParser:
    """Parses the index files of one worker; those laid out as an earlier one in no time."""

    def __init__(self) -> None:
        self._known: list[Layout] = []

    def parse(self, text: bytes) -> Index:
        """The index that stands in `text`.

        Raises:
            TensorsError: it is not whole, or not an index.
        """
        cut = text.find(_PAYLOAD)
        for layout in self._known:
            if cut > 0 and text[cut:] == layout.text:
                return _index(_json(text[:cut].rstrip().rstrip(b",") + b"}"), layout)
        content = _json(text)
        layout = _layout(content, text[cut:] if cut > 0 else b"")
        index = _index(content, layout)
        self._known = [layout, *self._known][:_LAYOUTS]
        return index


def _json(text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TensorsError("An index is not valid JSON.") from error
    if not isinstance(content, dict):
        raise TensorsError("An index is not a JSON object.")
    return content


def _index(content: Mapping[str, Any], layout: Layout) -> Index:
    meta = content.get("meta")
    if not isinstance(meta, dict):
        raise TensorsError("An index has no meta section.")
    mode, mode_step, events = (meta.get(name) for name in ("mode", "mode_step", "event_file_name"))
    if not isinstance(mode, str) or mode.strip() not in Mode.__members__:
        raise TensorsError("An index names no mode.")
    if not isinstance(mode_step, int | str) or not re.fullmatch("[0-9]{1,18}", str(mode_step)):
        raise TensorsError("An index names no step of its mode.")
    if layout.end and not isinstance(events, str):
        raise TensorsError("An index names no event file.")
    return Index(Mode[mode.strip()], int(mode_step), events if layout.end else None, layout)


def _layout(content: Mapping[str, Any], text: bytes) -> Layout:
    entries = _objects(content.get("tensor_payload"))
    places = [_place(entry) for entry in entries]
    good = [place for place in places if place is not None]
    return Layout(
        statistics=tuple(place for place in good if place.statistic),
        raw=tuple(place for place in good if not place.statistic),
        shapes=dict(_shapes(_objects(content.get("shape_payload")))),
        end=max((place.start + place.length for place in good), default=0),
        left_out=len(places) - len(good),
        text=text,
    )


def _objects(section: object) -> list[Mapping[str, Any]]:
    entries = section if isinstance(section, list) else []
    return [entry if isinstance(entry, dict) else {} for entry in entries]


def _place(entry: Mapping[str, Any]) -> Place | None:
    name, start, length = (entry.get(key) for key in ("tensorname", "start_idx", "length"))
    if not isinstance(name, str) or not isinstance(start, int) or not isinstance(length, int):
        return None
    if not name or not 0 <= start < _MAX_SIZE or not 0 < length < _MAX_SIZE:
        return None
    if name.startswith(STATISTIC_PREFIX):
        statistic, _, tensor = name[len(STATISTIC_PREFIX) :].partition("/")
        sound = tensor and statistic and length <= _MAX_STATISTIC_BYTES
        return Place(tensor, statistic, start, length) if sound else None
    return Place(name, "", start, length)


def _shapes(entries: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[int, ...]]]:
    for entry in entries:
        name, shape = entry.get("tensorname"), entry.get("shape")
        if isinstance(name, str) and _is_shape(shape):
            yield name, tuple(shape)


def _is_shape(shape: object) -> TypeGuard[list[int]]:
    if not isinstance(shape, list) or len(shape) > _MAX_DIMENSIONS:
        return False
    return all(isinstance(size, int) and 0 <= size < _MAX_SIZE for size in shape)
