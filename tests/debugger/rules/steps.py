"""Saved steps made in memory: values as smdebug saves them, or only statistics of them."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from imageclf.debugger import statistics
from imageclf.debugger.rules.base import Rule
from imageclf.debugger.saved import Mode, Saved, SavedStep
from imageclf.rules.finding import Finding

Like = npt.ArrayLike


def raw(name: str, values: Like, *collections: str, worker: str = "worker_0") -> Saved:
    """A tensor of which the values were saved."""
    array = np.asarray(values, dtype=np.float32)
    return Saved(name, frozenset(collections), worker, array.shape, {}, lambda: array)


def told(name: str, *collections: str, worker: str = "worker_0", **known: Like) -> Saved:
    """A tensor of which only statistics were saved."""
    vectors = {key: np.asarray(value, dtype=np.float32) for key, value in known.items()}
    return Saved(name, frozenset(collections), worker, None, vectors)


def step(number: int, *tensors: Saved, mode: Mode = Mode.TRAIN) -> SavedStep:
    return SavedStep(number, mode, number, 1_700_000_000.0 + number, tensors)


def findings(rule: Rule, steps: Iterable[SavedStep]) -> list[Finding]:
    """All that `rule` finds in a run of `steps`."""
    found = [one for step in steps for one in rule.look(step)]
    return found + list(rule.finish())


def as_statistics(steps: Iterable[SavedStep], needs: Mapping[str, frozenset[str]]) -> list[Any]:
    """The same steps as a hook saves them that was asked for `needs` and no values."""
    before: dict[tuple[str, str], npt.NDArray[Any]] = {}
    made = []
    for one in steps:
        tensors = [_reduced(tensor, needs, before) for tensor in one.tensors]
        made.append(SavedStep(one.number, one.mode, one.mode_step, one.at_s, tuple(tensors)))
    return made


def _reduced(
    tensor: Saved,
    needs: Mapping[str, frozenset[str]],
    before: dict[tuple[str, str], npt.NDArray[Any]],
) -> Saved:
    wanted = frozenset().union(*(needs.get(name, frozenset()) for name in tensor.collections))
    assert tensor.values is not None
    last = before.get((tensor.worker, tensor.name))
    before[tensor.worker, tensor.name] = tensor.values
    known = {name: _statistic(name, tensor.values, last) for name in wanted}
    kept = {name: np.asarray(value) for name, value in known.items() if value is not None}
    return Saved(tensor.name, tensor.collections, tensor.worker, None, kept)


def _statistic(name: str, values: npt.NDArray[Any], last: npt.NDArray[Any] | None) -> Any:
    if name == statistics.UPDATE_RATIO:
        return None if last is None else np.abs(values - last).mean() / (np.abs(last).mean() + 1e-9)
    if name == statistics.UNCHANGED:
        return None if last is None else np.allclose(values, last)
    return statistics.of_values(name, values)
