"""What a person wants to know when a run has ended, read from the files it left."""

import json
from typing import Any

from local_test.folders import short
from local_test.run_folder import Run

STOPPED = 143
"""Exit code of a training that ended on SIGTERM with a checkpoint (128 + 15)."""

_FIGURES = {
    "best:top1": "validation accuracy",
    "test:top1": "test accuracy",
    "validation:f1": "validation F1",
    "validation:loss": "validation loss",
}


def lines(run: Run, code: int) -> list[str]:
    """The last words on `run`, which ended with exit code `code`."""
    if code == 0:
        return [*_figures(run), *_places(run)]
    if code == STOPPED:
        return [*_places(run), "Stopped; go on where it ended with: make local-train RESUME=1"]
    return [f"Training failed: {_cause(run, code)}", f"Its files are in {short(run.folder)}/"]


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


def _places(run: Run) -> list[str]:
    places = {"model": run.archive, "report": run.tree.output_data / "report.html"}
    return [f"{name:<7} {short(path)}" for name, path in places.items() if path.exists()]


def _cause(run: Run, code: int) -> str:
    try:
        text = run.tree.failure.read_text().strip()
    except OSError:
        text = ""
    first = text.partition("\n")[0]
    return first or f"it ended with exit code {code} and left no reason; read its output above."
