"""How a training is profiled: from hyperparameters and `profilerconfig.json`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imageclf.config import Hyperparameters
from imageclf.contract import Tree
from imageclf.profiler.rules import asked
from imageclf.rules.configuration import RuleConfiguration

FILE = "profilerconfig"


@dataclass(frozen=True)
class Window:
    """The training steps that are looked into closely: `steps` of them from `first_step` on."""

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


def read(tree: Tree, given: Hyperparameters) -> ProfileSettings:
    """The settings of the job in `tree`.

    Raises:
        SettingsError: a rule or parameter is unknown, or the file is malformed.
    """
    return of(given, tree.read_config(FILE))


def of(given: Hyperparameters, configured: Mapping[str, Any]) -> ProfileSettings:
    """The settings from hyperparameters and the content of the file; errors as in `read`."""
    if given.profile == "off" and not configured:
        return ProfileSettings()
    return ProfileSettings(
        on=True,
        interval_ms=given.profile_interval,
        rules=asked.parse(given.profile_rules),
        window=Window() if given.profile == "kernels" else None,
    )
