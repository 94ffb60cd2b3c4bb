"""`imageclf analyze`: judges what a run left, its saved tensors and its profile."""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from imageclf.debugger import analysis as tensors
from imageclf.debugger.rules import asked as debugging
from imageclf.debugger.rules import catalogue as debugger
from imageclf.debugger.rules import foreign
from imageclf.errors import ProfileError, SettingsError, TensorsError
from imageclf.profiler import analysis as profiles
from imageclf.profiler import live
from imageclf.profiler.rules import asked as profiling
from imageclf.profiler.rules import catalogue as profiler
from imageclf.rules.asked import STANDARD, Asking
from imageclf.rules.catalogue import Catalogue
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import RuleState
from imageclf.rules.finding import Status
from imageclf.rules.live import End, Watch
from imageclf.rules.source import Source, locate

FOUND_ISSUES = 1
"""Exit code with `--fail-on-findings` when a rule found something."""

_DEBUGGER_STANDARD = debugging.parse(STANDARD)
_PROFILER_STANDARD = profiling.parse(STANDARD)

_ASKING = Asking(
    Catalogue[Any]([*debugger.RULES.values(), *profiler.RULES.values()]),
    (*_DEBUGGER_STANDARD, *_PROFILER_STANDARD),
)


@dataclass(frozen=True)
class _Asked:
    """What is asked for, parted by what it looks at; `named` is False for the standard rules."""

    of_tensors: Sequence[RuleConfiguration]
    of_profiles: Sequence[RuleConfiguration]
    named: bool


def run(options: argparse.Namespace) -> int:
    """Judge as the command line says, and print a table; returns the exit code.

    Raises:
        SettingsError: the rules are not as they should be.
        TensorsError, ProfileError: there is nothing to judge, or the results cannot be written.
        ReportError: the report cannot be written.
    """
    if options.live and options.output is None:
        raise SettingsError("--live keeps what it finds in files; name their folder by --output.")
    makers = {name: maker for text in options.module for name, maker in foreign.load(text).items()}
    asked = _asked(options, makers)
    with ExitStack() as stack:
        states = (_follow if options.live else _judge)(asked, makers, options, stack)
    sys.stdout.write(table(states))
    found = any(state.status is Status.ISSUES for state in states)
    return FOUND_ISSUES if found and options.fail_on_findings else 0


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


def _asked(options: argparse.Namespace, makers: Mapping[str, foreign.Maker]) -> _Asked:
    """What the options ask for; a user's rule that they do not name comes as it is."""
    configurations: tuple[RuleConfiguration, ...] = ()
    if options.rules_file is not None:
        configurations += _ASKING.from_file(options.rules_file, makers)
    if options.rules is not None:
        configurations += _ASKING.parse(options.rules, makers)
    named = {each.rule for each in configurations}
    configurations += tuple(RuleConfiguration(name, name) for name in makers if name not in named)
    standard = not configurations or options.rules == STANDARD
    chosen = configurations or _ASKING.standard
    of_profiles = [each for each in chosen if each.rule in profiler.RULES]
    return _Asked([each for each in chosen if each not in of_profiles], of_profiles, not standard)


def _judge(
    asked: _Asked,
    makers: Mapping[str, foreign.Maker],
    options: argparse.Namespace,
    stack: ExitStack,
) -> list[RuleState]:
    given, pages = options.saved, not options.no_pages
    saved = locate(given, tensors.KIND, stack) if asked.of_tensors else None
    profile = locate(given, profiles.KIND, stack) if asked.of_profiles else None
    _check(asked, saved, profile, given)
    states = []
    if saved is not None and saved.is_there:
        rules = tensors.made(asked.of_tensors, makers, saved.folder)
        states += tensors.judge(saved, rules, options.output, pages=pages)
    if profile is not None and profile.is_there:
        opened = profiles.opened(profile, _facts(options), stack)
        made = profiles.made(asked.of_profiles)
        states += profiles.judge(opened, made, options.output, pages=pages)
    return states


def _check(asked: _Asked, saved: Source | None, profile: Source | None, given: str) -> None:
    """Whether there is what the rules that were named look at; one kind is enough for others."""
    no_tensors = saved is not None and not saved.is_there
    no_profile = profile is not None and not profile.is_there
    nothing = not any(each is not None and each.is_there for each in (saved, profile))
    if (nothing or asked.named) and no_tensors:
        also = " and no profile" if no_profile else ""
        raise TensorsError(
            f"{given} holds no saved tensors{also}; name the folder that a debugger's hook wrote, "
            "or the run that it lies in."
        )
    if (nothing or asked.named) and no_profile:
        raise ProfileError(
            f"{given} holds no profile; name the folder that a training with profile=on wrote, or "
            "the run that it lies in."
        )


def _follow(
    asked: _Asked,
    makers: Mapping[str, foreign.Maker],
    options: argparse.Namespace,
    stack: ExitStack,
) -> list[RuleState]:
    """Judge while the run goes on, what may not have begun yet; without a word, what is there."""
    watches: list[Watch[Any]] = []
    given, output, stop_file = options.saved, options.output, options.stop_file
    pages = not options.no_pages
    saved = locate(given, tensors.KIND, stack, wait=True)
    profile = locate(given, profiles.KIND, stack, wait=True)
    if asked.of_tensors and (asked.named or saved.is_there or not profile.is_there):
        rules = tensors.made(asked.of_tensors, makers, saved.folder)
        watches.append(tensors.watch(saved, rules, output, stop_file, pages=pages))
    if asked.of_profiles and (asked.named or profile.is_there):
        opened = profiles.opened(profile, _facts(options), stack)
        made = profiles.made(asked.of_profiles)
        told = {"stop_file": stop_file, "refresh": profile.refresh, "pages": pages}
        watches.append(live.watch(opened, made, output, **told))
    end = End()
    end.catch()
    with ThreadPoolExecutor(len(watches)) as pool:
        for done in [pool.submit(watch.follow, end) for watch in watches]:
            done.result()
    return [state for watch in watches for state in watch.engine.states]


def _facts(options: argparse.Namespace) -> dict[str, Any]:
    return {} if options.price is None else {"dollars_an_hour": options.price}
