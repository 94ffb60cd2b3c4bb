"""What the network was shown: means of the channels by step, and some pictures as it saw them."""

import base64
import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from imageclf.debugger import names, statistics
from imageclf.debugger.report.picture import Later, Picture, plot
from imageclf.debugger.report.reading import Measure, Reader
from imageclf.debugger.saved import Saved, SavedStep
from imageclf.debugger.statistics import Values
from imageclf.report.plots import Series, line_chart
from imageclf.rules.finding import Finding

SAMPLES = 8
SIDE = 96
"""Larger pictures are made so small, in pixels."""

CHANNELS = 4
RGB = 3


@dataclass(frozen=True)
class Sample:
    """A picture as a `data:` address, and the range of its values."""

    address: str
    low: float
    high: float


def input_pictures(reader: Reader, findings: Sequence[Finding], axis: int) -> Later:
    """Means of the channels against the bound, and a few pictures: the sample, or a saved batch.

    `axis` is that of the channels in a batch: 1 for [B, C, H, W], 3 for [B, H, W, C].
    """
    found = {finding.tensor for finding in findings}

    def select(step: SavedStep) -> Iterator[Saved]:
        return (one for one in step.tensors if names.INPUTS in one.collections or one.name in found)

    wishes = [reader.ask(select, _channel_mean(channel, axis)) for channel in range(CHANNELS)]
    samples: list[Sample] = []

    def pictured(step: SavedStep) -> Iterator[Saved]:
        kept = (one for one in step.tensors if names.INPUT_SAMPLE in one.collections)
        return itertools.chain(kept, select(step))

    def keep(tensor: Saved) -> float | None:
        if not samples:
            samples.extend(_samples(tensor.values, axis))
        return None

    reader.ask(pictured, keep)

    def draw() -> list[Picture]:
        series = [
            Series(
                f"channel {channel}", [float(step) for step in one.steps], one.values[0].tolist()
            )
            for channel, wish in enumerate(wishes)
            if (one := wish.history()).names
        ]
        return [*_means(series, findings), *_shown(samples)]

    return draw


def _channel_mean(channel: int, axis: int) -> Measure:
    def measure(tensor: Saved) -> float | None:
        means = tensor.saved_statistics.get(statistics.CHANNEL_MEANS)
        if means is None and tensor.values is not None and tensor.values.ndim > axis:
            axes = statistics.unit_axes(tensor.values.ndim, axis)
            means = np.asarray(np.mean(tensor.values, axis=axes, dtype=np.float64))
        flat = None if means is None else np.ravel(means)
        return None if flat is None or channel >= flat.size else float(flat[channel])

    return measure


def _means(series: Sequence[Series], findings: Sequence[Finding]) -> list[Picture]:
    bound = findings[0].threshold
    drawing = line_chart(
        "Mean of each channel by step",
        series,
        x_label="step",
        mark=(float(findings[0].step), f"found at {findings[0].step}"),
        levels=(-bound, bound),
    )
    note = f"Each batch for itself; the lines across are the bounds, {bound:g} either side of 0."
    lines = tuple(one.name for one in series)
    return [plot("Mean of each channel", drawing, lines, note)] if drawing else []


def _shown(samples: Sequence[Sample]) -> list[Picture]:
    note = (
        "The first pictures of a batch after all transforms, each stretched from its least to its "
        "greatest value; below it that range."
    )
    heading = "Pictures as the network saw them"
    return [Picture("samples", heading, list(samples), note=note)] if samples else []


def _samples(batch: Values | None, axis: int) -> Iterator[Sample]:
    """The first pictures of a batch [B, C, H, W] or [B, H, W, C]; none of anything else."""
    if batch is None or batch.ndim != 4 or batch.dtype.kind not in "fiub" or not batch.size:
        return
    for picture in batch[:SAMPLES]:
        yield _sample(np.moveaxis(picture.astype(np.float64), axis - 1, -1))


def _sample(picture_hwc: Values) -> Sample:
    finite = picture_hwc[np.isfinite(picture_hwc)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    stretched = np.nan_to_num((picture_hwc - low) / ((high - low) or 1.0), posinf=1.0, neginf=0.0)
    pixels = (255 * stretched.clip(0, 1)).astype(np.uint8)
    pixels = pixels[..., :RGB] if pixels.shape[-1] >= RGB else pixels[..., 0]
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE))
    content = io.BytesIO()
    image.save(content, "PNG")
    encoded = base64.b64encode(content.getvalue()).decode()
    return Sample(f"data:image/png;base64,{encoded}", float(low), float(high))
