"""DeadRelu and SaturatedActivation: units of a layer that no longer answer to their input.

A unit is a channel of a convolution or a feature of a linear layer.
"""

from collections.abc import Iterator

import numpy as np

from imageclf.debugger import names, statistics
from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.rules.selection import Names, Patterns, Selection, split
from imageclf.debugger.rules.telling import Spells, at, finding, key_of
from imageclf.debugger.saved import Saved, SavedStep
from imageclf.debugger.statistics import Values
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters

_DIGITS = 4
"""Decimals of a per cent: shares are saved in single precision, and 1 % must stay 1 %."""


class DeadReluParameters(RuleParameters):
    """As documented; both thresholds in per cent."""

    tensor_regex: Patterns = ".*relu_output|.*ReLU_output"
    threshold_inactivity: float = 1.0
    threshold_layer: float = 50.0


class DeadRelu(Rule):
    """Fires when more than `threshold_layer` % of a layer's ReLUs are dead.

    A ReLU is dead when less than `threshold_inactivity` % of its outputs are above zero.
    """

    name = "DeadRelu"
    Parameters = DeadReluParameters
    parameters: DeadReluParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._chosen = _chosen(self, self.parameters.tensor_regex, names.RELU_OUTPUT)
        self._spells = Spells()

    def needs(self) -> Needs:
        return _needs(self._chosen, statistics.ACTIVITY)

    def missing(self) -> str:
        return _nothing("DeadRelu", "ReLUs", "output", names.RELU_OUTPUT)

    def look(self, step: SavedStep) -> Iterator[Finding]:
        for tensor in self._chosen.tensors(step):
            activity = tensor.vector(statistics.ACTIVITY)
            if activity is None or np.isnan(activity).all():
                continue
            self.looked += 1
            dead = _per_cent(activity) < self.parameters.threshold_inactivity
            share = float(_per_cent(np.mean(dead)))
            if self._spells.begins(key_of(tensor), share > self.parameters.threshold_layer):
                yield self._finding(step, tensor, dead, share)

    def _finding(self, step: SavedStep, tensor: Saved, dead: Values, share: float) -> Finding:
        return finding(
            self,
            step,
            tensor,
            value=share,
            threshold=self.parameters.threshold_layer,
            found=f"{dead.sum()} of {dead.size} ReLUs of {tensor.name} ({share:.1f} %) are active "
            f"for less than {self.parameters.threshold_inactivity:g} % of their inputs "
            f"{at(step)}.",
            meaning="Dead ReLUs give zero for every picture and get no gradient, so this layer "
            "works with a part of its width only.",
            advice="Lower lr or add warmup, which keeps one large step from pushing biases far "
            "below zero; start from pretrained weights or He initialisation with zero biases; "
            "check that pictures are normalised; a larger batch-size tells sparse units from dead "
            "ones.",
            details={"dead": int(dead.sum()), "units": int(dead.size)},
        )


class SaturatedActivationParameters(RuleParameters):
    """As documented; `threshold_inactivity` and `threshold_layer` in per cent."""

    collection_names: Names = None
    tensor_regex: Patterns = ".*tanh_input|.*sigmoid_input"
    threshold_tanh_min: float = -9.4999
    threshold_tanh_max: float = 9.4999
    threshold_sigmoid_min: float = -23.0
    threshold_sigmoid_max: float = 16.99999
    threshold_inactivity: float = 1.0
    threshold_layer: float = 50.0

    def bounds(self, kind: str) -> tuple[float, float]:
        """Inputs of a `tanh` or `sigmoid` beyond these are saturated."""
        if kind == "tanh":
            return self.threshold_tanh_min, self.threshold_tanh_max
        return self.threshold_sigmoid_min, self.threshold_sigmoid_max


_SATURATION = {
    "tanh": statistics.SATURATION_TANH,
    "sigmoid": statistics.SATURATION_SIGMOID,
}
"""What the hook saves for each kind, with the documented bounds."""


class SaturatedActivation(Rule):
    """Fires when more than `threshold_layer` % of the nodes of a tanh or sigmoid are saturated.

    A node is saturated when less than `threshold_inactivity` % of its inputs are within the bounds.
    A tensor whose name says neither tanh nor sigmoid is what the saved statistics say, else a
    sigmoid, whose bounds are the wider ones.
    """

    name = "SaturatedActivation"
    Parameters = SaturatedActivationParameters
    parameters: SaturatedActivationParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        regex, collections = self.parameters.tensor_regex, self.parameters.collection_names
        by_type = _chosen(self, regex, names.SATURATING_INPUT)
        self._chosen = Selection((*by_type.collections, *split(collections)), by_type.patterns)
        self._spells = Spells()

    def needs(self) -> Needs:
        kinds = [kind for kind in _SATURATION if not self._has_documented_bounds(kind)]
        wanted = (statistics.RAW,) if kinds else tuple(_SATURATION.values())
        return _needs(self._chosen, *wanted)

    def missing(self) -> str:
        return _nothing("SaturatedActivation", "tanhs or sigmoids", "input", names.SATURATING_INPUT)

    def look(self, step: SavedStep) -> Iterator[Finding]:
        for tensor in self._chosen.tensors(step):
            kind = _kind(tensor)
            beyond = self._beyond(tensor, kind)
            if beyond is None or np.isnan(beyond).all():
                continue
            self.looked += 1
            saturated = _per_cent(1 - beyond) < self.parameters.threshold_inactivity
            share = float(_per_cent(np.mean(saturated)))
            if self._spells.begins(key_of(tensor), share > self.parameters.threshold_layer):
                yield self._finding(step, tensor, kind, saturated, share)

    def _beyond(self, tensor: Saved, kind: str) -> Values | None:
        """The share of each node's inputs that are beyond the bounds."""
        if self._has_documented_bounds(kind):
            return tensor.vector(_SATURATION[kind])
        if tensor.values is None or not tensor.values.size:
            return None
        low, high = self.parameters.bounds(kind)
        outside = (tensor.values < low) | (tensor.values > high)
        return np.asarray(outside.mean(axis=statistics.unit_axes(outside.ndim)))

    def _has_documented_bounds(self, kind: str) -> bool:
        return self.parameters.bounds(kind) == SaturatedActivationParameters().bounds(kind)

    def _finding(
        self, step: SavedStep, tensor: Saved, kind: str, saturated: Values, share: float
    ) -> Finding:
        low, high = self.parameters.bounds(kind)
        return finding(
            self,
            step,
            tensor,
            value=share,
            threshold=self.parameters.threshold_layer,
            found=f"{saturated.sum()} of {saturated.size} {kind} nodes of {tensor.name} "
            f"({share:.1f} %) get inputs beyond {low:g} to {high:g} for all "
            f"but {self.parameters.threshold_inactivity:g} % of the time {at(step)}.",
            meaning=f"There a {kind} is flat, so its gradient is nearly zero and nothing before it "
            "learns.",
            advice="Lower lr, scale the initial weights down (Xavier initialisation), normalise "
            "the pictures, or put a normalisation before the activation or a ReLU in its place.",
            details={"saturated": int(saturated.sum()), "nodes": int(saturated.size)},
        )


def _chosen(rule: Rule, regex: str | None, by_type: str) -> Selection:
    """What `regex` finds; with the documented one also what the hook knows by the layer's type."""
    documented = rule.Parameters.model_fields["tensor_regex"].default
    collections = (by_type,) if regex in {None, documented} else ()
    return Selection(collections, split(regex))


def _needs(chosen: Selection, *wanted: str) -> Needs:
    """By collection alone where the layer's type says it all: a pattern would cost everything."""
    return Selection(chosen.collections).needs(*wanted) or chosen.needs(*wanted)


def _nothing(rule: str, layers: str, side: str, collection: str) -> str:
    return (
        f"{rule} had nothing to judge; the network has no {layers} as layers, or their {side} "
        f"was not saved (collection {collection})."
    )


def _kind(tensor: Saved) -> str:
    name = tensor.name.lower()
    named = [kind for kind in _SATURATION if kind in name]
    saved = [kind for kind, vector in _SATURATION.items() if vector in tensor.saved_statistics]
    for kinds in (named, saved):
        if len(kinds) == 1:
            return kinds[0]
    return "sigmoid"


def _per_cent(share: Values | np.floating) -> Values:
    return np.round(100 * np.asarray(share, dtype=np.float64), _DIGITS)
