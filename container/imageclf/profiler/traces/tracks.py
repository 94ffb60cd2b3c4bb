"""Events of Chrome's trace format, as Perfetto reads it: processes, tracks, slices, counters.

Source of the format: "Trace Event Format", Google, 2016. Times that are given are nanoseconds since
the run began; those of the events are microseconds.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]

_MOST_LANES = 32
_ROUNDING_NS = 1000
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Slice:
    """Something that took its time."""

    begin_ns: int
    end_ns: int
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


class Process:
    """A group of tracks with a name; they are shown in the order in which they were made."""

    def __init__(self, number: int, name: str) -> None:
        self.number = number
        self.events: list[Event] = [
            self._meta("process_name", 0, name=_short(name)),
            self._meta("process_sort_index", 0, sort_index=number),
        ]
        self._tracks = 0

    def put(self, track: str, slices: Iterable[Slice]) -> int:
        """Put slices on a track, on several where they overlap without lying in each other.

        Returns how many were left out, since there was no end of the overlapping.
        """
        found, left_out = lanes(slices)
        for number, lane in enumerate(found):
            tid = self._new_track(track if not number else f"{track} ({number + 1})")
            self.events += [self._slice(tid, one) for one in lane]
        return left_out

    def count(self, name: str, at_ns: Sequence[int], series: Mapping[str, Sequence[float]]) -> None:
        """Series [N] over the times [N]; what is not a number is left out."""
        for place, at in enumerate(at_ns):
            values = {key: _rounded(one[place]) for key, one in series.items()}
            known = {key: value for key, value in values.items() if math.isfinite(value)}
            if known:
                common = {"ph": "C", "name": name, "pid": self.number, "tid": 0}
                self.events.append({**common, "ts": at / 1e3, "args": known})

    def _new_track(self, name: str) -> int:
        self._tracks += 1
        self.events.append(self._meta("thread_name", self._tracks, name=_short(name)))
        self.events.append(self._meta("thread_sort_index", self._tracks, sort_index=self._tracks))
        return self._tracks

    def _slice(self, tid: int, one: Slice) -> Event:
        event = {
            "ph": "X",
            "name": _short(one.name),
            "pid": self.number,
            "tid": tid,
            "ts": one.begin_ns / 1e3,
            "dur": (one.end_ns - one.begin_ns) / 1e3,
        }
        return {**event, "args": dict(one.arguments)} if one.arguments else event

    def _meta(self, what: str, tid: int, **arguments: Any) -> Event:
        return {
            "ph": "M",
            "name": what,
            "pid": self.number,
            "tid": tid,
            "ts": 0,
            "args": arguments,
        }


def lanes(slices: Iterable[Slice]) -> tuple[list[list[Slice]], int]:
    """Slices in as few lanes as it takes; in a lane each two lie in or beside each other.

    Returns the lanes, and how many slices found no place in any.
    """
    found: list[list[Slice]] = []
    open_ends: list[list[int]] = []
    left_out = 0
    for one in sorted(slices, key=lambda one: (one.begin_ns, -one.end_ns)):
        for lane, ends in zip(found, open_ends, strict=True):
            placed = _placed(one, ends)
            if placed is not None:
                lane.append(placed)
                break
        else:
            if len(found) == _MOST_LANES:
                left_out += 1
                continue
            found.append([one])
            open_ends.append([one.end_ns])
    return found, left_out


def _placed(one: Slice, ends: list[int]) -> Slice | None:
    """The slice as it fits what is still open in a lane; None when it does not."""
    while ends and ends[-1] <= one.begin_ns:
        ends.pop()
    end_ns = one.end_ns
    if ends and end_ns > ends[-1]:
        if end_ns - ends[-1] > _ROUNDING_NS:
            return None
        end_ns = ends[-1]
    ends.append(end_ns)
    return one if end_ns == one.end_ns else Slice(one.begin_ns, end_ns, one.name, one.arguments)


def _short(name: str) -> str:
    return name[:_LONGEST_NAME]


def _rounded(value: float) -> float:
    return round(float(value), 3)
