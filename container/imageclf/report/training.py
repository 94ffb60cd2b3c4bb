"""The report of a training run: `output/data/training-report.html`."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

from markupsafe import Markup

from imageclf import metrics
from imageclf.report import figures, files, headline
from imageclf.report.files import Evaluation, Run
from imageclf.report.heatmap import heat_map
from imageclf.report.page import render, write_page
from imageclf.report.plots import Series, line_chart, reliability_diagram

TABLE_CLASSES = 20
"""Up to so many classes the confusion matrix is a table, above that a heat map."""

FREQUENT_CONFUSIONS = 20
LISTED_FILES = 200
LISTED_EPOCHS = 200


def write_training_report(output_data: Path) -> Path:
    """Make `training-report.html` of the files that a training run left in `output_data`.

    Returns the page's path. Files other than `summary.json` may be absent; the page says so.

    Raises:
        ReportError: `summary.json` is absent or damaged, or the page cannot be written.
    """
    run = files.read_run(output_data)
    path = output_data / files.TRAINING_REPORT
    write_page(path, render("training.html", **_content(run), links=links(output_data)))
    return path


def links(output_data: Path) -> dict[str, str | None]:
    """The names of the pages on what rules and profiler saw, None for those that are not there."""
    pages = {"debugger": files.DEBUG_REPORT, "profiler": files.PROFILER_REPORT}
    return {name: one if (output_data / one).is_file() else None for name, one in pages.items()}


def _content(run: Run) -> dict[str, Any]:
    return {
        "run": run,
        "summary": run.summary,
        "evaluation": run.evaluation,
        "data": run.data,
        "gaps": run.gaps,
        "title": headline.title(run),
        "facts": headline.facts(run),
        "meaning": headline.meaning(run),
        "debugger": headline.rules("debugger", run.summary.rules),
        "profiler": headline.rules("profiler", run.summary.profiler_rules),
        "curves": _curves(run),
        "not_numbers": _not_numbers(run),
        "epoch_table": _epoch_table(run),
        "confusion": _confusion(run.evaluation),
        "scores": _scores(run.evaluation),
        "calibration_plot": _calibration_plot(run.evaluation),
        "counts": _counts(run),
        "left_out": _left_out(run),
        "data_pairs": _data_pairs(run),
        "run_pairs": _run_pairs(run),
        "listed_files": LISTED_FILES,
    }


def _curves(run: Run) -> list[tuple[str, tuple[str, ...], Markup]]:
    """Heading, names of the lines and plot, of each learning curve."""
    loss = _series(run, metrics.VALIDATION_LOSS, metrics.TRAIN_LOSS)
    return [
        _curve(run, "Loss", loss, scale="auto"),
        accuracy_curve(run),
        _curve(run, "Learning rate", _series(run, metrics.LEARNING_RATE)),
    ]


def accuracy_curve(run: Run) -> tuple[str, tuple[str, ...], Markup]:
    """Heading, names of the lines and plot of the accuracy by epoch."""
    accuracy = _series(run, metrics.VALIDATION_TOP1, metrics.TRAIN_TOP1)
    lowest = min((y for one in accuracy for _, y in one.finite()), default=0.0)
    y_range = (min(0.9, math.floor(10 * lowest) / 10), 1.0)
    return _curve(run, "Accuracy", accuracy, y_range=y_range, percent=True)


def _curve(
    run: Run, heading: str, series: list[Series], **how: Any
) -> tuple[str, tuple[str, ...], Markup]:
    best = run.summary.best_epoch
    mark = None if best is None else (float(best), "kept")
    plot = line_chart(f"{heading} by epoch", series, x_label="epoch", mark=mark, **how)
    return heading, tuple(one.name for one in series), plot


def _series(run: Run, *wanted: metrics.Metric) -> list[Series]:
    names = {"validation": "validation", "train": "training"}
    xs = [epoch[metrics.EPOCH.name] for epoch in run.epochs]
    return [
        Series(
            names[metric.name.partition(":")[0]],
            xs,
            [epoch.get(metric.name, math.nan) for epoch in run.epochs],
        )
        for metric in wanted
    ]


def _not_numbers(run: Run) -> list[str]:
    """Sentences on losses that were not a number."""
    sentences = []
    for metric, name in ((metrics.TRAIN_LOSS, "training"), (metrics.VALIDATION_LOSS, "validation")):
        epochs = [
            epoch[metrics.EPOCH.name]
            for epoch in run.epochs
            if not math.isfinite(epoch.get(metric.name, 0.0))
        ]
        if epochs:
            word = "epoch" if len(epochs) == 1 else "epochs"
            sentences.append(
                f"The {name} loss was not a finite number in {word} {figures.ranges(epochs)}."
            )
    return sentences


def _epoch_table(run: Run) -> tuple[list[metrics.Metric], list[dict[str, float]]]:
    """The metrics that occur and the last epochs' figures."""
    present = [one for one in metrics.METRICS if any(one.name in epoch for epoch in run.epochs)]
    return present, run.epochs[-LISTED_EPOCHS:]


def _confusion(evaluation: Evaluation | None) -> dict[str, Any] | None:
    if evaluation is None or not evaluation.confusion:
        return None
    names = [one.name for one in evaluation.per_class]
    matrix = evaluation.confusion
    shares = figures.row_shares(matrix)
    table = len(names) <= TABLE_CLASSES
    return {
        "names": names,
        "matrix": matrix if table else None,
        "shares": shares.tolist() if table else None,
        "heat_map": None
        if table
        else heat_map(f"Confusion matrix of {len(names)} classes", shares),
        "frequent": figures.frequent_confusions(matrix, names, FREQUENT_CONFUSIONS),
    }


def _calibration_plot(evaluation: Evaluation | None) -> Markup:
    if evaluation is None or evaluation.calibration is None:
        return Markup("")
    bins = [(one.confidence, one.accuracy, one.count) for one in evaluation.calibration.bins]
    return reliability_diagram("Share that was right, by confidence", bins)


def _counts(run: Run) -> dict[str, Any] | None:
    """Images by class (rows) and split (columns), and the greatest count."""
    if run.data is None or not run.data.images:
        return None
    splits = list(run.data.images)
    names = run.data.classes or sorted({name for one in run.data.images.values() for name in one})
    rows = [(name, [run.data.images[split].get(name, 0) for split in splits]) for name in names]
    return {
        "splits": splits,
        "rows": rows,
        "totals": [sum(run.data.images[split].values()) for split in splits],
        "most": max((count for _, counts in rows for count in counts), default=0) or 1,
    }


def _scores(evaluation: Evaluation | None) -> list[files.ClassScore]:
    """The classes, lowest F1 first."""
    scores = evaluation.per_class if evaluation else []
    return sorted(scores, key=lambda one: (math.isnan(one.f1), one.f1))


def _left_out(run: Run) -> list[str]:
    """`3 truncated`, most frequent reason first."""
    reasons = Counter(one.reason for one in run.data.left_out) if run.data else Counter()
    return [f"{count:,} {reason}" for reason, count in reasons.most_common()]


def _data_pairs(run: Run) -> list[tuple[str, str]]:
    if run.data is None:
        return []
    named = [("formats", run.data.formats), ("colour modes", run.data.modes)]
    return [
        ("all files", figures.data_size(run.data.bytes)),
        *((name, ", ".join(f"{key} {n:,}" for key, n in counts.items())) for name, counts in named),
        ("fingerprint", run.data.fingerprint or figures.MISSING),
    ]


def _run_pairs(run: Run) -> list[tuple[str, str]]:
    summary = run.summary
    pairs = [
        ("architecture", summary.architecture),
        ("pretrained weights", summary.pretrained),
        ("layers that learned", summary.train),
        ("epochs", f"{summary.epochs_done} of {summary.epochs}"),
        ("device", summary.device),
        ("precision", summary.precision),
        ("processes", str(summary.processes)),
    ]
    return [(name, value) for name, value in pairs if value]
