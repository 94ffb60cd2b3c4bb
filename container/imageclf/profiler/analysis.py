"""Judges a profile by rules, afterwards or while it is being written, and makes its report."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from imageclf.errors import ProfileError
from imageclf.profiler import live, places
from imageclf.profiler.managed.translate import is_managed, translate
from imageclf.profiler.rules import catalogue
from imageclf.profiler.rules.base import ProfilerRule
from imageclf.profiler.run import Profile
from imageclf.rules import status
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import Engine, RuleState
from imageclf.rules.files import PROFILER
from imageclf.rules.source import Source

KIND = places.KIND

Rules = Sequence[tuple[RuleConfiguration, ProfilerRule]]


def made(configurations: Iterable[RuleConfiguration]) -> Rules:
    """The rules that are asked for.

    Raises:
        SettingsError: there is no such rule, or no such parameter.
    """
    return [(each, catalogue.make(each)) for each in configurations]


def opened(source: Source, facts: Mapping[str, Any], stack: ExitStack) -> Profile:
    """The profile at `source`, also one of the managed service.

    Args:
        facts: said of each process instead of what it wrote of itself.
        stack: removes, when it is left, what was made on the way.

    Raises:
        ProfileError: the disk is full.
    """
    folder = source.folder
    if is_managed(folder):
        anew = Path(stack.enter_context(TemporaryDirectory(prefix="imageclf-profile-")))
        try:
            translate(folder, anew)
        except OSError as error:
            raise ProfileError(
                f"{folder} cannot be read together in {anew} ({error.strerror}); set TMPDIR to a "
                "folder with more room."
            ) from error
        folder = anew
    return Profile(folder, facts=facts)


def judge(
    profile: Profile, rules: Rules, output: Path | None, *, pages: bool = True
) -> list[RuleState]:
    """What `rules` say of a profile; results and report go to `output`, where that is given.

    Args:
        pages: whether the page is made, rather than the files of the rules alone.

    Raises:
        ProfileError: the results cannot be written.
        ReportError: the report cannot be written.
    """
    profile.refresh()
    engine = Engine(rules)
    engine.look(profile.stretches())
    engine.finish()
    for sentence in profile.notes:
        sys.stderr.write(f"{sentence}\n")
    if output is not None:
        _keep(engine.states, output)
        live.report(profile, rules, engine.states, output, pages=pages)
    return engine.states


def _keep(states: Sequence[RuleState], output: Path) -> None:
    files = status.StatusFiles(output, PROFILER)
    for finding in (finding for state in states for finding in state.findings):
        files.add(finding)
    files.write(states)
    if files.failure:
        raise ProfileError(files.failure)
