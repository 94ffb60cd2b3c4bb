"""A section of the page for each rule that found something."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from imageclf.debugger import statistics
from imageclf.debugger.report import measures
from imageclf.debugger.report.given import State
from imageclf.debugger.report.layers import layer_map
from imageclf.debugger.report.losses import loss_curves
from imageclf.debugger.report.picture import Picture, Table
from imageclf.debugger.report.reading import Reader
from imageclf.debugger.report.values import LISTED, details_table, findings_table

INACTIVITY = 1.0
"""Documented default of `threshold_inactivity`, per cent."""

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
    is_wide: bool
    pictures: list[Picture]
    meanings: list[str]
    advice: list[str]
    table: Table


def section(reader: Reader, state: State, anchor: str) -> Section:
    """The section of a rule that has findings, at `anchor` of the page."""
    findings = state.findings
    draw = _DRAWN.get(findings[0].rule)
    told = _unique([finding.found for finding in findings])
    pictures = draw(reader, state) if draw else details_table(findings)
    return Section(
        anchor=anchor,
        name=state.configuration.name,
        subtitle=_subtitle(state),
        told=told[:TOLD],
        more=len(told[TOLD:]) + state.left_out,
        summary=_summary(state),
        is_wide=any(picture.kind == "map" for picture in pictures),
        pictures=pictures,
        meanings=_unique([finding.meaning for finding in findings])[:TOLD],
        advice=_unique([finding.advice for finding in findings])[:TOLD],
        table=findings_table(findings),
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


def _magnitudes(reader: Reader, state: State) -> list[Picture]:
    return layer_map(reader, state.findings, measures.magnitudes())


def _gradients(reader: Reader, state: State) -> list[Picture]:
    shown = [replace(one, heading=f"{one.heading} (gradients)") for one in measures.magnitudes()]
    return layer_map(reader, state.findings, shown)


def _updates(reader: Reader, state: State) -> list[Picture]:
    return layer_map(reader, state.findings, measures.update_ratios())


def _zeros(reader: Reader, state: State) -> list[Picture]:
    shown = measures.of_statistic("Share of zeros", statistics.ZEROS, measures.SHARE)
    return layer_map(reader, state.findings, [shown, *measures.magnitudes()])


def _variances(reader: Reader, state: State) -> list[Picture]:
    return layer_map(reader, state.findings, [measures.of_statistic("Variance", "variance")])


def _dead(reader: Reader, state: State) -> list[Picture]:
    return layer_map(reader, state.findings, [measures.dead_units(_inactivity(state))])


def _saturated(reader: Reader, state: State) -> list[Picture]:
    return layer_map(reader, state.findings, [measures.saturated_units(_inactivity(state))])


def _inactivity(state: State) -> float:
    try:
        return float(state.configuration.parameters.get("threshold_inactivity", INACTIVITY))
    except ValueError:
        return INACTIVITY


_DRAWN: Mapping[str, Draw] = {
    **dict.fromkeys(
        ("LossNotDecreasing", "Overfit", "Overtraining", "StalledTrainingRule"), _losses
    ),
    "VanishingGradient": _gradients,
    "ExplodingTensor": _magnitudes,
    "AllZero": _zeros,
    "TensorVariance": _variances,
    "WeightUpdateRatio": _updates,
    "UnchangedTensor": _updates,
    "DeadRelu": _dead,
    "SaturatedActivation": _saturated,
}
