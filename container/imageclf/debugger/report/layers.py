"""Maps of layers and steps: where in the network and when something happened."""

from collections.abc import Collection, Sequence

import numpy as np

from imageclf.debugger.finding import Finding
from imageclf.debugger.report.measures import Shown
from imageclf.debugger.report.picture import Picture
from imageclf.debugger.report.reading import History, Reader, Select
from imageclf.report.cellmap import cell_map

GRADIENT = "gradient/"

_GENERAL = frozenset({"all", "default", "custom"})
"""Collections that say nothing of what their tensors are."""


def layer_map(
    reader: Reader, findings: Sequence[Finding], measures: Sequence[Shown]
) -> list[Picture]:
    """The found tensors among those of their kind, by the first of `measures` that was saved."""
    select = _alike(reader, {finding.tensor for finding in findings})
    marked = {(finding.tensor, finding.step) for finding in findings}
    wanted = {step for _, step in marked}
    for shown in measures:
        history = reader.history(select, shown.make(), wanted)
        if history.names:
            return [_picture(_in_network_order(reader, history), shown, marked)]
    return []


def _alike(reader: Reader, found: set[str]) -> Select:
    """Selects what is in a collection of one of the tensors that were found."""
    kinds = {
        collection
        for step in reader.steps
        for tensor in step.tensors
        if tensor.name in found
        for collection in tensor.collections - _GENERAL
    }
    return lambda step: [
        tensor for tensor in step.tensors if tensor.name in found or tensor.collections & kinds
    ]


def _in_network_order(reader: Reader, history: History) -> History:
    """Gradients come from the last layer to the first; weights of their names tell the order."""
    places = {name: place for place, name in enumerate(_names(reader))}
    order = sorted(
        range(len(history.names)),
        key=lambda row: places.get(history.names[row].removeprefix(GRADIENT), row),
    )
    names = tuple(history.names[row] for row in order)
    return History(names, history.steps, history.values[order], history.of)


def _names(reader: Reader) -> Collection[str]:
    first = next((step for step in reader.steps if step.tensors), None)
    return [tensor.name for tensor in first.tensors] if first else []


def _picture(history: History, shown: Shown, marked: set[tuple[str, int]]) -> Picture:
    title = f"{shown.heading} of {len(history.names)} tensors at {len(history.steps)} steps"
    content = cell_map(
        title, history.names, history.steps, history.values, marked=marked, scale=shown.scale
    )
    return Picture("map", f"{shown.heading}, by tensor and step", content, note=_note(history))


def _note(history: History) -> str:
    told = "From the input of the network down to its output."
    if np.isnan(history.values).all():
        return "Nothing that could be read was saved of these tensors."
    if len(history.steps) < history.of:
        return f"{told} Read at {len(history.steps)} of {history.of:,} saved steps."
    return told
