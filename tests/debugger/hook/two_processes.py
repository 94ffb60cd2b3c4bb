"""A training in several processes under DistributedDataParallel, for test_hook_distributed.py.

python -m tests.debugger.hook.two_processes FOLDER RANK SIZE RENDEZVOUS
"""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from tests.debugger.hook.small import STATISTICS, Net, made, train


def main() -> None:
    """Train three steps; each process leaves the norms of its averaged gradients behind."""
    folder, rank, size, rendezvous = sys.argv[1:]
    dist.init_process_group(
        "gloo", init_method=f"file://{rendezvous}", rank=int(rank), world_size=int(size)
    )
    torch.manual_seed(0)
    network = Net()
    hook = made(Path(folder), statistics=STATISTICS, include_workers="all")
    model = DistributedDataParallel(network, gradient_as_bucket_view=True)
    hook.register_module(model)
    torch.manual_seed(int(rank))  # each process has pictures of its own
    norms = [_norm(network.head.weight) for _ in train(model, hook, 3)]
    hook.close()
    dist.destroy_process_group()
    Path(rendezvous + rank).write_text(json.dumps(norms))


def _norm(weight: Tensor) -> float:
    assert weight.grad is not None
    return float(weight.grad.norm())


if __name__ == "__main__":
    main()
