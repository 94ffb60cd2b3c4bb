"""Random views of pictures, for training.

Every random draw of a view is a function of one number (`view_seed`), and torch's global random
state is left as it was.
"""

import hashlib
import math
import random
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from imageclf.data.decode import DEFAULT_MAX_MEGAPIXELS, open_image
from imageclf.data.files import Opener
from imageclf.data.transforms import CROP_SHARE, Box, EvalTransform, centre, crop
from imageclf.vision import torchvision

Augment = Literal["none", "light", "medium", "strong"]

CROP_AREA = (0.35, 1.0)
CROP_RATIO = (3 / 4, 4 / 3)
JITTER = 0.3
ERASE_PROBABILITY = 0.25

_GENERATOR = threading.Lock()


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
        source: Opener | bytes,
        *,
        max_megapixels: float = DEFAULT_MAX_MEGAPIXELS,
        generator_seed: int | None = None,
    ) -> Tensor:
        if self.augment == "none":
            whole = EvalTransform(self.image_size, self.crop_share)
            return whole(source, max_megapixels=max_megapixels)
        draw = random.Random(generator_seed)
        with open_image(source, max_megapixels=max_megapixels) as image:
            view_chw = crop(image, _random_box(image.size, draw), self.image_size)
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
    return centre(size, 1.0)


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
