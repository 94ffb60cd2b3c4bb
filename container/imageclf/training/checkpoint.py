"""Checkpoints: everything a training needs to go on as if it had never stopped.

    checkpoints/
      step-000001234.safetensors   weights, optimiser state, position, history; the last two
      best-0007.safetensors        weights of the best epoch so far

A file has its name only when it is whole and on the disk, so the newest readable one is always a
state that was. Random numbers need no place in it: sampling, views of a picture, mixup and dropout
are drawn from (seed, epoch, batch, rank) at each step, so the position says which come next.
"""

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.optim import Optimizer

from imageclf.errors import CheckpointError
from imageclf.model.weights import Tensors, fill, write_tensors

_STATE = "state"
_NETWORK, _OPTIMIZER = "network.", "optimizer."
_NAME = re.compile(r"step-(\d+)\.safetensors")


class Sums(BaseModel):
    """What has been added up in the current epoch, over all processes."""

    loss: float = 0.0
    right: float = 0.0
    images: float = 0.0
    seconds: float = 0.0


class Best(BaseModel):
    """The epoch to keep."""

    epoch: int
    value: float
    loss: float


class State(BaseModel):
    """Where a training stands; all of it that is not a tensor."""

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="constants")

    given: dict[str, str]
    resolved: dict[str, str]
    data_fingerprint: str
    classes: tuple[str, ...]
    epoch: int = 1
    batch: int = 0
    step: int = 0
    sums: Sums = Sums()
    history: list[dict[str, float]] = []
    best: Best | None = None
    waiting: int = 0
    scaler: dict[str, Any] = {}
    seconds: float = 0.0
    resumed: list[str] = []


class CheckpointFolder:
    """The checkpoints of one training, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def newest(self) -> tuple[bytes, list[str]] | None:
        """Content of the newest whole checkpoint, and a sentence for each damaged one passed over.

        Raises:
            CheckpointError: there are checkpoints and none can be read.
        """
        damaged = []
        for path in reversed(self._checkpoints()):
            try:
                content = path.read_bytes()
                decode(content)
            except (OSError, CheckpointError) as error:
                damaged.append(f"{path.name} cannot be used ({error})")
                continue
            return content, damaged
        if damaged:
            raise CheckpointError(
                f"No checkpoint in {self._folder} can be read: {'; '.join(damaged)}; "
                "empty the folder to start anew."
            )
        return None

    def save(self, state: State, network: nn.Module, optimizer: Optimizer) -> Path:
        """Write a checkpoint, then let go of those it replaces.

        Raises:
            CheckpointError: the weights are no longer numbers, or the disk did not take it; the
                last good checkpoint is untouched.
        """
        weights = network.state_dict()
        _check_finite(weights)
        tensors = {f"{_NETWORK}{name}": tensor for name, tensor in weights.items()}
        tensors |= _optimizer_tensors(network, optimizer)
        path = self._folder / f"step-{state.step:09d}.safetensors"
        self._write(path, tensors, {_STATE: state.model_dump_json()})
        self._tidy(state)
        return path

    def save_best(self, epoch: int, network: nn.Module) -> None:
        """Keep the weights of `epoch`; earlier ones stay until a checkpoint names this one."""
        self._write(self._best(epoch), network.state_dict(), {})

    def read_best(self, epoch: int) -> bytes:
        """Weights of the epoch that was kept, in the safetensors format."""
        try:
            return self._best(epoch).read_bytes()
        except OSError as error:
            raise CheckpointError(
                f"The weights of the best epoch, {self._best(epoch)}, cannot be read "
                f"({error.strerror}); empty the folder to start anew."
            ) from error

    def _write(self, path: Path, tensors: Tensors, metadata: Mapping[str, str]) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_tensors(path, tensors, metadata)
        except OSError as error:
            raise CheckpointError(
                f"The checkpoint {path} could not be written ({error}); make room on the disk or "
                "give the job a larger volume. The last good checkpoint is untouched."
            ) from error

    def _checkpoints(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if _NAME.fullmatch(path.name))

    def _best(self, epoch: int) -> Path:
        return self._folder / f"best-{epoch:04d}.safetensors"

    def _tidy(self, state: State) -> None:
        *earlier, _ = self._checkpoints()
        old, previous = earlier[:-1], earlier[-1:]
        kept = [state, *(other for path in previous for other in _readable(path))]
        bests = {self._best(other.best.epoch) for other in kept if other.best}
        unnamed = set(self._folder.glob("best-*.safetensors")) - bests
        for path in [*old, *unnamed, *self._folder.glob(".*.tmp")]:
            path.unlink(missing_ok=True)


def decode(content: bytes) -> State:
    """The state in the bytes of a checkpoint.

    Raises:
        CheckpointError: cut off, damaged, or of another version.
    """
    return _decode(io.BytesIO(content), len(content))


def _decode(stream: BinaryIO, size: int) -> State:
    """The state in a safetensors file of `size` bytes, whose tensors are not looked at."""
    length = int.from_bytes(stream.read(8), "little")
    if not 8 + length <= size:
        raise CheckpointError("it is cut off")
    try:
        header = json.loads(stream.read(length))
        state = State.model_validate_json(header.pop("__metadata__")[_STATE])
        end = max(entry["data_offsets"][1] for entry in header.values())
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError("it is damaged, or of another version") from error
    if 8 + length + end != size:
        raise CheckpointError("it is cut off")
    return state


def restore(content: bytes, network: nn.Module, optimizer: Optimizer) -> State:
    """Put a checkpoint's tensors into `network` and `optimizer`; returns its state."""
    tensors = safetensors.torch.load(content)
    restore_network(_part(tensors, _NETWORK), network)
    names = dict(network.named_parameters())
    for key, tensor in _part(tensors, _OPTIMIZER).items():
        name, _, kind = key.rpartition("/")
        fused = bool(optimizer.defaults.get("fused"))
        optimizer.state[names[name]][kind] = _placed(tensor, names[name], kind, fused)
    return decode(content)


def restore_network(tensors: Tensors, network: nn.Module) -> None:
    """Put weights into `network`, each in the layout and on the device it has there."""
    try:
        fill(network, tensors)
    except RuntimeError as error:
        raise CheckpointError(f"The checkpoint holds another network: {error}") from error


def _optimizer_tensors(network: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    return {
        f"{_OPTIMIZER}{name}/{kind}": value
        for name, weight in network.named_parameters()
        for kind, value in optimizer.state.get(weight, {}).items()
        if isinstance(value, Tensor)
    }


def _placed(tensor: Tensor, weight: Tensor, kind: str, fused: bool) -> Tensor:
    """A piece of an optimiser's state where the optimiser looks for it.

    It gets the strides of its weight, since fused optimisers walk both in memory order; counters
    of steps lie on the device only for those.
    """
    if kind == "step":
        return tensor.to(weight.device if fused else "cpu")
    return torch.empty_like(weight, dtype=tensor.dtype, requires_grad=False).copy_(tensor)


def _part(tensors: Tensors, prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _check_finite(weights: Tensors) -> None:
    for name, tensor in weights.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(
                f"The weights of {name} are no longer numbers, so no checkpoint was written; "
                "lower lr. The last good checkpoint is untouched."
            )


def _readable(path: Path) -> list[State]:
    """The state in the file at `path`, if there is one."""
    try:
        with path.open("rb") as file:
            return [_decode(file, path.stat().st_size)]
    except (OSError, CheckpointError):
        return []
