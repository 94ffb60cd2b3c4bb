"""Judges saved tensors while they are being saved: `python -m imageclf.debugger.live`.

Started beside the training; `imageclf.rules.live` says what it does.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from imageclf.debugger.rules import asked, catalogue
from imageclf.debugger.saved import SavedStep
from imageclf.debugger.tensors.run import Run
from imageclf.rules.base import Rule
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import RuleState
from imageclf.rules.files import DEBUGGER
from imageclf.rules.live import Told, Watch, say, watch_as_told
from imageclf.rules.watching import Program

PROGRAM = Program.of_module("imageclf.debugger.live", DEBUGGER)


def watch(
    run: Run,
    rules: Sequence[tuple[RuleConfiguration, Rule[SavedStep]]],
    output: Path,
    *,
    stop_file: Path | None = None,
    tell: Told = say,
    refresh: Callable[[], None] = lambda: None,
    pages: bool = True,
) -> Watch[SavedStep]:
    """A watch of saved tensors, which ends with the debug report; arguments as in `Watch`.

    Args:
        pages: whether the report is made.
    """

    def report(states: Sequence[RuleState]) -> Path | None:
        if not pages:
            return None
        from imageclf.debugger.report import write_debug_report  # noqa: PLC0415  (only at the end)

        return write_debug_report(run, states, output / DEBUGGER.report)

    return Watch(
        run,
        rules,
        output,
        DEBUGGER,
        report=report,
        stop_file=stop_file,
        tell=tell,
        refresh=refresh,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Watch as told by the training that started this process."""
    return watch_as_told("imageclf.debugger.live", _as_told, arguments)


def _as_told(options: argparse.Namespace) -> Watch[SavedStep]:
    rules = [(each, catalogue.make(each)) for each in asked.from_file(options.rules)]
    return watch(Run(options.watched), rules, options.output, stop_file=options.stop_file)


if __name__ == "__main__":
    sys.exit(main())
