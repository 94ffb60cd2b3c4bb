"""The processes of one training: who they are, and what they tell each other.

`torchrun` starts them and says in the environment who is who. A training of one process has the
same interface and sends nothing. Only rank 0 writes files.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor, nn

_PATIENCE = timedelta(hours=2)  # one rank may look through a large data set while others wait

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """All processes of the training, seen from one of them."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "World":
        return cls(
            rank=int(environment.get("RANK", 0)),
            size=int(environment.get("WORLD_SIZE", 1)),
            local_rank=int(environment.get("LOCAL_RANK", 0)),
            local_size=int(environment.get("LOCAL_WORLD_SIZE", 1)),
        )

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and the log."""
        return self.rank == 0

    def join(self, cuda: bool) -> None:
        """Meet the other processes."""
        if self.size > 1:
            backend = "cuda:nccl,cpu:gloo" if cuda else "gloo"
            dist.init_process_group(backend, timeout=_PATIENCE)

    def leave(self) -> None:
        """Part from the other processes."""
        if dist.is_initialized():
            dist.destroy_process_group()

    def once_per_host(self, work: Callable[[], T]) -> T:
        """The result of `work`, done by the first process of each host; its error is everyone's."""
        return self._done_by(self.rank - self.local_rank, work)

    def once_per_training(self, work: Callable[[], T]) -> T:
        """The result of `work`, done by rank 0; its error is everyone's."""
        return self._done_by(0, work)

    def host_by_host(self, work: Callable[[], T]) -> T:
        """Do `work` in every process, in the first of each host before the others."""
        if self.local_rank == 0:
            result = work()
        self.wait()
        return result if self.local_rank == 0 else work()

    def agree(self, value: Any) -> list[Any]:
        """The `value` of every process, by rank."""
        return [value] if self.size == 1 else self._exchange(value)

    def wait(self) -> None:
        """Go on only when all processes are here."""
        if self.size > 1:
            dist.barrier()

    def sum(self, values: Tensor) -> Tensor:
        """Elementwise sum of a float64 tensor over all processes."""
        total = values.detach().to("cpu", torch.float64)
        if self.size > 1:
            dist.all_reduce(total)
        return total

    def share_bytes(self, content: bytes | None) -> bytes | None:
        """What rank 0 holds, in every process."""
        if self.size == 1:
            return content
        length = self.agree(-1 if content is None else len(content))[0]
        if length < 0:
            return None
        buffer = torch.empty(length, dtype=torch.uint8)
        if self.leads and content is not None:
            buffer = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        dist.broadcast(buffer, 0)
        return buffer.numpy().tobytes()

    def share_buffers(self, network: nn.Module) -> None:
        """Give all processes rank 0's statistics of batch norm."""
        if self.size > 1:
            for buffer in network.buffers():
                dist.broadcast(buffer, 0)

    def gather_rows(
        self, rows_nk: npt.NDArray[np.float32], places_n: npt.NDArray[np.int64], total: int
    ) -> npt.NDArray[np.float32]:
        """All rows [total, K] in every process, each at its place; a process may bring none."""
        parts = [part for part in self.agree((places_n, rows_nk)) if len(part[0])]
        gathered = np.empty((total, parts[0][1].shape[1]), np.float32)
        for places, rows in parts:
            gathered[places] = rows
        return gathered

    def _done_by(self, rank: int, work: Callable[[], T]) -> T:
        if self.size == 1:
            return work()
        mine: tuple[T | None, Exception | None] = (None, None)
        if self.rank == rank:
            try:
                mine = (work(), None)
            except Exception as error:  # noqa: BLE001  (raised again below, in every process)
                mine = (None, error)
        result, fault = self._exchange(mine)[rank]
        if fault is not None:
            raise fault
        return result  # type: ignore[no-any-return]

    def _exchange(self, value: Any) -> list[Any]:
        everyone: list[Any] = [None] * self.size
        dist.all_gather_object(everyone, value)
        return everyone


class Agreement:
    """Small decisions all processes take together at each step, while the step computes.

    Each process says what it wants (`propose`), computes, then learns what anyone wanted
    (`decide`); the exchange runs meanwhile.
    """

    def __init__(self, world: World, choices: int) -> None:
        self._world = world
        self._wanted = torch.zeros(choices, dtype=torch.int32)
        self._pending: dist.Work | None = None

    def propose(self, *wanted: bool) -> None:
        self._wanted = torch.tensor(wanted, dtype=torch.int32)
        if self._world.size > 1:
            self._pending = dist.all_reduce(self._wanted, dist.ReduceOp.MAX, async_op=True)

    def decide(self) -> list[bool]:
        if self._pending is not None:
            self._pending.wait()
            self._pending = None
        return [bool(wanted) for wanted in self._wanted]
