"""The plain table of values, for rules that no picture fits."""

import math
import sys
from collections.abc import Sequence

from imageclf.debugger.report.picture import Picture, Table
from imageclf.rules.finding import Finding

LISTED = 100


def findings_table(findings: Sequence[Finding]) -> Table:
    """The findings with their exact figures; the worker only where there are several."""
    several = len({finding.worker for finding in findings}) > 1
    heads = ("step", "mode", "tensor", "value", "bound", *(["worker"] if several else []))
    return Table(heads, [_row(finding, several) for finding in findings[:LISTED]])


def _row(finding: Finding, several: bool) -> tuple[str | float, ...]:
    worker = (finding.worker,) if several else ()
    where = (float(finding.step), finding.mode, finding.tensor)
    return (*where, _exact(finding.value), _exact(finding.threshold), *worker)


def _exact(value: float) -> float:
    """JSON has no infinity: the greatest number stands for it in a finding."""
    return math.copysign(math.inf, value) if abs(value) >= sys.float_info.max else value


def details_table(findings: Sequence[Finding]) -> list[Picture]:
    """What a rule of a user's own, or one without a picture, tells in `details`."""
    rows: list[tuple[str | float, ...]] = [
        (float(finding.step), name, value if _is_number(value) else str(value))
        for finding in findings[:LISTED]
        for name, value in finding.details.items()
        if isinstance(value, str | int | float)
    ]
    table = Table(("step", "what", "value"), rows)
    return [Picture("table", "What the rule noted", table)] if rows else []


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
