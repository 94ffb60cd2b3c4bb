"""Which pictures show what a rule found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from imageclf.debugger import statistics
from imageclf.debugger.names import LOSSES
from imageclf.debugger.report import measures
from imageclf.debugger.report.classes import class_balance, confusion
from imageclf.debugger.report.given import State
from imageclf.debugger.report.inputs import input_pictures
from imageclf.debugger.report.layers import GRADIENT, layer_map
from imageclf.debugger.report.losses import loss_curves, time_between_steps
from imageclf.debugger.report.measures import Shown
from imageclf.debugger.report.picture import Later, Picture
from imageclf.debugger.report.reading import Reader
from imageclf.debugger.report.values import details_table
from imageclf.rules.finding import Finding

Draw = Callable[[Reader, State, Sequence[str]], Later]
"""Asks a reader for what the findings of a rule need; last come the names of the classes."""

INACTIVITY = 1.0
"""Documented default of `threshold_inactivity`, per cent."""


def pictures_of(reader: Reader, state: State, class_names: Sequence[str]) -> Later:
    """The pictures of a rule that found something; a table of values where none fits."""
    draw = _DRAWN.get(state.findings[0].rule, _values)
    return draw(reader, state, class_names)


def _losses(reader: Reader, state: State, _names: Sequence[str]) -> Later:
    return loss_curves(reader, state.findings)


def _stalled(reader: Reader, state: State, _names: Sequence[str]) -> Later:
    curves = loss_curves(reader, state.findings)
    return lambda: [*time_between_steps(reader, state.findings), *curves()]


def _map(make: Callable[[State], list[Shown]]) -> Draw:
    def draw(reader: Reader, state: State, _names: Sequence[str]) -> Later:
        return layer_map(reader, state.findings, make(state))

    return draw


def _initialization(reader: Reader, state: State, _names: Sequence[str]) -> Later:
    """A picture for each of the three things that the rule looks at, as far as found."""
    losses, gradients, inputs = _by_kind(reader, state.findings)
    laters: list[Later] = []
    if inputs:
        variance = measures.of_statistic("Variance of what goes into activations", "variance")
        laters.append(layer_map(reader, inputs, [variance]))
    if gradients:
        laters.append(layer_map(reader, gradients, [measures.percentile_gap()]))
    if losses:
        laters.append(loss_curves(reader, losses))
    return lambda: [picture for later in laters for picture in later()]


def _by_kind(
    reader: Reader, findings: Sequence[Finding]
) -> tuple[list[Finding], list[Finding], list[Finding]]:
    """Findings on losses, on gradients and on other tensors."""
    losses = {tensor.name for step in reader.steps[:1] for tensor in step.select(collection=LOSSES)}
    of_loss = [one for one in findings if not one.tensor or one.tensor in losses]
    of_gradient = [one for one in findings if one.tensor.startswith(GRADIENT)]
    rest = [one for one in findings if one not in of_loss and one not in of_gradient]
    return of_loss, of_gradient, rest


def _balance(_reader: Reader, state: State, names: Sequence[str]) -> Later:
    return lambda: class_balance(state.findings, names)


def _confusion(reader: Reader, state: State, names: Sequence[str]) -> Later:
    return lambda: confusion(reader, state.findings, names)


def _inputs(reader: Reader, state: State, _names: Sequence[str]) -> Later:
    return input_pictures(reader, state.findings, int(_parameter(state, "channel", 1)))


def _values(_reader: Reader, state: State, _names: Sequence[str]) -> Later:
    def draw() -> list[Picture]:
        return details_table(state.findings)

    return draw


def _magnitudes(_state: State) -> list[Shown]:
    return measures.magnitudes()


def _gradients(_state: State) -> list[Shown]:
    return [replace(one, heading=f"{one.heading} of gradients") for one in measures.magnitudes()]


def _zeros(_state: State) -> list[Shown]:
    zeros = measures.of_statistic("Share of zeros", statistics.ZEROS, measures.SHARE)
    return [zeros, *measures.magnitudes()]


def _dead(state: State) -> list[Shown]:
    return [measures.dead_units(_parameter(state, "threshold_inactivity", INACTIVITY))]


def _saturated(state: State) -> list[Shown]:
    return [measures.saturated_units(_parameter(state, "threshold_inactivity", INACTIVITY))]


def _parameter(state: State, name: str, default: float) -> float:
    try:
        return float(state.configuration.parameters.get(name, default))
    except ValueError:  # a rule of a user's own may mean something else by the name
        return default


_DRAWN: Mapping[str, Draw] = {
    **dict.fromkeys(("LossNotDecreasing", "Overfit", "Overtraining"), _losses),
    **dict.fromkeys(
        ("WeightUpdateRatio", "UnchangedTensor"), _map(lambda _state: measures.update_ratios())
    ),
    "StalledTrainingRule": _stalled,
    "VanishingGradient": _map(_gradients),
    "ExplodingTensor": _map(_magnitudes),
    "AllZero": _map(_zeros),
    "TensorVariance": _map(lambda _state: [measures.of_statistic("Variance", "variance")]),
    "PoorWeightInitialization": _initialization,
    "DeadRelu": _map(_dead),
    "SaturatedActivation": _map(_saturated),
    "ClassImbalance": _balance,
    "Confusion": _confusion,
    "CheckInputImages": _inputs,
}
