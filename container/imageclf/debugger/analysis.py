"""`imageclf analyze`: judges saved tensors by rules, afterwards or while they are being saved."""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imageclf.debugger import live, names
from imageclf.debugger.rules import asked, catalogue, foreign
from imageclf.debugger.saved import SavedStep
from imageclf.debugger.tensors import bucket, places
from imageclf.debugger.tensors.run import Run
from imageclf.errors import SettingsError, TensorsError
from imageclf.rules import status
from imageclf.rules.base import Rule
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import Engine, RuleState
from imageclf.rules.finding import Status
from imageclf.rules.live import End

FOUND_ISSUES = 1
"""Exit code with `--fail-on-findings` when a rule found something."""

Rules = Sequence[tuple[RuleConfiguration, Rule[SavedStep]]]


@dataclass(frozen=True)
class Source:
    """Where tensors are read: a folder, and what brings them there when they lie elsewhere."""

    folder: Path
    remote: bucket.Bucket | None = None

    def refresh(self) -> None:
        if self.remote is not None:
            self.remote.refresh()


def run(options: argparse.Namespace) -> int:
    """Judge as the command line says, and print a table; returns the exit code.

    Raises:
        SettingsError: the rules are not as they should be.
        TensorsError: there are no tensors, or the results cannot be written.
    """
    if options.live and options.output is None:
        raise SettingsError("--live keeps what it finds in files; name their folder by --output.")
    makers = {name: maker for text in options.module for name, maker in foreign.load(text).items()}
    configurations = _asked(options, makers)
    with _source(options.tensors, options.live) as source:
        rules = [(each, _made(each, makers, source.folder)) for each in configurations]
        judge = _follow if options.live else _judge
        states = judge(rules, source, options)
    sys.stdout.write(table(states))
    found = any(state.status is Status.ISSUES for state in states)
    return FOUND_ISSUES if found and options.fail_on_findings else 0


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


def table(states: Iterable[RuleState]) -> str:
    """A line for each rule: its name, its status, what it found first."""
    rows = [(each.configuration.name, each.status.value, each.details) for each in states]
    head = ("rule", "status", "first finding")
    widths = [max(len(row[column]) for row in (head, *rows)) for column in (0, 1)]
    lines = [
        f"{name:<{widths[0]}}  {state:<{widths[1]}}  {said}".rstrip()
        for name, state, said in (head, *rows)
    ]
    return "\n".join(lines) + "\n"


def _asked(
    options: argparse.Namespace, makers: Mapping[str, foreign.Maker]
) -> tuple[RuleConfiguration, ...]:
    """What the options ask for; a user's rule that they do not name comes as it is."""
    configurations: tuple[RuleConfiguration, ...] = ()
    if options.rules_file is not None:
        configurations += asked.from_file(options.rules_file, makers)
    if options.rules is not None:
        configurations += asked.parse(options.rules, makers)
    named = {each.rule for each in configurations}
    configurations += tuple(RuleConfiguration(name, name) for name in makers if name not in named)
    return configurations or asked.parse(asked.STANDARD)


def _made(
    configuration: RuleConfiguration, makers: Mapping[str, foreign.Maker], folder: Path
) -> Rule[SavedStep]:
    maker = makers.get(configuration.rule)
    return catalogue.make(configuration) if maker is None else maker(configuration, folder)


@contextmanager
def _source(given: str, is_live: bool) -> Iterator[Source]:
    if given.startswith(bucket.SCHEME):
        with tempfile.TemporaryDirectory(prefix="imageclf-tensors-") as folder:
            source = Source(Path(folder), bucket.Bucket(given, Path(folder)))
            yield source if is_live else _fetched(source, given)
        return
    found = places.find(Path(given))
    if found is None and not is_live:
        raise TensorsError(
            f"{given} holds no saved tensors; name the folder that a debugger's hook wrote, or the "
            "run that it lies in."
        )
    yield Source(found or Path(given))


def _fetched(source: Source, given: str) -> Source:
    source.refresh()
    if source.remote is not None and not source.remote.is_there:
        raise TensorsError(f"{given} holds no saved tensors; name the prefix that they lie under.")
    return source


def _judge(rules: Rules, source: Source, options: argparse.Namespace) -> list[RuleState]:
    saved = Run(source.folder)
    saved.refresh()
    engine = Engine(rules)
    engine.look(saved.steps())
    engine.finish()
    for sentence in saved.notes:
        sys.stderr.write(f"{sentence}\n")
    if saved.left_out > 1:
        sys.stderr.write(f"Altogether {saved.left_out} tensors or steps could not be read.\n")
    if options.output is not None:
        _keep(saved, engine.states, options.output)
    return engine.states


def _keep(saved: Run, states: Sequence[RuleState], output: Path) -> None:
    from imageclf.debugger.report import write_debug_report  # noqa: PLC0415  (draws; takes a while)

    files = status.StatusFiles(output)
    for finding in (finding for state in states for finding in state.findings):
        files.add(finding)
    files.write(states)
    if files.failure:
        raise TensorsError(files.failure)
    write_debug_report(saved, states, output / names.REPORT)


def _follow(rules: Rules, source: Source, options: argparse.Namespace) -> list[RuleState]:
    end = End()
    end.catch()
    watch = live.watch(
        Run(source.folder),
        rules,
        options.output,
        stop_file=options.stop_file,
        refresh=source.refresh,
    )
    watch.follow(end)
    return watch.engine.states
