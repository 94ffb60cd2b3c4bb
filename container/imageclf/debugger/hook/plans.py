"""What is saved of each tensor: decided by the collections that it is in."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from imageclf.debugger import statistics as names
from imageclf.debugger.hook.derived import OFFERED, UNBIASED
from imageclf.debugger.hook.earlier import OF_CHANGE
from imageclf.debugger.hook.foreign import NON_REDUCTION_COLLECTIONS, ReductionConfig
from imageclf.errors import SettingsError

Statistics = Mapping[str, frozenset[str]]
"""For each collection the names of statistics, or RAW, that are saved of its tensors."""

_SPREADS = ("std", "variance", "abs_std", "abs_variance")


@dataclass(frozen=True)
class Plan:
    """What is saved of one tensor at one step.

    Args:
        statistics: computed on the device.
        sampled: whether a few entries of the batch are enough for that.
        change: statistics of what changed since the last saved step.
        histogram: collection under which TensorBoard gets a histogram; empty for none.
        curve: whether TensorBoard gets a curve.
    """

    statistics: frozenset[str] = frozenset()
    change: frozenset[str] = frozenset()
    raw: bool = False
    sampled: bool = False
    shape: bool = False
    histogram: str = ""
    curve: bool = False

    def __bool__(self) -> bool:
        return bool(self.statistics or self.change or self.raw or self.shape)


def check(statistics: Statistics) -> None:
    """Refuse names that nothing can be saved under.

    Raises:
        SettingsError: a statistic is unknown.
    """
    known = OFFERED | OF_CHANGE | {names.RAW}
    for collection, wanted in statistics.items():
        for name in sorted(wanted - known):
            raise SettingsError(
                f"Collection {collection} asks for the statistic {name!r}, which there is not; "
                f"there are {', '.join(sorted(known))}."
            )


def plan(collections: Collection[Any], statistics: Statistics) -> Plan:
    """What is saved of a tensor in these of smdebug's collections, all due at this step."""
    asked = {one for each in collections for one in statistics.get(each.name, ())}
    reduced: set[str] = set()
    raw = names.RAW in asked
    shape = any(collection.reduction_config.save_shape for collection in collections)
    for collection in collections:
        reduced |= _reductions(collection)
        raw = raw or collection.reduction_config.save_raw_tensor
    twins = {UNBIASED + one for one in _SPREADS if one in reduced and one not in asked}
    reduced = {one for one in reduced if one not in _SPREADS} | twins
    return Plan(
        statistics=frozenset((asked & OFFERED) | reduced),
        change=frozenset(asked & OF_CHANGE),
        raw=raw,
        sampled=not (shape or reduced or asked & {names.COUNT, names.CHANNEL_MEANS}),
        shape=shape,
        histogram=next((each.name for each in collections if _has_histogram(each)), ""),
        curve=any(each.name in NON_REDUCTION_COLLECTIONS for each in collections),
    )


def _has_histogram(collection: Any) -> bool:
    return collection.save_histogram and collection.name not in NON_REDUCTION_COLLECTIONS


def _reductions(collection: Any) -> set[str]:
    """The names of the reductions that smdebug would save of a collection's tensors."""
    if collection.name in NON_REDUCTION_COLLECTIONS:
        return set()
    config: ReductionConfig = collection.reduction_config
    absolute = {f"abs_{name}" for name in (*config.abs_reductions, *config.abs_norms)}
    return {*config.reductions, *config.norms} | absolute
