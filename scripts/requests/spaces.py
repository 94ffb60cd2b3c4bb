"""Search spaces: the presets, one's own from the settings, and `ParameterRanges` of both.

The presets are what people searched on this task. Whether a hyperparameter is searched in whole
numbers follows from `imageclf.config`, which also judges each bound and each value.
"""

from collections.abc import Mapping
from typing import Any, Literal

from imageclf import config
from imageclf.config import Hyperparameters
from imageclf.errors import SettingsError
from scripts.sections import Range, Settings

Space = Mapping[str, Range]
"""Dimensions by the name of the hyperparameter."""

MOST_VALUES = 30
"""So many values may a categorical dimension have, says SageMaker."""

_LOG: Literal["Logarithmic"] = "Logarithmic"

PRESETS: Mapping[str, Space] = {
    "lr-units-epochs": {
        "lr": Range(min=1e-4, max=1e-1, scale=_LOG),
        "units": Range(values=(256, 512, 1024)),
        "epochs": Range(min=1, max=6),
    },
    "lr-batch": {
        "lr": Range(min=1e-3, max=1e-1, scale=_LOG),
        "batch-size": Range(values=(32, 64, 128, 256, 512)),
    },
    "lr-batch-epochs": {
        "lr": Range(min=1e-3, max=1e-1, scale=_LOG),
        "batch-size": Range(values=(32, 64, 128)),
        "epochs": Range(min=2, max=4),
    },
}


def find(settings: Settings) -> Space:
    """The space that `tune.space` names; one of the settings goes before a preset.

    Raises:
        SettingsError: there is none of that name, or a bound or value is out of bounds.
    """
    name = settings.tune.space
    known = {**PRESETS, **settings.spaces}
    if name not in known:
        raise SettingsError(f"There is no search space {name!r}; choose {', '.join(known)}.")
    space = {config.kebab(key): dimension for key, dimension in known[name].items()}
    if not space:
        raise SettingsError(f"The search space {name} is empty; give it a hyperparameter.")
    for key, dimension in space.items():
        _check(key, dimension)
    return space


def parameter_ranges(space: Space) -> dict[str, list[dict[str, Any]]]:
    """`ParameterRanges` of a tuning job."""
    ranges: dict[str, list[dict[str, Any]]] = {
        "ContinuousParameterRanges": [],
        "CategoricalParameterRanges": [],
        "IntegerParameterRanges": [],
    }
    for name, dimension in space.items():
        if dimension.values is not None:
            values = [text(value) for value in dimension.values]
            ranges["CategoricalParameterRanges"].append({"Name": name, "Values": values})
        else:
            kind = "Integer" if is_whole(name) else "Continuous"
            ranges[f"{kind}ParameterRanges"].append(_bounds(name, dimension))
    return ranges


def combinations(space: Space) -> int:
    """How many trainings a grid over a space of values has."""
    count = 1
    for dimension in space.values():
        count *= len(dimension.values or ())
    return count


def is_whole(name: str) -> bool:
    """Whether a hyperparameter is a whole number."""
    schema = Hyperparameters.model_json_schema()["properties"][name]
    return any(part.get("type") == "integer" for part in schema.get("anyOf", [schema]))


def text(value: Any) -> str:
    """A value as SageMaker hands it over."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _bounds(name: str, dimension: Range) -> dict[str, Any]:
    assert dimension.min is not None and dimension.max is not None
    return {
        "Name": name,
        "MinValue": text(dimension.min),
        "MaxValue": text(dimension.max),
        "ScalingType": dimension.scale,
    }


def _check(name: str, dimension: Range) -> None:
    """Every bound and value on its own, so that the sentences are those of training."""
    if dimension.values is not None:
        if len(dimension.values) > MOST_VALUES:
            raise SettingsError(
                f"{name} has {len(dimension.values)} values to choose from; SageMaker takes "
                f"{MOST_VALUES} at most."
            )
        for value in dimension.values:
            _parse(name, value)
        return
    if name in config.names() and not (is_whole(name) or _is_number(name)):
        raise SettingsError(f"{name} is no number; give the search `values` to choose from.")
    for bound in (dimension.min, dimension.max):
        _parse(name, bound)
    _check_scale(name, dimension)


def _parse(name: str, value: Any) -> None:
    """`epochs` is there so that no warm-up is longer than the training."""
    config.parse({"epochs": "10000", name: text(value)})


def _is_number(name: str) -> bool:
    schema = Hyperparameters.model_json_schema()["properties"][name]
    return any(part.get("type") == "number" for part in schema.get("anyOf", [schema]))


def _check_scale(name: str, dimension: Range) -> None:
    low, high = dimension.min or 0.0, dimension.max or 0.0
    if dimension.scale == _LOG and low <= 0:
        raise SettingsError(f"{name} begins at {low:g}; a logarithmic scale begins above 0.")
    if dimension.scale == "ReverseLogarithmic" and not 0 <= low <= high < 1:
        raise SettingsError(
            f"{name} goes from {low:g} to {high:g}; a reverse logarithmic scale lies from 0 to "
            "below 1."
        )
