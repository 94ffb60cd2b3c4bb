"""A section of the page for each rule that found something."""

from collections.abc import Sequence
from dataclasses import dataclass

from imageclf.debugger.report.given import State
from imageclf.debugger.report.picture import Picture, Table
from imageclf.debugger.report.values import LISTED, findings_table

TOLD = 4
"""So many findings are told in sentences; the table has them all."""

WIDE = frozenset({"map"})
"""Kinds of pictures that take the width of the page."""


@dataclass(frozen=True)
class Section:
    """What is shown of a rule that found something, at `anchor` of the page."""

    anchor: str
    name: str
    subtitle: str
    told: list[str]
    more: int
    pictures: list[Picture]
    is_wide: bool
    meanings: list[str]
    advice: list[str]
    summary: str
    table: Table


def section(state: State, anchor: str, pictures: list[Picture]) -> Section:
    """The section of a rule that has findings."""
    findings = state.findings
    told = _unique([finding.found for finding in findings])
    return Section(
        anchor=anchor,
        name=state.configuration.name,
        subtitle=_subtitle(state),
        told=told[:TOLD],
        more=len(told[TOLD:]) + state.left_out,
        pictures=pictures,
        is_wide=any(picture.kind in WIDE for picture in pictures),
        meanings=_unique([finding.meaning for finding in findings])[:TOLD],
        advice=_unique([finding.advice for finding in findings])[:TOLD],
        summary=_summary(state),
        table=findings_table(findings),
    )


def _unique(sentences: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, sentences)))


def _subtitle(state: State) -> str:
    """The rule and its parameters, where they are not those that its name implies."""
    asked = state.configuration
    rule = [] if asked.rule == asked.name else [asked.rule]
    return ", ".join(rule + [f"{name} = {value}" for name, value in asked.parameters.items()])


def _summary(state: State) -> str:
    kept = len(state.findings)
    if state.left_out or kept > LISTED:
        return f"The first {min(kept, LISTED):,} of {kept + state.left_out:,} findings in figures"
    word = {1: "The finding", 2: "Both findings"}.get(kept, f"All {kept:,} findings")
    return f"{word} in figures"
