"""What stands at the head of a training report: the few figures that matter and what they mean."""

import math
from collections.abc import Sequence

from imageclf import metrics
from imageclf.report import figures
from imageclf.report.files import RuleStatus, Run

_STATUS_WORDS = {
    "IssuesFound": "issues found",
    "Error": "could not judge",
    "Stopped": "stopped before the end",
    "InProgress": "not done",
}


def title(run: Run) -> str:
    """What was trained on what."""
    return f"{run.summary.architecture} on {of_classes(run.summary.classes)}"


def of_classes(names: Sequence[str]) -> str:
    """A few classes by their names, many by their number."""
    return figures.listing(names) if 0 < len(names) <= 3 else f"{len(names)} classes"


def facts(run: Run) -> list[tuple[str, str]]:
    """The few figures that matter: what, how much."""
    summary = run.summary
    best, test = (_metric(run, metric) for metric in (metrics.BEST_TOP1, metrics.TEST_TOP1))
    kept = figures.MISSING if summary.best_epoch is None else str(summary.best_epoch)
    known = [("validation accuracy", figures.percent(best))]
    if math.isfinite(test):
        known.append(("test accuracy", figures.percent(test)))
    return [
        *known,
        ("epoch kept", f"{kept} of {summary.epochs_done}"),
        ("time", figures.duration(summary.seconds)),
        ("images a second", figures.number(summary.images_per_s, 3)),
    ]


def meaning(run: Run) -> list[str]:
    """The accuracy in plain words, with how sure one can be of it."""
    test = _metric(run, metrics.TEST_TOP1)
    split, share = (
        ("test", test) if math.isfinite(test) else ("validation", _metric(run, metrics.BEST_TOP1))
    )
    if not math.isfinite(share):
        return ["No epoch was finished, so there is no accuracy to report."]
    sentences = [_expectation(split, share, _images(run, split))]
    if split == "validation":
        sentences.append(
            "The epoch was chosen by these same images, so new ones may do a little worse."
        )
    return sentences + _baseline(run, split)


def rules(kind: str, statuses: Sequence[RuleStatus]) -> str:
    """What the rules of the `debugger` or `profiler` found, in one sentence.

    Empty when none watched the run. A rule that had nothing to judge is not counted.
    """
    judged = [
        one for one in statuses if one.status != "Stopped" or "not evaluated" not in one.details
    ]
    told = [
        f"{one.name} ({_STATUS_WORDS.get(one.status, one.status)})"
        for one in judged
        if one.status != "NoIssuesFound"
    ]
    if told:
        return f"Rules of the {kind} that did not pass: {figures.listing(told)}."
    return f"The {kind}'s rules ({len(judged)}) found nothing wrong." if judged else ""


def _expectation(split: str, share: float, count: int) -> str:
    if not count:
        return f"Of the {split} images, {figures.percent(share)} were classified right."
    low, high = figures.wilson_interval(min(max(share, 0.0), 1.0), count)
    return (
        f"Expect about {figures.percent(share)} of new images like the {split} images to be "
        f"classified right; judged by {count:,} images, the 95 % interval reaches from "
        f"{figures.percent(low)} to {figures.percent(high)}."
    )


def _baseline(run: Run, split: str) -> list[str]:
    counts = run.data.images.get(split, {}) if run.data else {}
    if not sum(counts.values()):
        return []
    name = max(counts, key=lambda one: counts[one])
    share = counts[name] / sum(counts.values())
    return [f"Always answering “{name}” would be right for {figures.percent(share)}."]


def _metric(run: Run, metric: metrics.Metric) -> float:
    return run.summary.metrics.get(metric.name, math.nan)


def _images(run: Run, split: str) -> int:
    if run.evaluation and run.evaluation.split == split and run.evaluation.images:
        return run.evaluation.images
    return sum(run.data.images.get(split, {}).values()) if run.data else 0
