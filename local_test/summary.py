"""What a person wants to know when a run has ended, read from the files it left."""

import json
from typing import Any

from local_test.folders import short
from local_test.run_folder import Run

STOPPED = 143
"""Exit code of a training that ended on SIGTERM with a checkpoint (128 + 15)."""

_PASSED = "NoIssuesFound"

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
        *_debug_report(run),
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
    """What the debugger's rules found; nothing where it was off."""
    told = [_rule(one) for one in _statuses(run) if one.get("RuleEvaluationStatus") != _PASSED]
    count = len(_statuses(run))
    return told or ([f"{'debugger':<20} {count} rules found nothing"] if count else [])


def _rule(status: dict[str, Any]) -> str:
    name, word = status.get("RuleConfigurationName"), status.get("RuleEvaluationStatus")
    return f"rule {name}: {word}: {status.get('StatusDetails', '')}".removesuffix(": ")


def _statuses(run: Run) -> list[dict[str, Any]]:
    """As the training left them, if it was watched."""
    if run.hyperparameters().get("debug", "off") == "off":
        return []
    try:
        content = json.loads((run.tree.output_data / "rule_status.json").read_bytes())
    except (OSError, ValueError):
        return []
    return [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []


def _places(run: Run) -> list[str]:
    places = {"model": run.archive, "report": run.tree.output_data / "report.html"}
    found = [f"{name:<7} {short(path)}" for name, path in places.items() if path.exists()]
    return [*found, *_debug_report(run)]


def _debug_report(run: Run) -> list[str]:
    path = run.tree.output_data / "debug-report.html"
    return [f"{'rules':<7} {short(path)}"] if _statuses(run) and path.exists() else []


def _cause(run: Run, code: int) -> str:
    try:
        text = run.tree.failure.read_text().strip()
    except OSError:
        text = ""
    first = text.partition("\n")[0]
    return first or f"it ended with exit code {code} and left no reason; read its output above."
