"""What a person wants to know when a run has ended, read from the files it left."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_test.folders import short
from local_test.run_folder import Run

STOPPED = 143
"""Exit code of a training that ended on SIGTERM with a checkpoint (128 + 15)."""

_PASSED = "NoIssuesFound"


@dataclass(frozen=True)
class _Watched:
    """What looked at the training: the hyperparameter that asks for it, the files it leaves."""

    name: str
    asked_by: str
    statuses: str
    report: str
    shown_as: str


_WATCHED = (
    _Watched("debugger", "debug", "rule_status.json", "debug-report.html", "rules"),
    _Watched("profiler", "profile", "profiler_rule_status.json", "profiler-report.html", "profile"),
)

_FIGURES = {
    "best:top1": "validation accuracy",
    "test:top1": "test accuracy",
    "validation:f1": "validation F1",
    "validation:loss": "validation loss",
}


def lines(run: Run, code: int) -> list[str]:
    """The last words on `run`, which ended with exit code `code`."""
    if code == 0:
        return [*_figures(run), *_rules(run), *_places(run)]
    if code == STOPPED:
        again = "Stopped; go on where it ended with: make local-train RESUME=1"
        return [*_rules(run), *_places(run), again]
    return [
        f"Training failed: {_cause(run, code)}",
        *_rules(run),
        *_reports(run),
        f"Its files are in {short(run.folder)}/",
    ]


def _figures(run: Run) -> list[str]:
    path = run.tree.output_data / "summary.json"
    try:
        summary = json.loads(path.read_text())
    except (OSError, ValueError):
        return [f"Training ended, but its figures in {short(path)} cannot be read."]
    return _table(summary)


def _table(summary: dict[str, Any]) -> list[str]:
    metrics = summary.get("metrics", {})
    rows = [(name, f"{metrics[key]:.4f}") for key, name in _FIGURES.items() if key in metrics]
    if "best_epoch" in summary:
        rows.append(("best epoch", f"{summary['best_epoch']}"))
    if "images_per_s" in summary:
        rows.append(("images/s", f"{summary['images_per_s']:.1f}"))
    if "seconds" in summary:
        rows.append(("time", f"{summary['seconds']:.0f} s"))
    return [f"{name:<20} {value:>8}" for name, value in rows]


def _rules(run: Run) -> list[str]:
    """What the rules found; nothing of those that were off."""
    return [line for watched in _WATCHED for line in _told(run, watched)]


def _told(run: Run, watched: _Watched) -> list[str]:
    """What the rules of one kind found; one that had nothing to judge says nothing."""
    statuses = [one for one in _statuses(run, watched) if not _unjudged(one)]
    told = [_rule(one) for one in statuses if one.get("RuleEvaluationStatus") != _PASSED]
    passed = f"{watched.name:<20} {len(statuses)} rules found nothing"
    return told or ([passed] if statuses else [])


def _unjudged(status: dict[str, Any]) -> bool:
    return str(status.get("StatusDetails", "")).endswith("not evaluated.")


def _rule(status: dict[str, Any]) -> str:
    name, word = status.get("RuleConfigurationName"), status.get("RuleEvaluationStatus")
    return f"rule {name}: {word}: {status.get('StatusDetails', '')}".removesuffix(": ")


def _statuses(run: Run, watched: _Watched) -> list[dict[str, Any]]:
    """As the training left them, if it was watched."""
    if run.hyperparameters().get(watched.asked_by, "off") == "off":
        return []
    try:
        content = json.loads((run.tree.output_data / watched.statuses).read_bytes())
    except (OSError, ValueError):
        return []
    return [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []


def _places(run: Run) -> list[str]:
    places = {"model": run.archive, "report": run.tree.output_data / "report.html"}
    return [*_existing(places), *_reports(run)]


def _reports(run: Run) -> list[str]:
    """The pages of what watched the training."""
    watched = [one for one in _WATCHED if _statuses(run, one)]
    return _existing({one.shown_as: run.tree.output_data / one.report for one in watched})


def _existing(places: dict[str, Path]) -> list[str]:
    return [f"{name:<7} {short(path)}" for name, path in places.items() if path.exists()]


def _cause(run: Run, code: int) -> str:
    try:
        text = run.tree.failure.read_text().strip()
    except OSError:
        text = ""
    first = text.partition("\n")[0]
    return first or f"it ended with exit code {code} and left no reason; read its output above."
