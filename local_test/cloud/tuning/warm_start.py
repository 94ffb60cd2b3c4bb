"""Warm start: whether tuning jobs may be the parents of a new one, and what it learns from them.

The rules are those of "Run a Warm Start Hyperparameter Tuning Job" in AWS's developer guide.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from local_test.cloud.errors import validation
from local_test.cloud.tuning.definitions import OBJECTIVE_PARAMETER, Definition
from local_test.cloud.tuning.observations import Observation
from local_test.cloud.tuning.ranges import Categorical

Document = dict[str, Any]

TERMINAL = ("Completed", "Stopped", "Failed")
_MOST_CHANGES = 10
_STRATEGIES = ("Bayesian", "Random")


def check_child(strategy: str, found: Sequence[Definition]) -> Definition:
    """The one definition of a tuning job that can have parents.

    Raises:
        ApiError: it cannot.
    """
    if strategy not in _STRATEGIES:
        raise validation(
            f"Warm start is supported with the strategies {' and '.join(_STRATEGIES)}, "
            f"not with {strategy}."
        )
    if len(found) > 1:
        raise validation("Warm start needs a single TrainingJobDefinition.")
    return found[0]


def check_parent(
    child: Definition, name: str, status: str, definitions: Sequence[Definition]
) -> None:
    """Whether the tuning job `name` may be a parent of one with the definition `child`.

    Raises:
        ApiError: it may not.
    """
    if status not in TERMINAL:
        raise validation(
            f"The parent tuning job {name} is {status}. It must be in a terminal state: "
            f"{', '.join(TERMINAL)}."
        )
    parent = definitions[0]
    if len(definitions) > 1:
        raise validation(f"The parent tuning job {name} has more than one definition.")
    if parent.objective != child.objective:
        raise validation(
            "The objective metric for the hyperparameter tuning job must be the same as that of "
            f"the parent job {name}, {parent.metric} ({parent.objective['Type']})."
        )
    if _kinds(parent).keys() != _kinds(child).keys():
        raise validation(
            "The set of tunable plus static HyperParameter names is not the same across current "
            "and parent tuning jobs. Please ensure this set is constant when warm starting. Note "
            "that previously static HyperParameters can be tuned in warm start jobs and vice versa."
        )
    _check_kinds(child, parent, name)
    if (changes := _changes(child, parent)) > _MOST_CHANGES:
        raise validation(
            "The number of changes of static hyperparameters since the parent tuning job "
            f"{name} is {changes}, and the limit is {_MOST_CHANGES}."
        )


def _kinds(definition: Definition) -> dict[str, str]:
    kinds = dict.fromkeys(definition.static, "")
    for one in definition.ranges:
        whole = not isinstance(one, Categorical) and one.integer
        numeric = "Integer" if whole else "Continuous"
        kinds[one.name] = "Categorical" if isinstance(one, Categorical) else numeric
    return {name: kind for name, kind in kinds.items() if name != OBJECTIVE_PARAMETER}


def _check_kinds(child: Definition, parent: Definition, name: str) -> None:
    before, now = _kinds(parent), _kinds(child)
    for parameter, kind in now.items():
        if kind and before[parameter] and kind != before[parameter]:
            raise validation(
                f"The type of the hyperparameter {parameter} must not change: it is {kind}, and "
                f"{before[parameter]} in the parent tuning job {name}."
            )


def _changes(child: Definition, parent: Definition) -> int:
    """How much became static or got another static value; every word of a range counts."""
    count = 0
    tunable = {one.name: one for one in parent.ranges}
    for name, value in child.static.items():
        if name in tunable:
            one = tunable[name]
            count += len(one.values) if isinstance(one, Categorical) else 1
        elif name in parent.static and parent.static[name] != value:
            count += 2 if _is_word(parent.static[name]) else 1
    return count


def _is_word(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return True
    return False


def observations(
    child: Definition, jobs: Sequence[tuple[Mapping[str, str], float]], *, transfer: bool
) -> list[Observation]:
    """What the training jobs of one parent say about the search of `child`.

    Args:
        jobs: all hyperparameters of a training job, and its objective.
        transfer: for TransferLearning, where data or algorithm differ: then an objective counts
            by how many standard deviations it lies above the mean of its own tuning job.
    """
    names = [one.name for one in child.ranges]
    values = [objective for _, objective in jobs]
    if transfer:
        values = standardized(values)
    return [
        Observation({name: given[name] for name in names if name in given}, objective)
        for (given, _), objective in zip(jobs, values, strict=True)
    ]


def standardized(objectives: Sequence[float]) -> list[float]:
    """Standard deviations above the mean; zeros where all are the same."""
    if not objectives:
        return []
    mean = statistics.fmean(objectives)
    deviation = statistics.pstdev(objectives, mean)
    return [(value - mean) / deviation if deviation else 0.0 for value in objectives]
