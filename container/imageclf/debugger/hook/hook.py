"""smdebug's hook for PyTorch, with statistics that cost little.

`Hook` takes what `smdebug.pytorch.Hook` takes and writes what it writes. It differs in how: all
statistics of a step are computed on the device and fetched together, the files are written from
templates, and layers carry hooks only at steps that are saved.
"""

import atexit
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import OptState
from torch.utils.hooks import RemovableHandle

from imageclf.debugger import names
from imageclf.debugger.hook import tensorboard
from imageclf.debugger.hook.backward import BackwardPass
from imageclf.debugger.hook.choosing import ChoosingHook
from imageclf.debugger.hook.earlier import Earlier
from imageclf.debugger.hook.foreign import (
    CollectionKeys,
    ModeKeys,
    ReductionConfig,
    remove_claim_file,
)
from imageclf.debugger.hook.gathering import Gathered, Gathering, Planned, to_numpy
from imageclf.debugger.hook.layers import Layers
from imageclf.debugger.hook.plans import Statistics
from imageclf.debugger.hook.step_file import StepWriter
from imageclf.debugger.hook.wire import Moment
from imageclf.debugger.statistics import Values
from imageclf.errors import SettingsError, TensorsError

log = logging.getLogger(__name__)

_WRAPPERS = {"DistributedDataParallel", "DataParallel", "OptimizedModule"}


class Hook(ChoosingHook):
    """Saves tensors of a network while it trains.

    Without more, each forward pass of the registered network is a step, as with smdebug. A loop
    that calls `begin_step` and `end_step` says itself what a step is.

    A compiled network gives weights and gradients at every saved step. Where outputs or inputs of
    its layers are wanted, that step computes without the compiled graph; all other steps run the
    one graph that they would have without hook. Register what `torch.compile` returned.

    Gradients are those in `.grad` after the backward pass: added up over several passes if the loop
    does so, averaged under DistributedDataParallel, and still scaled under a GradScaler unless
    `gradients_ready(scaler)` is called.

    Args:
        out_dir: empty or absent folder on this machine.
        statistics: for each collection the names of statistics (`imageclf.debugger.statistics`), or
            `raw`, to save of its tensors. Those collections are saved, by default without values.
        sample_images: statistics of activations come from so many entries of the batch; None for
            all of them. smdebug's reductions always come from all.
        steps_before: steps of each mode that an earlier part of the run has done; `out_dir` may
            hold their tensors then.
        (others): as in `smdebug.pytorch.Hook`.

    Raises:
        SettingsError: nothing could be saved like that.
    """

    def __init__(  # noqa: PLR0917  (as smdebug's)
        self,
        out_dir: str | Path | None = None,
        export_tensorboard: bool = False,
        tensorboard_dir: str | None = None,
        dry_run: bool = False,
        reduction_config: ReductionConfig | None = None,
        save_config: Any = None,
        include_regex: list[str] | None = None,
        include_collections: list[str] | None = None,
        save_all: bool = False,
        include_workers: str = "one",
        *,
        statistics: Statistics | None = None,
        sample_images: int | None = 4,
        steps_before: Mapping[ModeKeys, int] | None = None,
    ) -> None:
        super().__init__(
            out_dir,
            statistics,
            steps_before,
            include_collections,
            export_tensorboard=export_tensorboard,
            tensorboard_dir=tensorboard_dir,
            dry_run=dry_run,
            reduction_config=reduction_config,
            save_config=save_config,
            include_regex=include_regex,
            save_all=save_all,
            include_workers=include_workers,
        )
        self.failure: TensorsError | None = None
        """Why nothing more is written; None while all is well."""
        self.bytes_written = 0
        self._sample_images = sample_images
        self._step_writer = StepWriter(self._folder, self.worker)
        self._layers = Layers()
        self._earlier = Earlier()
        self._networks: list[tuple[str, nn.Module]] = []
        self._outer: set[nn.Module] = set()
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

    def register_module(self, module: nn.Module) -> None:
        """Watch a network; what wraps it (DistributedDataParallel, torch.compile) leaves no trace.

        Raises:
            SettingsError: it is no network, or registered already.
        """
        if not isinstance(module, nn.Module):
            raise SettingsError(f"The hook watches networks, and {type(module).__name__} is none.")
        network = _unwrapped(module)
        if network in self._layers or module in self._layers:
            raise SettingsError("A network is registered with the hook twice; register it once.")
        name = network._get_name()
        for path, layer in network.named_modules():
            layer._module_name = path or name
            if layer is not network:
                self._layers.add(layer, path)
            self.module_set.add(layer)
        self._layers.add_network(module, name)
        self._networks.append((name, network))
        self._outer.add(module)
        self._handles.append(
            module.register_forward_pre_hook(self._forward_begins, with_kwargs=True)
        )
        self.has_registered_module = True

    def register_loss(self, loss_module: nn.Module) -> None:
        """Save what a loss such as `nn.CrossEntropyLoss()` gives.

        Raises:
            SettingsError: it is not a loss of PyTorch's.
        """
        if not isinstance(loss_module, nn.modules.loss._Loss):
            raise SettingsError(
                f"{type(loss_module).__name__} is no loss of torch.nn; "
                "give its value to hook.record_tensor_value instead."
            )
        loss_module._module_name = loss_module._get_name()
        self._layers.add(loss_module, loss_module._get_name())
        self.module_set.add(loss_module)
        self.has_registered_loss_module = True

    def begin_step(self, mode: ModeKeys | None = None) -> None:
        """Begin a step, which lasts to `end_step` whatever is computed meanwhile.

        Raises:
            TensorsError: the step before had nothing to save, though it was due.
        """
        if mode is not None:
            self.set_mode(mode)
        self._begin()
        self._explicit = True

    def end_step(self) -> None:
        """The step is over: write what it gathered.

        Raises:
            TensorsError: there was nothing to save, though the step was due.
        """
        self._explicit = False
        self._finish()

    def save_this_step(self) -> None:
        """Save the step that has begun, were it due or not: weights and gradients as they are."""
        if self._gathering is None and self._can_save():
            self._gather(frozenset(one.name for one in self._get_all_collections_to_save()))
            self._take_gradients(None)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Inside, nothing that the network computes is a step or belongs to one."""
        before, self._paused = self._paused, True
        try:
            yield
        finally:
            self._paused = before

    def record(self, name: str, tensor: Any, collection: str) -> None:
        """Save a tensor that no layer gives as part of this step, in a collection that is saved."""
        if self._gathering is not None:
            self._see(name, torch.as_tensor(tensor), (collection,))

    def gradients_ready(self, scaler: torch.amp.GradScaler | None = None) -> None:
        """The backward pass is done: take the gradients of all weights that have one.

        Args:
            scaler: takes its scale out of them, unless it has unscaled them already.
        """
        self._gradients_given = True
        if self._gathering is not None:
            self._take_gradients(_scale(scaler))

    def record_tensor_value(self, tensor_name: str, tensor_value: Tensor) -> None:
        """Save what a function such as `F.mse_loss` gave, as `<tensor_name>_output_0`."""
        if self._gathering is not None:
            self._layers.show_output(tensor_name, tensor_value)

    def close(self) -> None:
        """Write what is left, and say that nothing more will come. A second call does nothing.

        Raises:
            TensorsError: the last step had nothing to save, though it was due.
        """
        if self._closed:
            return
        try:
            self._finish()
        finally:
            self._end()

    def _begin(self) -> None:
        self._finish()
        self._prepare()
        self._increment_step()
        due = self._due(self.mode_steps[self.mode]) if self._can_save() else frozenset()
        if due:
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
        if "torch._dynamo" in sys.modules and self._layers.inside(self._outer):
            self._stance.enter_context(torch.compiler.set_stance("force_eager"))
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
        assert self._gathering is not None
        self._gradients_seen = True
        self._gathering.take_all(self._planned(self.GRADIENT_PREFIX), scale)
        self._gathering.settle()

    def _forward_begins(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        """A forward pass begins: a step of its own, unless the loop says what a step is."""
        if self._paused:
            return
        if not self._explicit:
            self._begin()
        if self._gathering is not None:
            self._layers.show_inputs(module, args, kwargs)

    def _backward_done(self) -> None:
        with self._guarded():
            if self._gathering is not None and not self._paused and not self._gradients_given:
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
        with self._guarded():
            gathered = gathering.settle()
            self._add_given(gathered)
            if gathered.shapes or gathered.raw:
                self._write(gathered)
            else:
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
            self.failure = _as_failure(error)
            log.warning("no more tensors are saved: %s", self.failure)

    def _end(self) -> None:
        """Leave the network as it was, and the folder complete."""
        self._closed = True
        for handle in self._handles:
            handle.remove()
        if not self._writes():
            return
        with self._guarded():
            if self.scalar_cache or self.custom_tensors_to_save:
                self._write_left_over()
            self._export_collections()
            (self._folder / names.END_OF_JOB).touch()
            remove_claim_file(self.out_dir)

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
            self.close()

    @staticmethod
    def _make_numpy_array(tensor_value: Any) -> Values:
        return to_numpy(torch.as_tensor(tensor_value))


def _unwrapped(module: nn.Module) -> nn.Module:
    """The network inside DistributedDataParallel and torch.compile."""
    for inner in ("_orig_mod", "module"):
        found = module._modules.get(inner)
        if found is not None and type(module).__name__ in _WRAPPERS:
            return _unwrapped(found)
    return module


def _scale(scaler: torch.amp.GradScaler | None) -> Tensor | None:
    """What gradients are still multiplied with; None when with nothing."""
    if scaler is None or not scaler.is_enabled():
        return None
    states = scaler._per_optimizer_states.values()
    if any(state["stage"] is not OptState.READY for state in states):
        return None
    return torch.tensor(scaler.get_scale())


def _as_failure(error: Exception) -> TensorsError:
    if isinstance(error, TensorsError):
        return error
    failure = TensorsError(f"Tensors cannot be saved ({type(error).__name__}: {error}).")
    failure.__cause__ = error
    return failure
