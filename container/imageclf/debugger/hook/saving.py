"""smdebug's hook as far as it saves: what a step gathers while it is computed, and writes."""

import atexit
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from imageclf.debugger import names
from imageclf.debugger.hook import tensorboard
from imageclf.debugger.hook.backward import BackwardPass
from imageclf.debugger.hook.choosing import ChoosingHook
from imageclf.debugger.hook.earlier import Earlier
from imageclf.debugger.hook.foreign import CollectionKeys, ModeKeys
from imageclf.debugger.hook.gathering import Gathered, Gathering, Planned, to_numpy
from imageclf.debugger.hook.layers import Layers
from imageclf.debugger.hook.step_file import StepWriter
from imageclf.debugger.hook.wire import Moment
from imageclf.debugger.statistics import Values
from imageclf.errors import TensorsError

log = logging.getLogger(__name__)


class SavingHook(ChoosingHook):
    """A step from its beginning to its files; `Hook` says when that is.

    Args:
        sample_images: see `Hook`.
        (others): see `ChoosingHook`.
    """

    _closed = True

    def __init__(self, *choices: Any, sample_images: int | None, **others: Any) -> None:
        super().__init__(*choices, **others)
        self.failure: TensorsError | None = None
        """Why nothing more is written; None while all is well."""
        self.bytes_written = 0
        self._sample_images = sample_images
        self._step_writer = StepWriter(self._folder, self.worker)
        self._layers = Layers()
        self._earlier = Earlier()
        self._networks: list[tuple[str, nn.Module]] = []
        self._outer: set[nn.Module] = set()  # networks and losses: nothing compiled is around them
        self._handles: list[RemovableHandle] = []
        self._moment = Moment(-1, self.mode, -1)
        self.last_saved_step: int | None = None
        self._due_now: frozenset[str] = frozenset()
        self._gathering: Gathering | None = None
        self._backward: BackwardPass | None = None
        self._stance = ExitStack()
        self._explicit = self._paused = self._closed = False
        self._gradients_given = self._gradients_seen = False
        self._exported_members = -1
        self._process = os.getpid()
        atexit.unregister(self._cleanup)
        atexit.register(self._leave)

    def _begin(self) -> None:
        self._finish()
        self._prepare()
        self._increment_step()
        due = self._due(self.mode_steps[self.mode]) if self._can_save() else frozenset()
        if due:
            with self._guarded():
                self._gather(due)

    def _can_save(self) -> bool:
        return self.failure is None and not self._closed and self._writes()

    def _gather(self, due: frozenset[str]) -> None:
        """Begin to gather the tensors of this step."""
        self._due_now = due
        self._moment = Moment(self.step, self.mode, self.mode_steps[self.mode])
        self._gathering = Gathering(
            self._earlier, self._sample_images, tensorboard=self.tensorboard_dir is not None
        )
        self._gathering.take_all(self._planned(""))
        self._layers.install(self._see, due)
        if CollectionKeys.GRADIENTS in due and not self._gradients_given:
            parameters = [p for _, network in self._networks for p in network.parameters()]
            self._backward = BackwardPass(parameters, self._backward_done)

    def _planned(self, prefix: str) -> Iterator[Planned]:
        """The weights, or with the prefix of gradients the gradients, that are saved now."""
        for network_name, network in self._networks:
            for name, parameter in network.named_parameters():
                full = f"{prefix}{network_name}_{name}"
                plan = self._plan(full, self._due_now)
                tensor = parameter.grad if prefix else parameter.data
                if plan and tensor is not None:
                    yield full, tensor, plan

    def _take_gradients(self, scale: Tensor | None) -> None:
        if self._gathering is None or self._paused:
            return
        with self._guarded():
            self._gradients_seen = True
            self._gathering.take_all(self._planned(self.GRADIENT_PREFIX), scale)
            self._gathering.settle()
            if scale is not None:  # the scaler skips such a step, and scales less from then on
                self._gathering.forget_overflow(self.GRADIENT_PREFIX)

    def _forward_begins(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        """A forward pass begins: a step of its own, unless the loop says what a step is."""
        if self._paused:
            return
        if not self._explicit:
            self._begin()
            self._compute_plainly()
        if self._gathering is not None:
            self._layers.show_inputs(module, args, kwargs)

    def _forward_over(self, *_: Any) -> None:
        if not self._explicit:
            self._stance.close()

    def _compute_plainly(self) -> None:
        """Let compiled networks run as written, where something inside them is looked at."""
        if "torch._dynamo" in sys.modules and self._layers.inside(self._outer):
            self._stance.enter_context(torch.compiler.set_stance("force_eager"))

    def _backward_done(self) -> None:
        if not self._gradients_given:
            self._take_gradients(None)

    def _see(self, name: str, tensor: Tensor, collections: Sequence[str]) -> bool:
        """Take a tensor that passes by, if it is saved at this step."""
        if self._paused or self._gathering is None:
            return False
        plan = None
        with self._guarded():
            for collection in self._due_now.intersection(collections):
                self._join(name, collection)
            plan = self._plan(name, self._due_now)
            if plan:
                self._gathering.take(name, tensor, plan)
        return bool(plan)

    def _finish(self) -> None:
        """Write what the step gathered, if it did."""
        gathering, self._gathering = self._gathering, None
        self._look_away()
        if gathering is None:
            return
        empty = False
        with self._guarded():
            gathered = gathering.settle()
            self._add_given(gathered)
            empty = not gathered.shapes and not gathered.raw
            if not empty:
                self._write(gathered)
        if empty:
            self._refuse_nothing()

    def _look_away(self) -> None:
        self._layers.remove()
        self._stance.close()
        if self._backward is not None:
            self._backward.remove()
            self._backward = None

    def _add_given(self, gathered: Gathered) -> None:
        """Add what `save_tensor` and `save_scalar` were given since the last saved step."""
        for name, (value, collection) in self.custom_tensors_to_save.items():
            self._join(name, collection)
            gathered.raw[name] = self._make_numpy_array(value)
        for scalar in self.scalar_cache:
            gathered.raw[scalar.name] = gathered.curves[scalar.name] = scalar.value
            gathered.from_s[scalar.name] = scalar.timestamp
        self.custom_tensors_to_save.clear()
        self.scalar_cache.clear()

    def _write(self, gathered: Gathered) -> None:
        self._export_collections()
        self.bytes_written += self._step_writer.write(
            self._moment, gathered.records(), gathered.raw_records(), gathered.shapes_alone()
        )
        self.last_saved_step = self._moment.step
        if self.tensorboard_dir is not None:
            folder = Path(self.tensorboard_dir)
            tensorboard.write(folder, self._moment, gathered.curves, gathered.histograms)

    def _export_collections(self) -> None:
        """Write the collections' file anew when tensors have joined them."""
        members = sum(len(one.tensor_names) for one in self.get_collections().values())
        if members != self._exported_members:
            workers = self._get_num_workers() if self.save_all_workers else 1
            self.collection_manager.set_num_workers(workers)
            self.collection_manager.export(self.out_dir, f"{self.worker}_collections.json")
            self._exported_members = members

    def _refuse_nothing(self) -> None:
        """Raise when nothing was ever saved though it should have been."""
        without_backward = CollectionKeys.GRADIENTS in self._due_now and not self._gradients_seen
        training = self._moment.mode in {ModeKeys.TRAIN, ModeKeys.GLOBAL}
        if self.last_saved_step is None and training and not without_backward:
            raise TensorsError(
                f"No tensor of step {self._moment.step} is in a collection to be saved "
                f"({', '.join(sorted(self._due_now))}); check their include_regex, "
                "and whether the loss is registered."
            )

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """What fails inside ends the saving, and is no fault of the training."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  (whatever it is: the training goes on)
            self._gathering = None
            self._look_away()
            if self.failure is None:
                self.failure = _as_failure(error)
                log.warning("no more tensors are saved: %s", self.failure)

    def _end(self) -> None:
        """Leave the network as it was, and the folder complete."""
        self._closed = True
        atexit.unregister(self._leave)
        for handle in self._handles:
            handle.remove()
        if not self._writes():
            return
        with self._guarded():
            if self.scalar_cache or self.custom_tensors_to_save:
                self._write_left_over()
            self._export_collections()
            (self._folder / names.END_OF_JOB).touch()
            self._claim.release()

    def _write_left_over(self) -> None:
        step = self.step + (self.last_saved_step == self.step)
        self._moment = Moment(max(step, 0), self.mode, max(self.mode_steps[self.mode], 0))
        gathered = Gathered()
        self._add_given(gathered)
        self._write(gathered)

    def _cleanup(self) -> None:
        self.close()

    def _leave(self) -> None:
        """The program ends; a process that was forked from it leaves the files alone."""
        if os.getpid() == self._process:
            try:
                self.close()
            except TensorsError as error:
                log.warning("%s", error)

    @staticmethod
    def _make_numpy_array(tensor_value: Any) -> Values:
        if np.isscalar(tensor_value):
            return np.array([tensor_value])  # as smdebug has numbers
        return to_numpy(torch.as_tensor(tensor_value))


def _as_failure(error: Exception) -> TensorsError:
    if isinstance(error, TensorsError):
        return error
    cause = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
    failure = TensorsError(f"Tensors cannot be saved ({cause}).")
    failure.__cause__ = error
    return failure
