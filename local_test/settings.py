"""What a local run is asked to do: flags, or the environment variables that `make` hands on."""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from imageclf.config import kebab
from imageclf.errors import SettingsError

_NO = {"", "0", "false", "no"}


@dataclass(frozen=True)
class Settings:
    """One call of `python -m local_test.train`."""

    data: str = ""
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    runner: str = "auto"
    image: str = "imageclf:latest"
    resume: bool = False


def read(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Flags go before the environment variables DATA, HP, RUNNER, IMAGE and RESUME.

    Raises:
        SettingsError: HP is not a list of name=value.
    """
    given = _parser(environment).parse_args(arguments)
    return Settings(
        data=given.data,
        hyperparameters=parse_pairs(given.hp),
        runner=given.runner,
        image=given.image,
        resume=given.resume,
    )


def is_yes(text: str) -> bool:
    """Whether an environment variable that stands for a flag says so: anything but 0, false, no."""
    return text.strip().lower() not in _NO


def parse_pairs(text: str) -> dict[str, str]:
    """`epochs=3 lr=0.001` as names (written with `-`) and values.

    Raises:
        SettingsError: a part is not name=value, or a name stands there twice.
    """
    try:
        parts = shlex.split(text)
    except ValueError as error:
        raise SettingsError(f"HP is {text!r}: {error}; close the quotation mark.") from error
    pairs: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not (name and equals):
            raise SettingsError(
                f'HP has {part!r}, which is not name=value; write HP="epochs=3 lr=0.001".'
            )
        if kebab(name) in pairs:
            raise SettingsError(f"HP gives {kebab(name)} twice; keep one of them.")
        pairs[kebab(name)] = value
    return pairs


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    default = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m local_test.train",
        description="Train on this machine under a mirror of /opt/ml, in Docker or as a process.",
    )
    parser.add_argument(
        "--data", default=environment.get("DATA", ""), help="a folder, `dogs`, or `digits`"
    )
    parser.add_argument(
        "--hp", default=environment.get("HP", ""), help='hyperparameters: "epochs=3 lr=0.001"'
    )
    parser.add_argument(
        "--runner", default=environment.get("RUNNER") or default.runner, help="auto|docker|process"
    )
    parser.add_argument(
        "--image", default=environment.get("IMAGE") or default.image, help="name of the image"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        default=is_yes(environment.get("RESUME", "")),
        help="go on with the latest run",
    )
    return parser
