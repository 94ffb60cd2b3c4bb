"""A compiled network: what is saved of it, and that it stays one graph."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, fx, nn

from tests.debugger.hook.small import STATISTICS, Net, made, read, train

_WEIGHTS_ONLY = {name: STATISTICS[name] for name in ("weights", "gradients", "losses")}


class _Graphs:
    """A backend that counts graphs and how often they run."""

    def __init__(self) -> None:
        self.made = self.run = 0

    def __call__(self, graph: fx.GraphModule, _: list[Tensor]) -> object:
        self.made += 1

        def counted(*args: Tensor) -> object:
            self.run += 1
            return graph(*args)

        return counted


@pytest.fixture(autouse=True)
def _forget_graphs() -> None:
    torch._dynamo.reset()


def test_steps_that_are_not_saved_run_the_one_graph(tmp_path: Path) -> None:
    graphs, hook = _Graphs(), made(tmp_path, 3, statistics=STATISTICS)
    network = torch.compile(Net(), backend=graphs)
    assert isinstance(network, nn.Module)
    hook.register_module(network)

    list(train(network, hook, 6))
    hook.close()

    assert (graphs.made, graphs.run) == (1, 4)
    trial = read(tmp_path)
    assert trial.steps() == [0, 3]
    assert trial.tensor("relu_output_1").steps() == [0, 3]
    assert trial.tensor("gradient/Net_conv.weight").reduction_value(3, "l2") > 0


def test_weights_and_gradients_need_no_other_way(tmp_path: Path) -> None:
    graphs, hook = _Graphs(), made(tmp_path, 2, statistics=_WEIGHTS_ONLY)
    network = torch.compile(Net(), backend=graphs)
    assert isinstance(network, nn.Module)
    hook.register_module(network)

    list(train(network, hook, 6))
    hook.close()

    assert graphs.made == 1
    assert graphs.run == 5  # but for the first, at which nobody knows which layers are saved
    assert read(tmp_path).tensor("gradient/Net_head.weight").steps() == [0, 2, 4]


def test_a_forward_pass_that_fails_leaves_other_networks_compiled(tmp_path: Path) -> None:
    graphs, hook = _Graphs(), made(tmp_path, statistics=STATISTICS)
    network = torch.compile(Net(), backend=graphs)
    other = torch.compile(nn.Linear(2, 2), backend=graphs)
    assert isinstance(network, nn.Module)
    hook.register_module(network)

    with pytest.raises(RuntimeError):
        network(torch.randn(1, 2, 3))
    other(torch.randn(1, 2))

    assert graphs.run == 1
    hook.close()


def test_a_loop_may_register_the_network_and_compile_it_later(tmp_path: Path) -> None:
    graphs, hook = _Graphs(), made(tmp_path, 2, statistics=STATISTICS)
    inner = Net()
    hook.register_module(inner)
    network = torch.compile(inner, backend=graphs)
    assert isinstance(network, nn.Module)
    loss_of = nn.CrossEntropyLoss()
    for _ in range(4):
        hook.begin_step()
        loss = loss_of(network(torch.randn(6, 3, 8, 8)), torch.arange(6) % 2)
        hook.record("CrossEntropyLoss_output_0", loss, "losses")
        loss.backward()
        hook.gradients_ready()
        hook.end_step()
    hook.close()

    trial = read(tmp_path)
    assert trial.tensor("relu_output_0").steps() == [0, 2]
    assert trial.tensor("gradient/Net_head.weight").steps() == [0, 2]
    assert graphs.run > 0
