"""Tells when a backward pass is over, and the gradients of all parameters stand in `.grad`."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


class BackwardPass:
    """Calls `done` after each backward pass, until `remove`.

    Under DistributedDataParallel the processes have averaged their gradients by then: its own
    callback at the end of the pass was handed in before the second of ours.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], done: Callable[[], None]) -> None:
        self._done = done
        self._running = False
        self._handles: list[RemovableHandle] = [
            parameter.register_post_accumulate_grad_hook(self._reached)
            for parameter in parameters
            if parameter.requires_grad
        ]

    def remove(self) -> None:
        """Listen no longer."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _reached(self, _: Tensor) -> None:
        if not self._running:
            self._running = True
            _at_the_end(self._nearly_over)

    def _nearly_over(self) -> None:
        _at_the_end(self._over)

    def _over(self) -> None:
        self._running = False
        if self._handles:
            self._done()


def _at_the_end(call: Callable[[], None]) -> None:
    torch.autograd.Variable._execution_engine.queue_callback(call)
