"""A section of the page for each rule that found something."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from imageclf.debugger.report.given import State
from imageclf.debugger.report.losses import loss_curves
from imageclf.debugger.report.picture import Picture, Table
from imageclf.debugger.report.reading import Reader
from imageclf.debugger.report.values import LISTED, details_table, findings_table

TOLD = 4
"""So many findings are told in sentences; the table has them all."""

Draw = Callable[[Reader, State], list[Picture]]


@dataclass(frozen=True)
class Section:
    """What is shown of a rule that found something."""

    anchor: str
    name: str
    subtitle: str
    told: list[str]
    more: int
    summary: str
    pictures: list[Picture]
    meanings: list[str]
    advice: list[str]
    table: Table


def section(reader: Reader, state: State, anchor: str) -> Section:
    """The section of a rule that has findings, at `anchor` of the page."""
    findings = state.findings
    draw = _DRAWN.get(state.configuration.rule)
    told = _unique([finding.found for finding in findings])
    return Section(
        anchor,
        state.configuration.name,
        _subtitle(state),
        told[:TOLD],
        len(told[TOLD:]) + state.left_out,
        _summary(state),
        draw(reader, state) if draw else details_table(findings),
        _unique([finding.meaning for finding in findings])[:TOLD],
        _unique([finding.advice for finding in findings])[:TOLD],
        findings_table(findings),
    )


def _subtitle(state: State) -> str:
    """The rule and its parameters, where they are not those that its name implies."""
    asked = state.configuration
    rule = [] if asked.rule == asked.name else [asked.rule]
    return ", ".join(rule + [f"{name} = {value}" for name, value in asked.parameters.items()])


def _summary(state: State) -> str:
    kept = len(state.findings)
    if state.left_out or kept > LISTED:
        return f"The first {min(kept, LISTED):,} of {kept + state.left_out:,} findings"
    return "The finding in figures" if kept == 1 else f"All {kept:,} findings in figures"


def _unique(sentences: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, sentences)))


def _losses(reader: Reader, state: State) -> list[Picture]:
    return loss_curves(reader, state.findings)


_DRAWN: Mapping[str, Draw] = dict.fromkeys(
    ("LossNotDecreasing", "Overfit", "Overtraining", "StalledTrainingRule"), _losses
)
