"""Judges saved tensors by rules, afterwards or while they are being saved."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from imageclf.debugger import live, names
from imageclf.debugger.rules import catalogue, foreign
from imageclf.debugger.saved import SavedStep
from imageclf.debugger.tensors import bucket, places
from imageclf.debugger.tensors.run import Run
from imageclf.errors import TensorsError
from imageclf.rules import status
from imageclf.rules.base import Rule
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import Engine, RuleState
from imageclf.rules.live import Watch
from imageclf.rules.source import Kind, Source

KIND = Kind(places.find, bucket.KEPT)

Rules = Sequence[tuple[RuleConfiguration, Rule[SavedStep]]]


def evaluate(run: Run, configurations: Iterable[RuleConfiguration]) -> list[RuleState]:
    """What the rules say of a run that has ended, or of all of it so far.

    Raises:
        SettingsError: there is no such rule, or no such parameter.
    """
    engine = Engine([(each, catalogue.make(each)) for each in configurations])
    run.refresh()
    engine.look(run.steps())
    engine.finish()
    return engine.states


def made(
    configurations: Iterable[RuleConfiguration], makers: Mapping[str, foreign.Maker], folder: Path
) -> Rules:
    """The rules that are asked for, those of `makers` too, for the tensors in `folder`.

    Raises:
        SettingsError: there is no such rule, or no such parameter.
    """
    return [
        (each, makers[each.rule](each, folder) if each.rule in makers else catalogue.make(each))
        for each in configurations
    ]


def judge(
    source: Source, rules: Rules, output: Path | None, *, pages: bool = True
) -> list[RuleState]:
    """What `rules` say of saved tensors; the results are kept in `output`, where that is given.

    Args:
        pages: whether the debug report is made too.

    Raises:
        TensorsError: the results cannot be written.
    """
    saved = Run(source.folder)
    saved.refresh()
    engine = Engine(rules)
    engine.look(saved.steps())
    engine.finish()
    for sentence in saved.notes:
        sys.stderr.write(f"{sentence}\n")
    if saved.left_out > 1:
        sys.stderr.write(f"Altogether {saved.left_out} tensors or steps could not be read.\n")
    if output is not None:
        _keep(engine.states, output)
        if pages:
            from imageclf.debugger.report import write_debug_report  # noqa: PLC0415  (draws)

            write_debug_report(saved, engine.states, output / names.REPORT)
    return engine.states


def watch(
    source: Source, rules: Rules, output: Path, stop_file: Path | None, *, pages: bool = True
) -> Watch[SavedStep]:
    """What judges tensors while they are being saved."""
    run, refresh = Run(source.folder), source.refresh
    return live.watch(run, rules, output, stop_file=stop_file, refresh=refresh, pages=pages)


def _keep(states: Sequence[RuleState], output: Path) -> None:
    files = status.StatusFiles(output)
    for finding in (finding for state in states for finding in state.findings):
        files.add(finding)
    files.write(states)
    if files.failure:
        raise TensorsError(files.failure)
