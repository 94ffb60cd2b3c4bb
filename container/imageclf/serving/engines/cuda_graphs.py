"""A forward pass as recorded CUDA graphs: a small batch is launched at once, not layer by layer."""

from collections.abc import Callable

import torch
from torch import Tensor

SIZES = (1, 2, 4, 8, 16)
"""Batches that get a graph; others are filled up to the next, larger ones run without."""

_WARM_UPS = 3
"""Runs before recording, in which libraries choose their kernels. Source: torch's CUDA notes."""

Run = Callable[[Tensor], Tensor]


def next_size(batch: int, sizes: tuple[int, ...] = SIZES) -> int | None:
    """The smallest of `sizes` that holds `batch`; None when none does."""
    return next((size for size in sizes if size >= batch), None)


class CudaGraphs:
    """`run` recorded for some batch sizes, each when it is first needed."""

    def __init__(self, run: Run, device: torch.device, image_size: int) -> None:
        self._run = run
        self._device = device
        self._shape = (3, image_size, image_size)
        self._graphs: dict[int, Run] = {}

    def __call__(self, images_u8_bchw: Tensor) -> Tensor:
        """Logits [B, classes] of pictures [B, 3, S, S] on the device."""
        batch = len(images_u8_bchw)
        size = next_size(batch)
        if size is None:
            return self._run(images_u8_bchw)
        if size not in self._graphs:
            self._graphs[size] = self._record(size)
        return self._graphs[size](images_u8_bchw)[:batch]

    def _record(self, size: int) -> Run:
        shape = (size, *self._shape)
        images_u8_bchw = torch.zeros(shape, dtype=torch.uint8, device=self._device)
        side = torch.cuda.Stream(self._device)
        side.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                self._run(images_u8_bchw)
        torch.cuda.current_stream(self._device).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            logits_bk = self._run(images_u8_bchw)

        def replay(given_u8_bchw: Tensor) -> Tensor:
            images_u8_bchw[: len(given_u8_bchw)].copy_(given_u8_bchw)
            graph.replay()
            return logits_bk

        return replay
