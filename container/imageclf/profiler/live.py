"""Judges a profile while it is being written: `python -m imageclf.profiler.live`.

Started beside the training; `imageclf.rules.live` says what it does.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from imageclf.profiler.recorded import Stretch
from imageclf.profiler.rules import asked, catalogue
from imageclf.profiler.rules.base import ProfilerRule
from imageclf.profiler.run import Profile
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import RuleState
from imageclf.rules.files import PROFILER
from imageclf.rules.live import Told, Watch, say, watch_as_told
from imageclf.rules.watching import Program

PROGRAM = Program.of_module("imageclf.profiler.live", PROFILER)


def watch(
    profile: Profile,
    rules: Sequence[tuple[RuleConfiguration, ProfilerRule]],
    output: Path,
    *,
    stop_file: Path | None = None,
    tell: Told = say,
    refresh: Callable[[], None] = lambda: None,
) -> Watch[Stretch]:
    """A watch of a profile, which ends with the profiler report; arguments as in `Watch`."""

    def report(states: Sequence[RuleState]) -> Path:
        from imageclf.profiler.report import page  # noqa: PLC0415  (only at the end)

        return page.write_profiler_report(
            profile, list(zip((rule for _, rule in rules), states, strict=True)), output
        )

    return Watch(
        profile,
        rules,
        output,
        PROFILER,
        report=report,
        stop_file=stop_file,
        tell=tell,
        refresh=refresh,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Watch as told by the training that started this process."""
    return watch_as_told("imageclf.profiler.live", _as_told, arguments)


def _as_told(options: argparse.Namespace) -> Watch[Stretch]:
    rules = [(each, catalogue.make(each)) for each in asked.from_file(options.rules)]
    return watch(Profile(options.watched), rules, options.output, stop_file=options.stop_file)


if __name__ == "__main__":
    sys.exit(main())
