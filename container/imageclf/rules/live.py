"""Judges a run while it goes on, beside the training, in a process of its own.

It looks now and then what is new, lets the rules judge it, keeps statuses and findings as files,
does what is to be done about a finding, and makes the report at the end. It ends when the run has
said that it ended, when it is told to (SIGTERM), or when the training has died; then what is there
is judged still. It reads files and writes others, so it cannot harm the training.
"""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Generic, Protocol, TypeVar

from imageclf.errors import ImageclfError, ProfileError, TensorsError
from imageclf.rules import status
from imageclf.rules.actions.plan import Action, Event, parse
from imageclf.rules.base import Rule, SeenT
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import Engine, RuleState
from imageclf.rules.files import Files
from imageclf.rules.finding import Finding, Status

SHORTEST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 2.0

_GLANCE_S = 0.25
"""So often it is looked whether the run has ended, which costs next to nothing."""

_NICENESS = 19

Told = Callable[[str], None]

GivenT_co = TypeVar("GivenT_co", covariant=True)

log = logging.getLogger(__name__)


class Watched(Protocol[GivenT_co]):
    """A run that may still go on."""

    @property
    def ended(self) -> bool:
        """It has said that nothing more will come, and all is known."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """Sentences on what is odd about it."""
        ...

    def refresh(self) -> None:
        """See what has come since the last time."""
        ...

    def fresh(self, everything: bool = False) -> Sequence[GivenT_co]:
        """What was not given out yet, in order; `everything`: also what is not complete."""
        ...

    def has_said_end(self) -> bool:
        """Whether it has said that nothing more will come; costs next to nothing."""
        ...


@dataclass
class End:
    """Why to leave off: what SIGTERM and SIGINT set, and whether the training is still there."""

    asked: bool = False
    parent: int | None = None

    def catch(self) -> None:
        """Take SIGTERM and SIGINT as the wish to end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    @property
    def has_come(self) -> bool:
        orphaned = self.parent is not None and os.getppid() != self.parent
        return self.asked or orphaned

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


class Watch(Generic[SeenT]):
    """Evaluates `rules` on `run` and keeps the results in `output`.

    Args:
        files: names of the results.
        report: makes the page, at the end, of how the rules stand.
        stop_file: where the action `stop` asks the training to end; None when it cannot be asked.
        tell: takes a line when a rule's status changes or something is wrong.
        refresh: called before each look, for a run that must be fetched.
    """

    def __init__(
        self,
        run: Watched[SeenT],
        rules: Sequence[tuple[RuleConfiguration, Rule[SeenT]]],
        output: Path,
        files: Files,
        *,
        report: Callable[[Sequence[RuleState]], object],
        stop_file: Path | None = None,
        tell: Told = log.info,
        refresh: Callable[[], None] = lambda: None,
    ) -> None:
        self.engine = Engine(rules, self._on_finding, self._on_status)
        self._run = run
        self._stop_file = stop_file
        self._report, self._tell, self._refresh = report, tell, refresh
        self._actions = {each.name: parse(each.actions) for each, _ in rules}
        self._files = status.StatusFiles(output, files)
        self._told: set[str] = set()
        self._files.write(self.engine.states)

    def follow(self, end: End) -> None:
        """Look again and again until the run has ended or `end` has come, then conclude."""
        pause_s = SHORTEST_PAUSE_S
        while not self._run.ended and not end.has_come:
            pause_s = SHORTEST_PAUSE_S if self.look() else min(pause_s * 2, LONGEST_PAUSE_S)
            self._pause(pause_s, end)
        self.look(last=True)
        self.conclude()

    def look(self, last: bool = False) -> bool:
        """Judge what has come since the last time; False when nothing has.

        The `last` look takes also what is not complete.
        """
        self._fetch()
        pieces = self._run.fresh(everything=last)
        self.engine.look(pieces)
        if not pieces and not self._run.ended:
            self.engine.wait(time.time())
        self._save()
        return bool(pieces)

    def conclude(self) -> None:
        """Give the last statuses and make the report.

        Of a run that has not ended, the rules that found nothing are Stopped.
        """
        if self._run.ended:
            self.engine.finish()
        else:
            self.engine.stop()
        self._save()
        try:
            self._report(self.engine.states)
        except (ImageclfError, OSError) as error:
            self._tell(f"The report of the rules was not made: {error}")

    def _fetch(self) -> None:
        try:
            self._refresh()
        except (TensorsError, ProfileError) as error:
            self._tell_once(str(error))
        self._run.refresh()

    def _pause(self, pause_s: float, end: End) -> None:
        until = time.monotonic() + pause_s
        while time.monotonic() < until and not end.has_come and not self._run.has_said_end():
            time.sleep(_GLANCE_S)

    def _save(self) -> None:
        self._files.write(self.engine.states)
        for sentence in (self._files.failure, *self._run.notes):
            self._tell_once(sentence)

    def _tell_once(self, sentence: str) -> None:
        if sentence and sentence not in self._told:
            self._told.add(sentence)
            self._tell(sentence)

    def _on_finding(self, _state: RuleState, finding: Finding) -> None:
        self._files.add(finding)

    def _on_status(self, state: RuleState) -> None:
        name = state.configuration.name
        line = f"rule {name}: {state.status.value}"
        self._tell(f"{line}: {state.details}" if state.details else line)
        if state.status is Status.ISSUES:
            self._save()
            self._act(name, self._actions[name], state.findings[0])

    def _act(self, name: str, actions: Sequence[Action], finding: Finding) -> None:
        statuses: list[Mapping[str, str]] = [status.as_json(each) for each in self.engine.states]
        for action in actions:
            event = Event(name, finding, statuses, self._stop_file)
            self._tell(f"rule {name}: {action.fire(event)}")


MakeWatch = Callable[[argparse.Namespace], Watch[SeenT]]
"""Makes a watch of the options `watched`, `output`, `stop_file` and `rules`, all paths."""


def watch_as_told(module: str, make: MakeWatch[SeenT], arguments: Sequence[str] | None) -> int:
    """The program of a live process: follow a run as the training says; returns the exit code."""
    parser = argparse.ArgumentParser(prog=module)
    parser.add_argument("--watched", type=Path, required=True, help="folder that training writes")
    parser.add_argument("--output", type=Path, required=True, help="folder of statuses and report")
    parser.add_argument("--stop-file", type=Path, help="file that asks the training to end")
    parser.add_argument("--rules", type=Path, required=True, help="JSON file of rules")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="the training's process")
    options = parser.parse_args(arguments)
    end = End(parent=options.parent)
    end.catch()
    be_nice()
    logging.basicConfig(format="%(message)s")
    try:
        watch = make(options)
    except ImageclfError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    watch.follow(end)
    return 0


def be_nice() -> None:
    """Take only what processor time nobody else wants."""
    os.nice(max(0, _NICENESS - os.nice(0)))


def say(line: str) -> None:
    """Write one line to the log; a reader that has gone away is no reason to end."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError:
        return
