"""Which operator called which, and which of them asked the GPU for what."""

from dataclasses import dataclass

import numpy as np

from imageclf.profiler.traces.opened import (
    CALL,
    COPY,
    KERNEL,
    NO_SLICES,
    OPERATOR,
    SET,
    Opened,
    Slices,
    Whole,
)


@dataclass(frozen=True)
class Nested:
    """Operators of a trace; index of the operator around each thing, -1 for none.

    Args:
        operators, calls, work: what there is; `work` is all that GPUs did.
        around: for each operator.
        call_in: for each call of the driver.
        asked_by: for each piece of work: the call that asked for it.
        self_ns: time of each operator without those that it called.
        device_ns, device_total_ns: of each operator, what it had a GPU do by itself; with what
            those did that it called.
    """

    operators: Slices
    calls: Slices
    work: Slices
    around: Whole
    call_in: Whole
    asked_by: Whole
    self_ns: Whole
    device_ns: Whole
    device_total_ns: Whole


def nest(trace: Opened) -> Nested:
    """Find who called whom: on one thread, what lies within something was called by it."""
    operators = trace.slices.get(OPERATOR, NO_SLICES)
    calls = trace.slices.get(CALL, NO_SLICES)
    work = joined([trace.slices.get(kind, NO_SLICES) for kind in (KERNEL, COPY, SET)])
    parents, order = _around(joined([operators, calls]), len(operators))
    around, call_in = parents[: len(operators)], parents[len(operators) :]
    asked_by = _asked_by(calls, work)
    device_ns = np.zeros(len(operators), np.int64)
    asked = call_in[asked_by[asked_by >= 0]]
    np.add.at(device_ns, asked[asked >= 0], work.took_ns[asked_by >= 0][asked >= 0])
    return Nested(
        operators,
        calls,
        work,
        around,
        call_in,
        asked_by,
        _self_ns(operators, around),
        device_ns,
        _with_called(device_ns, around, order),
    )


def joined(parts: list[Slices]) -> Slices:
    """All slices of several kinds, one kind after the other."""
    fields = ("name", "begin_ns", "took_ns", "track", "correlation", "size_bytes")
    return Slices(*(np.concatenate([getattr(one, name) for one in parts]) for name in fields))


def _around(slices: Slices, containers: int) -> tuple[Whole, list[int]]:
    """For each slice the innermost of the first `containers` that it lies in, and an order in which
    whatever is called comes after its caller."""
    end_ns = slices.end_ns
    order = np.lexsort((-slices.took_ns, slices.begin_ns, slices.track)).tolist()
    begin, end, track = slices.begin_ns.tolist(), end_ns.tolist(), slices.track.tolist()
    parents = np.full(len(slices), -1, np.int64)
    stack: list[int] = []
    now = None
    for index in order:
        if track[index] != now:
            now = track[index]
            stack.clear()
        while stack and end[stack[-1]] <= begin[index]:
            stack.pop()
        if stack:
            parents[index] = stack[-1]
        if index < containers:
            stack.append(index)
    return parents, order


def _asked_by(calls: Slices, work: Slices) -> Whole:
    """By the number that the driver gave both."""
    known = {number: index for index, number in enumerate(calls.correlation.tolist())}
    known.pop(-1, None)
    found = [known.get(number, -1) for number in work.correlation.tolist()]
    return np.array(found, np.int64)


def _self_ns(operators: Slices, around: Whole) -> Whole:
    found = operators.took_ns.copy()
    inner = around >= 0
    np.subtract.at(found, around[inner], operators.took_ns[inner])
    return np.maximum(found, 0)


def _with_called(own: Whole, around: Whole, order: list[int]) -> Whole:
    total, parents = own.tolist(), around.tolist()
    for index in reversed(order):
        if index < len(total) and parents[index] >= 0:
            total[parents[index]] += total[index]
    return np.array(total, np.int64)
