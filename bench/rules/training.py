"""A plain loop over a tiny network, whose tensors are saved at every step."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.rules.networks import pictures
from imageclf.debugger import names
from imageclf.debugger.hook.hook import Hook
from imageclf.debugger.rules.catalogue import needs_of
from imageclf.rules.configuration import RuleConfiguration

Make = Callable[[], nn.Module]

Save = Callable[[Path], Any]
"""Makes a hook of smdebug's kind that saves in a folder."""

_PATTERNS = {
    names.RELU_OUTPUT: ".*relu_output",
    names.RELU_INPUT: ".*relu_input",
    names.SATURATING_INPUT: ".*tanh_input|.*sigmoid_input",
}


def with_statistics(rules: Iterable[RuleConfiguration]) -> Save:
    """Our hook, which saves the statistics that `rules` need, of all pictures."""
    from smdebug.pytorch import SaveConfig  # noqa: PLC0415

    needs: dict[str, frozenset[str]] = {}
    for rule in rules:
        for name, wanted in needs_of(rule).items():
            needs[name] = needs.get(name, frozenset()) | wanted
    return lambda folder: Hook(
        out_dir=folder,
        save_config=SaveConfig(save_interval=1),
        statistics=needs,
        sample_images=None,
    )


def with_values(folder: Path) -> Any:
    """smdebug's own hook, which saves the values of all that the rules look at."""
    from smdebug.pytorch import Hook as SmdebugHook  # noqa: PLC0415
    from smdebug.pytorch import SaveConfig  # noqa: PLC0415

    hook = SmdebugHook(
        out_dir=str(folder),
        save_config=SaveConfig(save_interval=1),
        include_collections=[names.WEIGHTS, names.GRADIENTS, names.LOSSES, *_PATTERNS],
    )
    for name, pattern in _PATTERNS.items():
        hook.get_collection(name).include(pattern)
    return hook


@dataclass(frozen=True)
class Training:
    """SGD for a few steps on the network that `make` makes; the same each time on one thread."""

    make: Make
    lr: float = 0.05
    momentum: float = 0.0
    steps: int = 12
    seed: int = 0

    def run(self, folder: Path, save: Save) -> None:
        """Train, and save all steps below `folder`."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            self._run(save(folder))
        finally:
            torch.set_num_threads(threads)

    def _run(self, hook: Any) -> None:
        from smdebug.pytorch import modes  # noqa: PLC0415

        torch.manual_seed(self.seed)
        network, criterion = self.make(), nn.CrossEntropyLoss()
        hook.register_module(network)
        hook.register_loss(criterion)
        hook.set_mode(modes.TRAIN)
        learning = [one for one in network.parameters() if one.requires_grad]
        optimizer = torch.optim.SGD(learning, lr=self.lr, momentum=self.momentum)
        for _, (images_bchw, labels_b) in zip(range(self.steps), pictures(self.seed), strict=False):
            optimizer.zero_grad()
            criterion(network(images_bchw), labels_b).backward()
            optimizer.step()
        hook.close()
