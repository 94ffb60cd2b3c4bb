"""Puts the debug report together: what was looked at, how each rule stands, what was found.

The run's tensors are read only for the pictures of rules that found something. Of a run that is
damaged, or of which nothing was saved, the page says so.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imageclf.debugger.report.drawing import pictures_of
from imageclf.debugger.report.given import SavedRun, State
from imageclf.debugger.report.reading import Reader
from imageclf.debugger.report.sections import section
from imageclf.debugger.saved import Mode, SavedStep
from imageclf.errors import ReportError
from imageclf.report import figures, files, headline
from imageclf.report.page import render, write_page
from imageclf.rules.finding import Status

STATUS_WORDS = {
    Status.IN_PROGRESS: "in progress",
    Status.NO_ISSUES: "no issues found",
    Status.ISSUES: "issues found",
    Status.ERROR: "error",
    Status.STOPPED: "stopped",
}


def write_debug_report(run: SavedRun, states: Sequence[State], path: Path) -> Path:
    """Write the page on `run` and on how its rules stand to `path`; returns `path`.

    What the training left in the same folder gives the headline: `summary.json`, or of one that
    goes on `data.json`.

    Raises:
        ReportError: the page cannot be written.
    """
    write_page(path, render("debug.html", **_content(run, states, path.parent)))
    return path


def _content(run: SavedRun, states: Sequence[State], output_data: Path) -> dict[str, Any]:
    found = [(f"rule-{n}", one) for n, one in enumerate(states, start=1) if one.findings]
    steps = run.steps()
    reader = Reader(steps, {finding.step for _, one in found for finding in one.findings})
    trained = _trained(output_data)
    classes = files.read_classes(output_data)
    pictures = [pictures_of(reader, state, classes) for _, state in found]
    reader.read()
    drawn = zip(found, pictures, strict=True)
    sections = [section(state, anchor, later()) for (anchor, state), later in drawn]
    return {
        "title": headline.title(trained) if trained else _title(classes),
        "started": trained.summary.started if trained else "",
        "verdict": _verdict(states),
        "facts": _facts(states, steps),
        "rows": [_row(state, n) for n, state in enumerate(states, start=1)],
        "sections": sections,
        "healthy": [one.configuration.name for one in states if one.status is Status.NO_ISSUES],
        "gaps": [*_unjudged(states), *_gaps(run, reader)],
    }


def _trained(output_data: Path) -> files.Run | None:
    try:
        return files.read_run(output_data)
    except ReportError:
        return None


def _title(classes: Sequence[str]) -> str:
    return f"A training on {headline.of_classes(classes)}" if classes else "What the rules found"


def _verdict(states: Sequence[State]) -> str:
    if not states:
        return "No rule was evaluated."
    found = [state.configuration.name for state in states if state.findings]
    if found:
        of = f"{len(found)} of {len(states)} rules" if len(states) > 1 else "The rule"
        return f"{of} found something: {figures.listing(found)}."
    broken = sum(state.status is Status.ERROR for state in states)
    if broken:
        return f"Nothing was found, but {broken} of {len(states)} rules could not be evaluated."
    return f"None of {len(states)} rules found anything." if len(states) > 1 else "Nothing found."


def _facts(states: Sequence[State], steps: Sequence[SavedStep]) -> list[tuple[str, str]]:
    modes = Counter(step.mode for step in steps)
    first = {step.mode: step for step in reversed(steps)}
    tensors = {tensor.name for step in first.values() for tensor in step.tensors}
    return [
        ("rules evaluated", f"{len(states)}"),
        ("found something", f"{sum(bool(state.findings) for state in states)}"),
        ("training steps saved", f"{modes[Mode.TRAIN]:,}"),
        ("validations saved", f"{modes[Mode.EVAL]:,}"),
        ("tensors", f"{len(tensors):,}"),
    ]


def _row(state: State, order: int) -> dict[str, Any]:
    first = state.findings[0] if state.findings else None
    return {
        "name": state.configuration.name,
        "anchor": f"rule-{order}" if first else "",
        "status": state.status.value,
        "words": STATUS_WORDS[state.status],
        "first": first.found if first else state.details,
        "step": first.step if first else None,
        "count": len(state.findings) + state.left_out,
    }


def _unjudged(states: Sequence[State]) -> list[str]:
    """Why rules could not be evaluated; most say their name themselves."""
    broken = [
        (state.configuration.name, state.details)
        for state in states
        if state.status is Status.ERROR
    ]
    return [details if name in details else f"{name}: {details}" for name, details in broken]


def _gaps(run: SavedRun, reader: Reader) -> list[str]:
    """What of the run is missing or damaged, or was not drawn."""
    if not reader.all_steps:
        return [*run.notes, "No step was saved, so there was nothing to look at."]
    told = [*run.notes, *reader.faults]
    if run.left_out:
        told.append(f"{run.left_out:,} tensors or steps could not be read and were left out.")
    if len(reader.steps) < len(reader.all_steps):
        drawn, of = len(reader.steps), len(reader.all_steps)
        told.append(f"The pictures show {drawn:,} of {of:,} saved steps.")
    return told
