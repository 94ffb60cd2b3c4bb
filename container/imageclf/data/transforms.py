"""Pictures to tensors: crop, resize, augmentation; and the normalisation of a whole batch.

A view is uint8; normalisation is left to the device (`normalise`). The crop is chosen from the
header's size, so a large JPEG is decoded no larger than the crop needs. Every random draw of a
view is a function of one number (`view_seed`), and torch's global random state is left as it was.
"""

import hashlib
import math
import random
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from imageclf.data.decode import DEFAULT_MAX_MEGAPIXELS, OpenImage, open_image
from imageclf.vision import torchvision

Augment = Literal["none", "light", "medium", "strong"]

CROP_SHARE = 0.875
"""Side of the centre crop over the shorter side: 224 of 256, as in the ImageNet evaluations."""

CROP_AREA = (0.35, 1.0)
CROP_RATIO = (3 / 4, 4 / 3)
JITTER = 0.3
ERASE_PROBABILITY = 0.25

Box = tuple[int, int, int, int]

_GENERATOR = threading.Lock()


class Transform(Protocol):
    """What makes a view of a picture."""

    @property
    def image_size(self) -> int: ...

    def __call__(
        self,
        source: Path | bytes,
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
        source: Path | bytes,
        *,
        max_megapixels: float = DEFAULT_MAX_MEGAPIXELS,
        generator_seed: int | None = None,  # noqa: ARG002  all transforms are called alike
    ) -> Tensor:
        with open_image(source, max_megapixels=max_megapixels) as image:
            return _crop(image, _centre(image.size, self.crop_share), self.image_size)


@dataclass(frozen=True)
class TrainTransform:
    """A random view of a picture.

    `none` is the centre, as in evaluation; `light` a random crop, mirrored half the time; `medium`
    also varies brightness, contrast and saturation; `strong` has TrivialAugmentWide (Mueller and
    Hutter, 2021) and random erasing instead. Gives uint8 [3, image_size, image_size]; raises
    ImageError. The view is a function of `generator_seed` alone; without one it is any view.
    """

    image_size: int
    augment: Augment = "light"
    crop_share: float = CROP_SHARE

    def __call__(
        self,
        source: Path | bytes,
        *,
        max_megapixels: float = DEFAULT_MAX_MEGAPIXELS,
        generator_seed: int | None = None,
    ) -> Tensor:
        if self.augment == "none":
            whole = EvalTransform(self.image_size, self.crop_share)
            return whole(source, max_megapixels=max_megapixels)
        draw = random.Random(generator_seed)
        with open_image(source, max_megapixels=max_megapixels) as image:
            view_chw = _crop(image, _random_box(image.size, draw), self.image_size)
        if draw.random() < 0.5:
            view_chw = _mirrored(view_chw)
        if self.augment == "medium":
            return _jitter(view_chw, draw)
        if self.augment == "strong":
            return _trivial_augment_and_erase(view_chw, draw.getrandbits(63))
        return view_chw


def view_seed(seed: int, epoch: int, index: int) -> int:
    """The number that decides the view of picture `index` in `epoch`: 64 bits, well mixed."""
    digest = hashlib.blake2b(struct.pack("<qqq", seed, epoch, index), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


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


def _centre(size: tuple[int, int], share: float) -> Box:
    side = max(1, round(min(size) * share))
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    return left, top, left + side, top + side


def _random_box(size: tuple[int, int], draw: random.Random) -> Box:
    """A box of random area, shape and place, as GoogLeNet was trained (Szegedy et al., 2014)."""
    width, height = size
    for _ in range(10):
        area = width * height * draw.uniform(*CROP_AREA)
        ratio = math.exp(draw.uniform(math.log(CROP_RATIO[0]), math.log(CROP_RATIO[1])))
        box_width, box_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < box_width <= width and 0 < box_height <= height:
            left, top = draw.randint(0, width - box_width), draw.randint(0, height - box_height)
            return left, top, left + box_width, top + box_height
    return _centre(size, 1.0)


def _crop(image: OpenImage, box: Box, side: int) -> Tensor:
    """`box` of `image`, resized to uint8 [3, side, side], rows of RGB pixels in memory."""
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


def _mirrored(view_chw: Tensor) -> Tensor:
    # Not torch's flip: it wakes torch's threads, which on busy cores takes longer than the decode.
    return _to_tensor(_to_pillow(view_chw).transpose(Image.Transpose.FLIP_LEFT_RIGHT))


def _jitter(view_chw: Tensor, draw: random.Random) -> Tensor:
    image = _to_pillow(view_chw)
    adjust = torchvision.transforms.functional
    steps = [adjust.adjust_brightness, adjust.adjust_contrast, adjust.adjust_saturation]
    draw.shuffle(steps)
    for step in steps:
        image = step(image, draw.uniform(1 - JITTER, 1 + JITTER))
    return _to_tensor(image)


def _trivial_augment_and_erase(view_chw: Tensor, seed: int) -> Tensor:
    transforms = torchvision.transforms
    with _torch_seeded(seed):
        view_chw = _to_tensor(transforms.TrivialAugmentWide()(_to_pillow(view_chw)))
        erased: Tensor = transforms.RandomErasing(p=ERASE_PROBABILITY, value=128)(view_chw)
    return erased


@contextmanager
def _torch_seeded(seed: int) -> Iterator[None]:
    """Seed the CPU's default generator for a while; `torch.manual_seed` would reseed GPUs too.

    There is one for the whole process, so threads take turns.
    """
    with _GENERATOR:
        before = torch.default_generator.get_state()
        torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            torch.default_generator.set_state(before)


def _to_pillow(view_chw: Tensor) -> Image.Image:
    return Image.fromarray(view_chw.permute(1, 2, 0).contiguous().numpy())


def _to_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)
