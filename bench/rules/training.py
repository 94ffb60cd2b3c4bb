"""A plain loop over a tiny network, whose tensors are saved at every step."""

from collections.abc import Callable
from pathlib import Path

import torch
from smdebug.pytorch import Hook as SmdebugHook
from smdebug.pytorch import SaveConfig, modes
from torch import nn

from bench.rules.networks import pictures
from imageclf.debugger import names

Make = Callable[[], nn.Module]

_PATTERNS = {
    names.RELU_OUTPUT: ".*relu_output",
    names.RELU_INPUT: ".*relu_input",
    names.SATURATING_INPUT: ".*tanh_input|.*sigmoid_input",
}


def with_values(folder: Path) -> SmdebugHook:
    """smdebug's own hook, which saves the values of all that the rules look at."""
    by_name = [names.WEIGHTS, names.GRADIENTS, names.LOSSES, *_PATTERNS]
    hook = SmdebugHook(
        out_dir=str(folder),
        save_config=SaveConfig(save_interval=1),
        include_collections=by_name,
    )
    for name, pattern in _PATTERNS.items():
        hook.get_collection(name).include(pattern)
    return hook


def train(
    folder: Path,
    make: Make,
    *,
    lr: float = 0.05,
    momentum: float = 0.0,
    steps: int = 12,
    seed: int = 0,
) -> None:
    """Train the network that `make` makes, with SGD, and save it all below `folder`."""
    torch.manual_seed(seed)
    network, criterion = make(), nn.CrossEntropyLoss()
    hook = with_values(folder)
    hook.register_module(network)
    hook.register_loss(criterion)
    hook.set_mode(modes.TRAIN)
    learning = [one for one in network.parameters() if one.requires_grad]
    optimizer = torch.optim.SGD(learning, lr=lr, momentum=momentum)
    for _, (images_bchw, labels_b) in zip(range(steps), pictures(seed), strict=False):
        optimizer.zero_grad()
        criterion(network(images_bchw), labels_b).backward()
        optimizer.step()
    hook.close()
