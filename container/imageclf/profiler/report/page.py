"""Puts the profiler report together: `profiler-report.html`, and a JSON file for each rule."""

from collections.abc import Sequence
from pathlib import Path

from imageclf.profiler import names
from imageclf.profiler.rules.base import ProfilerRule
from imageclf.profiler.run import Profile
from imageclf.rules.engine import RuleState

Judged = Sequence[tuple[ProfilerRule, RuleState]]
"""Each rule with how its evaluation stands."""


def write_profiler_report(profile: Profile, judged: Judged, output: Path) -> Path:
    """Write the page on `profile`, and `profiler-reports/*.json`, into `output`; returns the page.

    Raises:
        ReportError: the page cannot be written.
    """
    raise NotImplementedError(profile, judged, output / names.REPORT)
