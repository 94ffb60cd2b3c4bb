"""The JSON files beside the page, so that a program reads what a person sees.

`summary.json` holds the job and its figures, `advice.json` the advice, and each rule has a file of
its own, with the keys of the managed service (`RuleTriggered`, `Violations`, `Details`,
`Datapoints`, `RuleParameters`) beside ours.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imageclf import artifact
from imageclf.errors import ReportError
from imageclf.profiler.report import framework, measured, usage
from imageclf.profiler.report.given import Given, attempt
from imageclf.profiler.report.job import Job
from imageclf.profiler.report.standing import Standing, standing
from imageclf.profiler.rules.base import ProfilerRule
from imageclf.rules.engine import RuleState
from imageclf.rules.status import finite

SUMMARY, ADVICE = "summary.json", "advice.json"


def write_files(
    given: Given, job: Job, verdict: str, missing: list[str], folder: Path
) -> list[Path]:
    """Write all of them into `folder`, which is made; returns their paths.

    Raises:
        ReportError: the folder cannot be written to.
    """
    content: dict[str, Any] = {
        SUMMARY: _summary(given, job, verdict, missing),
        ADVICE: asdict(given.advised),
    }
    for rule, state in given.judged:
        name = _file_name(rule, state, content)
        content[name] = of_rule(rule, state, missing)
    written = [write_json(folder / name, one) for name, one in content.items()]
    for left in {one for one in folder.glob("*.json") if one.is_file()} - set(written):
        left.unlink(missing_ok=True)  # by an earlier evaluation, of rules that this one lacks
    return written


def of_rule(rule: ProfilerRule, state: RuleState, gaps: list[str]) -> dict[str, Any]:
    """What the file of one rule holds."""
    nothing: dict[str, Any] = {}
    details = attempt(f"The figures of {rule.name}", rule.details, nothing, gaps)
    shown = standing(rule, state)
    return {
        "RuleTriggered": state.count,
        "Violations": state.count,
        "Details": {},
        "Datapoints": rule.looked,
        **details,
        "RuleParameters": "\n".join(f"{name}:{value}" for name, value in shown.parameters),
        "name": shown.name,
        "rule": shown.rule,
        "status": state.status.value,
        "evaluated": shown.words,
        "status_details": state.details,
        "description": shown.description,
        "recommendation": shown.recommendation,
        "parameters": rule.parameters.model_dump(mode="json"),
        "findings": [finding.as_json() for finding in state.findings],
        "findings_left_out": state.left_out,
    }


def _summary(given: Given, job: Job, verdict: str, missing: list[str]) -> dict[str, Any]:
    return {
        "verdict": verdict,
        "step_ms": job.step_ms,
        "images_per_s": job.images_per_s,
        "cpu_percent": job.cpu_percent,
        "gpu_percent": job.gpu_percent,
        "cost": job.cost,
        "phases": [
            {
                "name": phase.word,
                "phase": phase.name,
                "share": phase.share,
                "total_s": phase.total_s,
            }
            for phase in job.phases
        ],
        "job": {
            "start": job.start,
            "end": job.end,
            "duration_s": job.duration_s,
            "initialisation_s": job.initialisation_s,
            "training_loop_s": job.loop_s,
            "finalisation_s": job.finalisation_s,
            "training_steps": job.steps,
        },
        "modes_s": dict(framework.mode_times(given, job)),
        "system": {
            host: {
                name: {"unit": unit, **found.as_json()} for name, (unit, found) in resources.items()
            }
            for host, resources in usage.of(given).items()
        },
        "facts": dict(given.facts),
        "recorded": dict(measured.pairs(given)),
        "rules": [_brief(standing(rule, state)) for rule, state in given.judged],
        "missing": missing,
    }


def _brief(one: Standing) -> dict[str, Any]:
    return {
        "name": one.name,
        "status": one.words,
        "triggered": one.triggered,
        "data_points": one.looked,
        "found": list(one.told),
    }


def _file_name(rule: ProfilerRule, state: RuleState, taken: Iterable[str]) -> str:
    """The rule's name; of a second configuration of the same rule with that one's name."""
    name = f"{_plain(rule.name)}.json"
    if name not in taken:
        return name
    return f"{_plain(rule.name)}-{_plain(state.configuration.name)}.json"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:100] or "rule"


def write_json(path: Path, content: Mapping[str, Any]) -> Path:
    """Write `content` as finite JSON to `path`, whole or not at all; returns `path`.

    Raises:
        ReportError: it cannot be written.
    """
    text = json.dumps(finite(content), indent=1, allow_nan=False, default=str) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        artifact.replace(path, text.encode())
    except OSError as error:
        raise ReportError(
            f"{path} cannot be written ({error.strerror}); make room or give a folder that can be "
            "written to."
        ) from error
    return path
