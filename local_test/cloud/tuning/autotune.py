"""Autotune: what is left open in a tuning job is filled in, by rules that a user can read here.

AWS does not publish its own. A range goes around the hint by a fixed factor; what cannot be
guessed from a hint is refused. What was filled in is shown by Describe.
"""

import copy
import math
from collections.abc import Mapping
from typing import Any

from local_test.cloud.errors import unsupported, validation

Document = dict[str, Any]

_JOBS = 20
_FACTOR_OF_INTEGERS = 4
_FACTOR_OF_FRACTIONS = 10.0


def filled_in(arguments: Mapping[str, Any]) -> Document:
    """The input of CreateHyperParameterTuningJob with nothing left open.

    Raises:
        ApiError: a range cannot be guessed, or Autotune is not enabled and is needed.
    """
    result: Document = copy.deepcopy(dict(arguments))
    config = result["HyperParameterTuningJobConfig"]
    searched = [config.get("ParameterRanges", {})]
    searched += [
        one.get("HyperParameterRanges", {}) for one in result.get("TrainingJobDefinitions", [])
    ]
    automatic = any(ranges.get("AutoParameters") for ranges in searched)
    if not result.get("Autotune"):
        if automatic:
            raise validation("AutoParameters can be used only with Autotune. Set it to Enabled.")
        return result
    for ranges in searched:
        _add_ranges(ranges)
    if config["Strategy"] != "Grid":
        config["ResourceLimits"].setdefault("MaxNumberOfTrainingJobs", _JOBS)
    return result


def _add_ranges(ranges: Document) -> None:
    for parameter in ranges.get("AutoParameters", []):
        kind, found = _guessed(parameter["Name"], parameter["ValueHint"])
        ranges.setdefault(f"{kind}ParameterRanges", []).append({"Name": parameter["Name"], **found})


def _guessed(name: str, hint: str) -> tuple[str, Document]:
    if hint.lower() in {"true", "false"}:
        yes = hint[0].isupper()
        return "Categorical", {"Values": ["True", "False"] if yes else ["true", "false"]}
    value = _positive(name, hint)
    if hint.strip().lstrip("+").isdigit():
        low, high = max(1, int(hint) // _FACTOR_OF_INTEGERS), int(hint) * _FACTOR_OF_INTEGERS
        return "Integer", {"MinValue": str(low), "MaxValue": str(high), "ScalingType": "Auto"}
    most = value * _FACTOR_OF_FRACTIONS
    high_value = min(most, 1.0) if value < 1 else most
    bounds = {"MinValue": repr(value / _FACTOR_OF_FRACTIONS), "MaxValue": repr(high_value)}
    return "Continuous", {**bounds, "ScalingType": "Logarithmic"}


def _positive(name: str, hint: str) -> float:
    try:
        value = float(hint)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise unsupported(
            f"the range of {name} cannot be guessed from the hint {hint!r}; "
            "give the range, or a static value."
        )
    return value
