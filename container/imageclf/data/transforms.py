"""Pictures to tensors as evaluation and serving see them; and the normalisation of a whole batch.

A view is uint8; normalisation is left to the device (`normalise`). The crop is chosen from the
header's size, so a large JPEG is decoded no larger than the crop needs. torchvision stays out:
serving pays neither its time nor its memory. Random views are in `imageclf.data.augment`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from imageclf.data.decode import DEFAULT_MAX_MEGAPIXELS, OpenImage, open_image
from imageclf.data.files import Opener

CROP_SHARE = 0.875
"""Side of the centre crop over the shorter side: 224 of 256, as in the ImageNet evaluations."""

Box = tuple[int, int, int, int]


class Transform(Protocol):
    """What makes a view of a picture."""

    @property
    def image_size(self) -> int: ...

    def __call__(
        self,
        source: Opener | bytes,
        *,
        max_megapixels: float = DEFAULT_MAX_MEGAPIXELS,
        generator_seed: int | None = None,
    ) -> Tensor: ...


@dataclass(frozen=True)
class EvalTransform:
    """The centre of a picture, always the same view.

    Equals resizing the shorter side to `image_size / crop_share` and cropping the centre, in one
    step. Gives uint8 [3, image_size, image_size]; raises ImageError.
    """

    image_size: int
    crop_share: float = CROP_SHARE

    def __call__(
        self,
        source: Opener | bytes,
        *,
        max_megapixels: float = DEFAULT_MAX_MEGAPIXELS,
        generator_seed: int | None = None,  # noqa: ARG002  all transforms are called alike
    ) -> Tensor:
        with open_image(source, max_megapixels=max_megapixels) as image:
            return crop(image, centre(image.size, self.crop_share), self.image_size)


def normalise(
    images_u8_bchw: Tensor,
    mean: Sequence[float],
    std: Sequence[float],
    dtype: torch.dtype,
    channels_last: bool,
) -> Tensor:
    """`(images / 255 - mean) / std` in `dtype`, on the device the images are on.

    Computed in 32 bits and rounded once, so that bf16 loses nothing on the way.
    """
    device = images_u8_bchw.device
    std_c = torch.tensor(std, dtype=torch.float32)
    scale_c11 = (1 / (255 * std_c)).view(-1, 1, 1).to(device, non_blocking=True)
    shift_c11 = (-torch.tensor(mean, dtype=torch.float32) / std_c).view(-1, 1, 1)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    # Bytes are cheaper to lay out anew than floats.
    values = images_u8_bchw.contiguous(memory_format=layout).to(torch.float32)
    values.mul_(scale_c11).add_(shift_c11.to(device, non_blocking=True))
    return values.to(dtype)


def centre(size: tuple[int, int], share: float) -> Box:
    """The square in the middle of `size` (width, height) that has `share` of its shorter side."""
    side = max(1, round(min(size) * share))
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    return left, top, left + side, top + side


def crop(image: OpenImage, box: Box, side: int) -> Tensor:
    """`box` of `image`, resized to uint8 [3, side, side], rows of RGB pixels in memory.

    Raises:
        ImageError: the picture cannot be decoded.
    """
    width, height = image.size
    least = (
        math.ceil(width * side / (box[2] - box[0])),
        math.ceil(height * side / (box[3] - box[1])),
    )
    pixels = image.rgb(least)
    if pixels.size != image.size:
        box = _scaled(box, pixels.width / width, pixels.height / height, pixels.size)
    left, top, right, bottom = box
    part_hwc = torch.from_numpy(np.asarray(pixels)[top:bottom, left:right].copy())
    # torch's uint8 resize is about four times as fast as Pillow's.
    view_bchw = functional.interpolate(
        part_hwc[None].permute(0, 3, 1, 2), (side, side), mode="bilinear", antialias=True
    )
    return view_bchw[0]


def _scaled(box: Box, across: float, down: float, size: tuple[int, int]) -> Box:
    left, top = int(box[0] * across), int(box[1] * down)
    right = min(size[0], max(left + 1, round(box[2] * across)))
    bottom = min(size[1], max(top + 1, round(box[3] * down)))
    return left, top, right, bottom
