"""Times a copy of the network forth and back, with few pictures and in other arithmetic.

What a batch costs beyond its pictures (calls, the weights' way through the caches, their
gradients), and what other arithmetic really brings, depends on the network so much that it is
measured on the network itself.
"""

import copy
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from imageclf.model import architecture as architectures
from imageclf.profiler.collect.counting import without_hooks
from imageclf.profiler.collect.peaks import DTYPES, Bench

FEWEST = 2
"""Pictures that a batch norm needs."""

_LEAST = 3
"""Passes that are timed; the shortest counts."""


class Passes:
    """Times passes of a copy of `network`, which stays as it is; the copy is in training mode.

    Raises:
        RuntimeError: there is no room for the copy.
    """

    def __init__(
        self, network: nn.Module, device: torch.device, image_size: int, channels_last: bool
    ) -> None:
        self._network = copy.deepcopy(network, without_hooks(network)).train()
        self._device, self._image_size = device, image_size
        self._layout = torch.channels_last if channels_last else torch.contiguous_format

    def ms(self, bench: Bench, precision: str, pictures: int) -> float:
        """Forth and back with so many pictures, without the optimiser.

        Raises:
            RuntimeError: an operator cannot do it, or there is no room.
        """
        shape = (pictures, 3, self._image_size, self._image_size)
        images_bchw = torch.zeros(shape, device=self._device).contiguous(memory_format=self._layout)
        labels_b = torch.zeros(pictures, dtype=torch.int64, device=self._device)
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), torch.enable_grad():
            one_pass = partial(self._pass, images_bchw, labels_b, precision)
            return bench.best_s(one_pass, least=_LEAST) * 1e3

    def _pass(self, images_bchw: Tensor, labels_b: Tensor, precision: str) -> None:
        self._network.zero_grad(set_to_none=True)
        dtype = DTYPES[precision]
        with torch.autocast(self._device.type, dtype, enabled=dtype != torch.float32):
            output: Any = self._network(images_bchw)
        main_bk, auxiliary = architectures.all_logits(output)
        loss = nn.functional.cross_entropy(main_bk.float(), labels_b)
        for logits_bk in auxiliary:
            loss = loss + nn.functional.cross_entropy(logits_bk.float(), labels_b)
        if loss.requires_grad:
            loss.backward()


def numbers_of_pictures(batch_size: int, flop_a_picture: float, enough_flop: float) -> list[int]:
    """How many pictures to time passes with: few, and as many as `enough_flop` allows.

    Only few where they take more than that, and none where they take twice as much.
    """
    if batch_size < FEWEST or FEWEST * flop_a_picture > 2 * enough_flop:
        return []
    most = min(batch_size, int(enough_flop / max(1.0, flop_a_picture)))
    return [FEWEST, most] if most >= 2 * FEWEST else [FEWEST]
