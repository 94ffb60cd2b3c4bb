"""Maps of layers and steps: where in the network and when something happened."""

from collections.abc import Sequence

from imageclf.debugger.report.measures import Shown
from imageclf.debugger.report.picture import Later, Picture
from imageclf.debugger.report.reading import History, Reader, Select, Wish
from imageclf.debugger.saved import SavedStep
from imageclf.report.cellmap import cell_map
from imageclf.rules.finding import Finding

GRADIENT = "gradient/"

_GENERAL = frozenset({"all", "default", "custom"})
"""Collections that say nothing of what their tensors are."""

_ASKED_STEPS = 8
"""So many steps with findings are asked for the collections of what was found."""


def layer_map(reader: Reader, findings: Sequence[Finding], measures: Sequence[Shown]) -> Later:
    """The found tensors among those of their kind, by the first of `measures` that was saved."""
    select = _alike(reader, findings)
    wishes: list[Wish] = []
    for shown in measures:
        wishes.append(reader.ask(select, shown.make(), tuple(wishes)))

    def draw() -> list[Picture]:
        marked = {(finding.tensor, finding.step) for finding in findings}
        for shown, wish in zip(measures, wishes, strict=True):
            if (history := wish.history()).names:
                return [_picture(_in_network_order(reader, history), shown, marked)]
        return []

    return draw


def _alike(reader: Reader, findings: Sequence[Finding]) -> Select:
    """Selects what is in a collection of one of the tensors that were found."""
    found = {finding.tensor for finding in findings}
    asked = sorted({finding.step for finding in findings})[:_ASKED_STEPS]
    kinds = {
        collection
        for step in reader.steps
        if step.number in asked
        for tensor in step.tensors
        if tensor.name in found
        for collection in tensor.collections - _GENERAL
    }
    return lambda step: [
        tensor for tensor in step.tensors if tensor.name in found or tensor.collections & kinds
    ]


def _in_network_order(reader: Reader, history: History) -> History:
    """Gradients come from the last layer to the first; weights of their names tell the order.

    What belongs to no layer that saved a weight stays behind the tensor that it came after.
    """
    first: SavedStep | None = next(iter(reader.steps), None)
    layers = [_layer(tensor.name) for tensor in first.tensors] if first else []
    place_of = {layer: place for place, layer in reversed(list(enumerate(layers)))}
    places: list[int] = []
    for name in history.names:
        before = places[-1] if places else 0
        places.append(place_of.get(_layer(name.removeprefix(GRADIENT)), before))
    order = sorted(range(len(places)), key=lambda row: places[row])
    ordered = tuple(history.names[row] for row in order)
    return History(ordered, history.steps, history.values[order], history.thinned)


def _layer(name: str) -> str:
    """`ResNet_layer1.0.conv1` of `ResNet_layer1.0.conv1.weight`."""
    return name.removesuffix(".weight").removesuffix(".bias")


def _picture(history: History, shown: Shown, marked: set[tuple[str, int]]) -> Picture:
    title = f"{shown.heading} of {len(history.names)} tensors at {len(history.steps)} steps"
    content = cell_map(
        title, history.names, history.steps, history.values, marked=marked, scale=shown.scale
    )
    told = "From the input of the network down to its output."
    if history.thinned:
        told += f" Read at {len(history.steps)} steps only, since the tensors were saved whole."
    return Picture("map", f"{shown.heading}, by tensor and step", content, note=told)
