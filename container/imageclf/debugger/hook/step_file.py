"""Writes one step of one worker: an event file and its index, as smdebug lays them out.

From step to step the records of the statistics differ only in time, step and values: their bytes
are built once, and what changes is scattered into them. Both files are written under another name
and renamed, the events first: whoever sees the index may read the events. No `fsync`: after a crash
of the machine the last steps may be lost.
"""

import json
import struct
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imageclf.debugger.hook import wire
from imageclf.debugger.hook.wire import Moment
from imageclf.debugger.statistics import Values
from imageclf.errors import TensorsError

_STEPS_PER_INDEX_FOLDER = 1000
_TEMPLATES_KEPT = 8


@dataclass(frozen=True)
class Record:
    """Values under a name; `at_s` is the Unix time they are from, None for that of writing."""

    name: str
    values: Values
    at_s: float | None = None


class StepWriter:
    """Writes the steps of `worker` below `folder`."""

    def __init__(self, folder: Path, worker: str) -> None:
        self._folder = folder
        self._worker = worker
        self._templates: dict[object, _Template] = {}

    def write(
        self,
        moment: Moment,
        statistics: Sequence[Record],
        raw: Sequence[Record] = (),
        shapes: Mapping[str, Sequence[int]] | None = None,
    ) -> int:
        """Write one step and return the bytes of both files.

        Args:
            statistics: float32 values; quickest when names and shapes stay as they are.
            raw: values of any type and any shape.
            shapes: of tensors of which only statistics are written.

        Raises:
            TensorsError: the disk does not take it, or a type cannot be written.
        """
        at_s = time.time()
        parts: list[bytes | memoryview] = []
        entries: list[bytes] = []
        place = 0
        if statistics:
            template = self._template(moment, statistics)
            parts.append(template.fill(moment, at_s, statistics))
            entries.append(template.entries)
            place = template.size
        for record in raw:
            values = np.ascontiguousarray(record.values)
            from_s = at_s if record.at_s is None else record.at_s
            framed = wire.frame(record.name, record.values, moment, from_s)
            length = len(framed.head) + values.nbytes + len(framed.tail)
            parts += [framed.head, values.reshape(-1).view(np.uint8).data, framed.tail]
            entries.append(_entry(record.name, place, length))
            place += length
        index = self._index(moment, b", ".join(entries), shapes or {})
        if parts:
            self._put(self._events(moment.step), parts)
        self._put(self._index_path(moment.step), [index])
        return place + len(index)

    def _template(self, moment: Moment, statistics: Sequence[Record]) -> "_Template":
        signature = tuple((record.name, record.values.shape) for record in statistics)
        digits = (len(wire.varint(moment.step)), len(str(moment.mode_step)))
        key = (moment.mode, digits, signature)
        template = self._templates.pop(key, None)
        if template is None:
            template = _Template(moment, statistics)
        self._templates[key] = template
        while len(self._templates) > _TEMPLATES_KEPT:
            del self._templates[next(iter(self._templates))]
        return template

    def _events(self, step: int) -> Path:
        return self._folder / "events" / f"{step:012d}" / f"{step:012d}_{self._worker}.tfevents"

    def _index_path(self, step: int) -> Path:
        thousand = f"{step // _STEPS_PER_INDEX_FOLDER:09d}"
        return self._folder / "index" / thousand / f"{step:012d}_{self._worker}.json"

    def _index(self, moment: Moment, entries: bytes, shapes: Mapping[str, Sequence[int]]) -> bytes:
        meta = {
            "mode": moment.mode.name,
            "mode_step": moment.mode_step,
            "event_file_name": str(self._events(moment.step).relative_to(self._folder)),
        }
        shape_entries = [
            {"tensorname": name, "originalname": name, "shape": list(shape)}
            for name, shape in shapes.items()
        ]
        return b'{"meta": %b, "tensor_payload": [%b], "shape_payload": %b}' % (
            json.dumps(meta).encode(),
            entries,
            json.dumps(shape_entries).encode(),
        )

    def _put(self, path: Path, parts: Sequence[bytes | memoryview]) -> None:
        half = path.with_name(path.name + ".tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with half.open("wb") as file:
                file.writelines(parts)
            half.replace(path)
        except OSError as error:
            with suppress(OSError):
                half.unlink()
            raise TensorsError(
                f"Cannot write {path.name} into {self._folder} ({error.strerror}): "
                "make room there, or save less."
            ) from error


class _Template:
    """The bytes of a step's statistics, and the places of what changes in them."""

    def __init__(self, moment: Moment, statistics: Sequence[Record]) -> None:
        parts, entries, starts, mode_steps, values_at = [], [], [], [], []
        place = 0
        for record in statistics:
            framed = wire.frame(record.name, record.values.astype(np.float32), moment, 0.0)
            content = record.values.size * 4
            length = len(framed.head) + content + len(framed.tail)
            parts += [framed.head, bytes(content), framed.tail]
            entries.append(_entry(record.name, place, length))
            starts.append(place)
            mode_steps.append(place + length - framed.mode_step_back)
            values_at.append(place + len(framed.head) + np.arange(content))
            place += length
        self.size = place
        self.entries = b", ".join(entries)
        self._bytes = np.frombuffer(b"".join(parts), np.uint8).copy()
        self._wall_times = _places(starts, wire.WALL_TIME_AT, 8)
        self._steps = _places(starts, wire.STEP_AT, len(wire.varint(moment.step)))
        self._mode_steps = _places(mode_steps, 0, len(str(moment.mode_step)))
        self._values = np.concatenate(values_at)

    def fill(self, moment: Moment, at_s: float, statistics: Sequence[Record]) -> memoryview:
        """The bytes with this moment and these values; good until the next call."""
        self._bytes[self._wall_times] = _bytes(struct.pack("<d", at_s))
        self._bytes[self._steps] = _bytes(wire.varint(moment.step))
        self._bytes[self._mode_steps] = _bytes(str(moment.mode_step).encode())
        flat = np.concatenate([record.values.reshape(-1) for record in statistics])
        self._bytes[self._values] = flat.astype("<f4", copy=False).view(np.uint8)
        return self._bytes.data


def _places(starts: Sequence[int], offset: int, length: int) -> npt.NDArray[np.int64]:
    return np.asarray(starts, np.int64)[:, None] + np.arange(offset, offset + length)


def _bytes(content: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)


def _entry(name: str, start: int, length: int) -> bytes:
    entry = {"tensorname": name, "start_idx": start, "length": length}
    return json.dumps(entry).encode()
