"""smdebug's hook for PyTorch, with statistics that cost little.

`Hook` takes what `smdebug.pytorch.Hook` takes and writes what it writes. It differs in how: all
statistics of a step are computed on the device and fetched together, the files are written from
templates, and layers carry hooks only at steps that are saved.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import OptState

from imageclf.debugger.hook.foreign import (
    ModeKeys,
    ReductionConfig,
)
from imageclf.debugger.hook.plans import Statistics
from imageclf.debugger.hook.saving import SavingHook
from imageclf.errors import SettingsError

log = logging.getLogger(__name__)

_WRAPPERS = {"DistributedDataParallel", "DataParallel", "OptimizedModule"}


class Hook(SavingHook):
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
            sample_images=sample_images,
            export_tensorboard=export_tensorboard,
            tensorboard_dir=tensorboard_dir,
            dry_run=dry_run,
            reduction_config=reduction_config,
            save_config=save_config,
            include_regex=include_regex,
            save_all=save_all,
            include_workers=include_workers,
        )

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
        self._handles += [
            module.register_forward_pre_hook(self._forward_begins, with_kwargs=True),
            module.register_forward_hook(self._forward_over, always_call=True),
        ]
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
        self._outer.add(loss_module)
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
        self._compute_plainly()

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
            with self._guarded():
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
            scaler: its scale is taken out of them, unless it has unscaled them already. Gradients
                that overflowed under it are not saved: it does not apply them either.
        """
        self._gradients_given = True
        if self._gathering is not None:  # asking for the scale waits for the device
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
