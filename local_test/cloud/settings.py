"""How the local cloud is set up: the environment variables `LOCAL_CLOUD_*`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imageclf.contract import STOP_GRACE_S
from imageclf.errors import SettingsError
from imageclf.machine import cores
from local_test.jobs import RUNNERS

HOST = "127.0.0.1"
ACCOUNT = "123456789012"
"""The account that everything belongs to; the one of AWS's own examples."""

PREFIX = "LOCAL_CLOUD_"
DEFAULT_ROOT = Path(__file__).parents[1] / "run" / "cloud"


@dataclass(frozen=True)
class CloudSettings:
    """One local cloud.

    Attributes:
        root: all that it keeps lies below.
        port: of the one address that all clients speak to.
        slots: instances of jobs that run at once; more wait.
        runner: `docker`, `process`, or `auto` for Docker where there is an engine with the image.
        image: name of the image that stands for ours wherever a request names one like it.
        stop_grace_s: seconds between SIGTERM and SIGKILL when a job is stopped or reclaimed.
        spot: when spot jobs are interrupted: empty for never, `after=20` for once, 20 s after
            the training began, `rate=2` for twice an hour on average.
    """

    root: Path = DEFAULT_ROOT
    port: int = 4577
    slots: int = 1
    runner: str = "auto"
    image: str = "imageclf:latest"
    region: str = "us-east-1"
    stop_grace_s: float = STOP_GRACE_S
    spot: str = ""

    @property
    def address(self) -> str:
        """What AWS_ENDPOINT_URL is set to."""
        return f"http://{HOST}:{self.port}"

    def environment(self) -> dict[str, str]:
        """These settings for a process that `from_environment` reads them in."""
        return {f"{PREFIX}{name.upper()}": str(value) for name, value in vars(self).items()}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "CloudSettings":
        """The settings in `environment`.

        Raises:
            SettingsError: one is out of bounds or not known.
        """
        given = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in environment.items()
            if name.startswith(PREFIX) and value
        }
        if unknown := given.keys() - cls.__dataclass_fields__.keys():
            names = ", ".join(PREFIX + name.upper() for name in cls.__dataclass_fields__)
            raise SettingsError(
                f"{PREFIX}{min(unknown).upper()} is not a setting; choose from {names}."
            )
        default = cls()
        runner = given.get("runner", default.runner)
        if runner not in RUNNERS:
            raise SettingsError(f"{PREFIX}RUNNER is {runner!r}; choose {', '.join(RUNNERS)}.")
        return cls(
            root=Path(given.get("root", default.root)).resolve(),
            port=int(_number(given, "port", default.port, 0, 65_535)),
            slots=int(_number(given, "slots", max(2, cores()), 1, 1_000)),
            runner=runner,
            image=given.get("image", default.image),
            region=given.get("region", default.region),
            stop_grace_s=_number(given, "stop_grace_s", default.stop_grace_s, 0, 3_600),
            spot=given.get("spot", default.spot),
        )


def _number(
    given: Mapping[str, str], name: str, default: float, least: float, most: float
) -> float:
    text = given.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise SettingsError(
            f"{PREFIX}{name.upper()} is {text!r}; give a number from {least:g} to {most:g}."
        )
    return value
