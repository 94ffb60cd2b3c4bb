"""How a training is profiled: from hyperparameters and `profilerconfig.json`.

The platform's file asks for a profile when it is not disabled and says more than where the files
go: an interval, or parameters. SDK v2 sends a configuration without either with every job. What a
hyperparameter says explicitly counts more than the file. Nothing here needs torch, so that a fault
is told before it is loaded.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imageclf.config import Hyperparameters, shortened
from imageclf.contract import Tree
from imageclf.errors import SettingsError
from imageclf.profiler.rules import asked
from imageclf.rules.actions import plan
from imageclf.rules.configuration import RuleConfiguration

FILE = "profilerconfig"

_DETAILED = "DetailedProfilingConfig"
_START_STEP, _NUM_STEPS = 5, 1
"""The platform's defaults for a window of which only one end is given."""

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class Window:
    """The training steps that are looked into closely: `steps` of them from `first_step` on.

    Steps count from 0 in each run; the defaults lie behind what is slower at the beginning. Where
    the epoch ends before the window would, it is looked into the next one.
    """

    first_step: int = 12
    steps: int = 6


@dataclass(frozen=True)
class ProfileSettings:
    """Off unless somebody asks.

    Args:
        interval_ms: from one look at the machine to the next.
        folder: where to, as the platform names it; None for the usual place.
        window: None for no kernels.
    """

    on: bool = False
    interval_ms: int = 500
    rules: tuple[RuleConfiguration, ...] = ()
    folder: str | None = None
    window: Window | None = None


class _Parameters(BaseModel):
    """ProfilingParameters; their values are texts, and others than these are left alone."""

    model_config = ConfigDict(extra="ignore")

    LocalPath: str | None = None
    DetailedProfilingConfig: str | dict[str, Any] | None = None


class _Given(BaseModel):
    model_config = ConfigDict(extra="ignore")

    DisableProfiler: bool | None = None
    LocalPath: str | None = None
    ProfilingIntervalInMilliseconds: int | None = Field(None, ge=100, le=60_000)
    ProfilingParameters: dict[str, Any] | None = None

    @property
    def asks(self) -> bool:
        """Whether somebody wants a profile, rather than an SDK having sent its default."""
        wanted = self.ProfilingIntervalInMilliseconds or self.ProfilingParameters
        return bool(wanted) and not self.DisableProfiler


class _Steps(BaseModel):
    model_config = ConfigDict(extra="ignore")

    StartStep: int | None = Field(None, ge=0)
    NumSteps: int | None = Field(None, ge=1, le=1000)


def read(tree: Tree, given: Hyperparameters) -> ProfileSettings:
    """The settings of the job in `tree`.

    Raises:
        SettingsError: a rule or parameter is unknown, or the file is malformed.
    """
    return of(given, tree.read_config(FILE))


def of(given: Hyperparameters, configured: Mapping[str, Any]) -> ProfileSettings:
    """The settings from hyperparameters and the content of the file; errors as in `read`."""
    said = _validated(_Given, configured, f"{FILE}.json")
    parameters = _validated(
        _Parameters, said.ProfilingParameters or {}, f"{FILE}.json: ProfilingParameters"
    )
    window, rules = _window(parameters), _rules(given)
    explicit = "profile" in given.model_fields_set
    if not (given.profile != "off" or (said.asks and not explicit)):
        return ProfileSettings()
    in_file = None if "profile_interval" in given.model_fields_set else said
    interval_ms = in_file.ProfilingIntervalInMilliseconds if in_file and said.asks else None
    return ProfileSettings(
        on=True,
        interval_ms=interval_ms or given.profile_interval,
        rules=rules,
        folder=parameters.LocalPath or said.LocalPath,
        window=(window if said.asks else None)
        or (Window() if given.profile == "kernels" else None),
    )


def _rules(given: Hyperparameters) -> tuple[RuleConfiguration, ...]:
    try:
        rules = asked.parse(given.profile_rules)
    except SettingsError as error:
        raise SettingsError(f"Hyperparameter profile-rules: {error}") from error
    try:
        plan.parse(given.profile_actions)
    except SettingsError as error:
        raise SettingsError(f"Hyperparameter profile-actions: {error}") from error
    actions = given.profile_actions
    return tuple(rule if rule.actions else replace(rule, actions=actions) for rule in rules)


def _window(parameters: _Parameters) -> Window | None:
    """The steps that the file asks to look into; a range of time becomes the usual window."""
    given = parameters.DetailedProfilingConfig
    if not given:
        return None
    where = f"{FILE}.json: {_DETAILED}"
    content = _parsed(given, where) if isinstance(given, str) else given
    steps = _validated(_Steps, content, where)
    if not content:
        return None
    if steps.StartStep is None and steps.NumSteps is None:
        return Window()
    first = _START_STEP if steps.StartStep is None else steps.StartStep
    return Window(first, steps.NumSteps or _NUM_STEPS)


def _parsed(text: str, where: str) -> Mapping[str, Any]:
    """A JSON object; SDK v2 writes a comma behind its last member."""
    try:
        content = json.loads(re.sub(r",\s*}\s*$", "}", text))
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{where} is not valid JSON ({error}); correct the text.") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{where} must hold a JSON object, not {type(content).__name__}.")
    return content


def _validated(model: type[_Model], content: Mapping[str, Any], where: str) -> _Model:
    try:
        return model.model_validate(dict(content))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        reason = first["msg"][0].lower() + first["msg"][1:]
        raise SettingsError(
            f"{where}: {place} is {shortened(first['input'])}: {reason}."
        ) from error
