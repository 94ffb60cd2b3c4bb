"""What the training program talks to: it is told what happens, and saves what is asked for.

Nothing that goes wrong here reaches the training: the first fault is told once, and nothing more
is recorded. Neither random numbers nor gradients are touched, so that a training goes the same way
with and without it. smdebug is loaded only when something is recorded.
"""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from imageclf.debugger import names
from imageclf.debugger.hook import tensor_folder
from imageclf.debugger.hook.settings import DebugSettings
from imageclf.errors import SettingsError

if TYPE_CHECKING:
    from imageclf.debugger.hook.hook import Hook

log = logging.getLogger(__name__)

_SAMPLES = 8
_SAMPLE_SIDE = 64


class NoRecorder:
    """Records nothing; what a training has when the debugger is off."""

    fault = ""

    def begin(self, network: nn.Module, train_steps: int, passes: int) -> None: ...

    def step_begins(self) -> None: ...

    def given(self, images_bchw: Tensor) -> None: ...

    def computed(self, loss: Tensor, labels_b: Tensor, logits_bk: Tensor) -> None: ...

    def gradients(self, scaler: torch.amp.GradScaler) -> None: ...

    def step_ends(self) -> None: ...

    @contextmanager
    def validating(self) -> Iterator[None]:
        yield

    def validated(
        self, loss: float, labels_n: npt.NDArray[np.int64], logits_nk: npt.NDArray[np.float32]
    ) -> None: ...

    def last_step(self) -> None: ...

    def close(self) -> None: ...


class Recorder(NoRecorder):
    """Saves tensors of one process of a training.

    Args:
        folder: where to; it is made ready by `tensor_folder.prepare`.
        tensorboard: folder of TensorBoard's files; None for none.
        ends: whether this process says, at the end, that nothing more will come.
    """

    def __init__(
        self, settings: DebugSettings, folder: Path, tensorboard: Path | None, *, ends: bool
    ) -> None:
        self.fault = ""
        """Why recording ended before the training did, one sentence; empty when it did not."""
        self._settings = settings
        self._folder = folder
        self._tensorboard = tensorboard
        self._ends = ends
        self._hook: Hook | None = None
        self._last: tuple[Tensor, Tensor, Tensor] | None = None
        self._recorded = self._sampled = False

    def begin(self, network: nn.Module, train_steps: int, passes: int) -> None:
        """Watch `network` from now on; so many training steps and validation passes are behind.

        Raises:
            SettingsError: nothing could be saved as it is set.
        """
        with self._guarded():
            self._hook = self._make_hook(network, train_steps, passes)

    def step_begins(self) -> None:
        """A training step begins."""
        if self._hook is None:
            return
        with self._guarded():
            self._last = None
            self._hook.set_mode(self._modes.TRAIN)
            self._recorded = self._hook.will_save()
            self._hook.begin_step()

    def given(self, images_bchw: Tensor) -> None:
        """The network gets these pictures; a few of the first ones are kept for the report."""
        if self._hook is None or self._sampled or not self._recorded:
            return
        with self._guarded():
            self._sampled = True
            self._hook.record(names.INPUT_SAMPLE, _small(images_bchw), names.INPUT_SAMPLE)

    def computed(self, loss: Tensor, labels_b: Tensor, logits_bk: Tensor) -> None:
        """The forward pass is done; `loss` is the sum over this process's part of the batch."""
        if self._hook is None:
            return
        with self._guarded():
            self._last = (loss.detach(), labels_b, logits_bk.detach())
            if self._recorded:
                self._record_last()

    def gradients(self, scaler: torch.amp.GradScaler) -> None:
        """The backward pass is done; gradients are neither unscaled nor clipped yet."""
        if self._hook is None:
            return
        with self._guarded():
            self._hook.gradients_ready(scaler)

    def step_ends(self) -> None:
        """The weights have been updated."""
        if self._hook is None:
            return
        with self._guarded():
            self._end_step()

    @contextmanager
    def validating(self) -> Iterator[None]:
        """Inside, the network computes for no step."""
        if self._hook is None:
            yield
            return
        with self._hook.paused():
            yield

    def validated(
        self, loss: float, labels_n: npt.NDArray[np.int64], logits_nk: npt.NDArray[np.float32]
    ) -> None:
        """A pass over the validation split is done: one step of mode EVAL."""
        if self._hook is None:
            return
        with self._guarded():
            self._hook.begin_step(self._modes.EVAL)
            predicted_n = torch.from_numpy(logits_nk.argmax(axis=1))
            self._record(torch.tensor(loss), torch.tensor(labels_n), predicted_n)
            self._end_step()

    def last_step(self) -> None:
        """The training fails: save the step it failed at, were it due or not."""
        if self._hook is None or self._last is None or self._recorded:
            return
        with self._guarded():
            self._hook.save_this_step()
            self._record_last()
            self._end_step()

    def close(self) -> None:
        """Nothing more comes. A second call does nothing."""
        hook, self._hook, self._last = self._hook, None, None
        if hook is None and not self._ends:
            return
        with self._guarded():
            if hook is not None:
                hook.close()
                _check(hook)
            if self._ends:
                self._ends = False
                tensor_folder.end(self._folder)

    def _end_step(self) -> None:
        assert self._hook is not None
        self._hook.end_step()
        _check(self._hook)

    def _record_last(self) -> None:
        assert self._last is not None
        loss, labels_b, logits_bk = self._last
        self._record(loss / len(labels_b), labels_b, logits_bk.argmax(1))

    def _record(self, loss: Tensor, labels_b: Tensor, predicted_b: Tensor) -> None:
        assert self._hook is not None
        self._hook.record(names.LOSS_TENSOR, loss, names.LOSSES)
        self._hook.record(names.LABELS_TENSOR, labels_b, names.LABELS)
        self._hook.record(names.PREDICTIONS_TENSOR, predicted_b, names.PREDICTIONS)

    def _make_hook(self, network: nn.Module, train_steps: int, passes: int) -> "Hook":
        from imageclf.debugger.hook import making  # noqa: PLC0415  (loads smdebug)

        self._modes = making.ModeKeys
        before = {self._modes.TRAIN: train_steps, self._modes.EVAL: passes}
        hook = making.make_hook(self._settings, self._folder, self._tensorboard, before)
        hook.register_module(network)
        return hook

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """What fails inside ends the recording, not the training."""
        try:
            yield
        except SettingsError:
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is: the training goes on)
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        hook, self._hook, self._last = self._hook, None, None
        if self.fault:
            return
        cause = str(error).strip().removesuffix(".") or type(error).__name__
        self.fault = f"Recording ended before the training did: {cause}."
        if hook is None or error is not hook.failure:  # the hook has told its own
            log.warning("the debugger records nothing more: %s", cause)
        if hook is not None:
            _close_quietly(hook)


def _small(images_bchw: Tensor) -> Tensor:
    """The first pictures, every so many pixels of them."""
    stride = max(1, math.ceil(max(images_bchw.shape[2:]) / _SAMPLE_SIDE))
    return images_bchw[:_SAMPLES, :, ::stride, ::stride].detach().float().contiguous()


def _close_quietly(hook: "Hook") -> None:
    """Let go of the network; what fails now follows from what was told already."""
    told = logging.getLogger(type(hook).__module__)
    before, told.disabled = told.disabled, True
    try:
        hook.close()
    except Exception:
        log.debug("the hook did not close", exc_info=True)
    finally:
        told.disabled = before


def _check(hook: "Hook") -> None:
    if hook.failure is not None:
        raise hook.failure
