"""What a tuning job searches: the ranges of hyperparameters, read from the API and checked.

Hyperparameters are text for the API and for the training, so values are text here too: integers
without a point, other numbers in the shortest form that reads back the same. How a value is
chosen is not said here (`suggestions`).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from local_test.cloud.errors import limit_exceeded, validation

_MOST_RANGES = 30
_DECADES_OF_AUTO = 100.0
"""From this ratio of the bounds on, the scale Auto is the logarithmic one: AWS recommends it for
ranges of "several orders of magnitude"."""


class Scale(Enum):
    """How the values of a numeric range are spread."""

    LINEAR = "Linear"
    LOGARITHMIC = "Logarithmic"
    REVERSE = "ReverseLogarithmic"


@dataclass(frozen=True)
class Categorical:
    """One of these words."""

    name: str
    values: tuple[str, ...]

    @property
    def size(self) -> float:
        """How many values there are."""
        return len(self.values)


@dataclass(frozen=True)
class Numeric:
    """A number from `low` to `high`, both included; whole ones only where `integer`."""

    name: str
    low: float
    high: float
    scale: Scale
    integer: bool = False

    @property
    def size(self) -> float:
        """How many values there are."""
        return int(self.high) - int(self.low) + 1 if self.integer else math.inf

    def text(self, value: float) -> str:
        """`value` as a hyperparameter, pulled into the bounds where rounding led out of them."""
        inside = min(max(value, self.low), self.high)
        return str(round(inside)) if self.integer else repr(float(inside))

    def number(self, text: str) -> float | None:
        """The value of a hyperparameter; None when it is outside of the range."""
        value = _number(text)
        if value is None or not self.low <= value <= self.high:
            return None
        return value if not self.integer or value == round(value) else None


Range = Categorical | Numeric


def read(ranges: Mapping[str, Any]) -> tuple[Range, ...]:
    """The ranges of an API `ParameterRanges`, AutoParameters aside.

    Raises:
        ApiError: one cannot be searched, or there are too many.
    """
    found: list[Range] = [
        *(_categorical(one) for one in ranges.get("CategoricalParameterRanges", [])),
        *(_numeric(one, integer=False) for one in ranges.get("ContinuousParameterRanges", [])),
        *(_numeric(one, integer=True) for one in ranges.get("IntegerParameterRanges", [])),
    ]
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise validation(
                f"The hyperparameter {name} has more than one range. Keep one of them."
            )
    if len(found) > _MOST_RANGES:
        raise limit_exceeded(
            f"The number of hyperparameters that can be searched is {_MOST_RANGES}, and "
            f"{len(found)} have a range. Give some a static value."
        )
    return tuple(found)


def combinations(ranges: Iterable[Range]) -> float:
    """How many different sets of values there are; infinite with a continuous range."""
    return math.prod(one.size for one in ranges)


def _categorical(given: Mapping[str, Any]) -> Categorical:
    values = tuple(given["Values"])
    if len(set(values)) < len(values):
        raise validation(
            f"The values of the categorical hyperparameter {given['Name']} must be unique."
        )
    return Categorical(given["Name"], values)


def _numeric(given: Mapping[str, Any], *, integer: bool) -> Numeric:
    name = given["Name"]
    low, high = (_bound(name, given[key], integer) for key in ("MinValue", "MaxValue"))
    if low >= high:
        raise validation(
            f"The MinValue {given['MinValue']} of the hyperparameter {name} must be less than "
            f"its MaxValue {given['MaxValue']}."
        )
    return Numeric(name, low, high, _scale(name, given, low, high, integer), integer)


def _bound(name: str, text: str, integer: bool) -> float:
    value = _number(text)
    if value is None or (integer and value != round(value)):
        kind = "an integer" if integer else "a number"
        raise validation(f"The bound {text!r} of the hyperparameter {name} must be {kind}.")
    return int(text) if integer and text.lstrip("+-").isdigit() else value


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _scale(name: str, given: Mapping[str, Any], low: float, high: float, integer: bool) -> Scale:
    wanted = given.get("ScalingType", "Auto")
    if wanted == "Auto":
        wide = low > 0 and high / low >= _DECADES_OF_AUTO
        return Scale.LOGARITHMIC if wide else Scale.LINEAR
    scale = Scale(wanted)
    if scale is Scale.LOGARITHMIC and low <= 0:
        raise validation(
            f"Logarithmic scaling works only for ranges that have only values greater than 0, "
            f"and the hyperparameter {name} begins at {given['MinValue']}."
        )
    if scale is Scale.REVERSE and integer:
        raise validation(
            f"Reverse logarithmic scaling is not supported for integer ranges such as {name}."
        )
    if scale is Scale.REVERSE and not (low >= 0 and high < 1):
        raise validation(
            f"Reverse logarithmic scaling works only for ranges that are entirely within the "
            f"range 0<=x<1.0, and the hyperparameter {name} is not."
        )
    return scale
