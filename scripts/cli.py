"""What all launchers share at the command line: flags, settings, exit codes.

A flag whose `dest` is a path of the settings (`train.spot`) goes before the environment and the
file. An error becomes one sentence on stderr and an exit code; a traceback is a fault of ours.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from imageclf.errors import ImageclfError, LaunchError
from scripts import aws, place, settings
from scripts.aws import Aws
from scripts.place import Place
from scripts.sections import Settings
from scripts.state import State

INTERRUPTED = 130
_BROKEN_PIPE = 141  # 128 + SIGPIPE


@dataclass
class Call:
    """One call of a launcher: its flags, the settings that hold, and the account."""

    options: argparse.Namespace
    settings: Settings
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def dry(self) -> bool:
        """Whether nothing may be sent."""
        return bool(self.options.dry_run)

    @cached_property
    def aws(self) -> Aws:
        """The account; never to be used in a dry run."""
        if self.dry:
            raise AssertionError("A dry run asks AWS nothing.")
        return Aws(self.settings, self.environment)

    @cached_property
    def place(self) -> Place:
        """Where things are made; in a dry run, as far as it is known."""
        return place.assumed(self.settings, self.environment) if self.dry else self.aws.place

    @property
    def bucket(self) -> str:
        """The bucket alone, for what needs no role."""
        return self.place.bucket if self.dry else self.aws.bucket

    @cached_property
    def state(self) -> State:
        """What was made last in this place; a dry run knows it only for a local endpoint."""
        return State(self.settings.state, self._state_place)

    def charged(self, cost: str) -> str:
        """The words on a cost, which a local endpoint does not charge."""
        return f"nothing here; on AWS {cost}" if self.aws.is_local else cost

    @property
    def _state_place(self) -> str:
        if not self.dry:
            return self.aws.name
        local = self.environment.get("AWS_ENDPOINT_URL", "").partition("://")[2].rstrip("/")
        return f"local-{local}" if local else "dry-run"


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """A parser with the flags that every launcher has; `name` is that of the script."""
    made = argparse.ArgumentParser(prog=f"scripts/{name}.sh", description=description)
    made.add_argument("--settings", type=Path, metavar="FILE", help="instead of settings.toml")
    made.add_argument("--dry-run", action="store_true", help="print what would be sent, send none")
    setting(made, "--region", "region", "where it runs")
    setting(made, "--project", "project", "begins all names, and is the tag of all that is made")
    return made


def waiting(made: argparse.ArgumentParser) -> None:
    """Add --wait, the default, and --no-wait."""
    made.add_argument(
        "--wait",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="stay until it is done, with progress and logs",
    )


def setting(
    made: argparse.ArgumentParser,
    flag: str,
    path: str,
    told: str,
    *,
    yes_no: bool = False,
) -> None:
    """Add a flag for the setting at `path`, a switch (with its --no- form) if `yes_no`."""
    if yes_no:
        made.add_argument(flag, dest=path, action=argparse.BooleanOptionalAction, help=told)
    else:
        made.add_argument(flag, dest=path, metavar=path.rpartition(".")[2].upper(), help=told)


def run(
    made: argparse.ArgumentParser,
    work: Callable[[Call], int],
    arguments: Sequence[str] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> int:
    """Read flags and settings, do the work; the exit code."""
    options = made.parse_args(arguments)
    try:
        found = settings.load(_flags(options), environment, options.settings)
        return work(Call(options, found, environment))
    except ImageclfError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except aws.REFUSALS as error:
        print(f"error: {aws.explained(error)}", file=sys.stderr)
        return LaunchError.exit_code
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing may be flushed to it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE


def _flags(options: argparse.Namespace) -> dict[str, Any]:
    known = set(settings.leaves())
    return {path: value for path, value in vars(options).items() if path in known}
