"""Judges a profile while it is being written: `python -m imageclf.profiler.live`.

Started beside the training; `imageclf.rules.live` says what it does.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from imageclf.profiler import names
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
    pages: bool = True,
) -> Watch[Stretch]:
    """A watch of a profile, which ends with the profiler report; arguments as in `Watch`.

    Args:
        pages: whether the page is made, rather than the files of the rules alone.
    """

    return Watch(
        profile,
        rules,
        output,
        PROFILER,
        report=lambda states: report(profile, rules, states, output, pages=pages),
        stop_file=stop_file,
        tell=tell,
        refresh=refresh,
    )


def report(
    profile: Profile,
    rules: Sequence[tuple[RuleConfiguration, ProfilerRule]],
    states: Sequence[RuleState],
    output: Path,
    *,
    pages: bool = True,
) -> Path:
    """Make the profiler report in `output`, or, without `pages`, the files of the rules alone.

    Raises:
        ReportError: it cannot be written.
    """
    from imageclf.profiler.report import alone, page  # noqa: PLC0415  (only at the end)

    judged = list(zip((rule for _, rule in rules), states, strict=True))
    if pages:
        return page.write_profiler_report(profile, judged, output)
    return alone.write_rules(judged, output / names.REPORTS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Watch as told by the training that started this process."""
    return watch_as_told("imageclf.profiler.live", _as_told, arguments)


def _as_told(options: argparse.Namespace) -> Watch[Stretch]:
    rules = [(each, catalogue.make(each)) for each in asked.from_file(options.rules)]
    return watch(Profile(options.watched), rules, options.output, stop_file=options.stop_file)


if __name__ == "__main__":
    sys.exit(main())
