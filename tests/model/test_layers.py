from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from imageclf.artifact import NetworkSpec
from imageclf.model import architecture as architectures
from imageclf.model.layers import Freezer, blocks


def inside(name: str, parts: tuple[str, ...]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def learning(network: nn.Module) -> set[str]:
    return {name for name, weight in network.named_parameters() if weight.requires_grad}


def heads(architecture: str) -> tuple[str, ...]:
    branches = architectures.auxiliary_names(architecture)
    return (architectures.head_name(architecture), *branches)


def top_level(network: nn.Module) -> set[str]:
    """Weights of their own that belong to a container, as the class token of a transformer."""
    return {name for name, _ in network.named_parameters() if name.count(".") == 0} | {
        name for name in ("encoder.pos_embedding",) if name in dict(network.named_parameters())
    }


def members(network: nn.Module, parts: tuple[str, ...]) -> Counter[str]:
    return Counter(
        f"{part}.{name}"
        for part in parts
        for name, _ in network.get_submodule(part).named_parameters()
    )


def test_every_weight_of_the_backbone_is_in_one_block(outlines: Mapping[str, nn.Module]) -> None:
    for architecture, network in outlines.items():
        divided = blocks(network, architecture)
        assert len(divided) >= 2, architecture
        counted = sum((members(network, block) for block in divided), Counter[str]())
        head = members(network, heads(architecture))
        names = {name for name, _ in network.named_parameters()}
        assert set(counted.values()) == {1}, architecture
        assert names - set(counted) - set(head) == top_level(network), architecture


def test_blocks_run_from_the_input_to_the_head(outlines: Mapping[str, nn.Module]) -> None:
    assert blocks(outlines["resnet18"], "resnet18") == [
        ("conv1", "bn1", "layer1"),
        ("layer2",),
        ("layer3",),
        ("layer4",),
    ]
    assert blocks(outlines["inception_v3"], "inception_v3")[-1] == ("Mixed_7c",)
    assert blocks(outlines["vit_b_16"], "vit_b_16")[-1] == (
        "encoder.layers.encoder_layer_11",
        "encoder.ln",
    )


def test_what_learns_is_what_was_asked_for_in_every_architecture(
    outlines: Mapping[str, nn.Module],
) -> None:
    for architecture, network in outlines.items():
        everything = {name for name, _ in network.named_parameters()}
        only_heads = {name for name in everything if inside(name, heads(architecture))}
        learns = {}
        for train in ("head", "last-block", "all"):
            Freezer(network, architecture, train, 1).apply(1)
            learns[train] = learning(network)
        assert learns["head"] == only_heads, architecture
        assert only_heads < learns["last-block"] < everything, architecture
        assert learns["all"] == everything, architecture
        last = blocks(network, architecture)[-1]
        assert all(inside(name, last) for name in learns["last-block"] - only_heads)


def test_gradual_begins_with_the_head_and_ends_with_everything(
    outlines: Mapping[str, nn.Module],
) -> None:
    for architecture, network in outlines.items():
        freezer = Freezer(network, architecture, "gradual", 1)
        steps = len(blocks(network, architecture)) + 1
        learns = []
        for epoch in range(1, steps + 1):
            assert freezer.apply(epoch)
            learns.append(learning(network))
        assert all(inside(name, heads(architecture)) for name in learns[0]), architecture
        assert all(fewer < more for fewer, more in pairwise(learns))
        assert len(learns[-1]) == len(list(network.parameters())), architecture
        assert not freezer.apply(steps + 1)


def test_gradual_opens_a_block_every_so_many_epochs(outlines: Mapping[str, nn.Module]) -> None:
    freezer = Freezer(outlines["resnet18"], "resnet18", "gradual", 3)
    opened = [freezer.learning_blocks(epoch) for epoch in range(1, 17)]
    assert opened == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4]
    assert [freezer.apply(epoch) for epoch in range(1, 5)] == [True, False, False, True]


def train_a_step(network: nn.Module, size: int) -> None:
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    output = network(torch.randn(4, 3, size, size))
    main, auxiliary = architectures.all_logits(output)
    sum((logits.square().sum() for logits in (main, *auxiliary)), torch.zeros(())).backward()
    optimizer.step()


def changed(network: nn.Module, before: Mapping[str, Tensor]) -> set[str]:
    now = network.state_dict()
    return {name for name, tensor in before.items() if not torch.equal(tensor, now[name])}


def snapshot(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "densenet121"])
@pytest.mark.parametrize(("train", "opened"), [("head", 0), ("last-block", 1)])
def test_a_step_changes_nothing_that_is_frozen_statistics_included(
    name: str, train: str, opened: int
) -> None:
    network = architectures.build(NetworkSpec(architecture=name, classes=3, image_size=32))
    freezer = Freezer(network, name, train, 1)
    freezer.apply(1)
    freezer.train_mode()
    before = snapshot(network)
    train_a_step(network, 32)
    last = blocks(network, name)[-1] if opened else ()
    different = changed(network, before)
    assert different
    assert all(inside(key, (architectures.head_name(name), *last)) for key in different)


def test_when_all_layers_learn_all_batch_norms_follow_the_data() -> None:
    network = architectures.build(NetworkSpec(architecture="resnet18", classes=3, image_size=32))
    freezer = Freezer(network, "resnet18", "all", 1)
    freezer.apply(1)
    freezer.train_mode()
    before = snapshot(network)
    train_a_step(network, 32)
    assert changed(network, before) == before.keys()


def test_frozen_batch_norms_keep_their_statistics_while_all_weights_learn() -> None:
    network = architectures.build(NetworkSpec(architecture="resnet18", classes=3, image_size=32))
    freezer = Freezer(network, "resnet18", "all", 1)
    freezer.apply(1)
    freezer.train_mode(frozen_batch_norm=True)
    before = snapshot(network)
    train_a_step(network, 32)
    statistics = {name for name in before if "running" in name or "num_batches" in name}
    assert statistics
    assert changed(network, before) == before.keys() - statistics


def test_frozen_dropout_is_off_and_that_of_the_head_is_on() -> None:
    spec = NetworkSpec(architecture="vit_b_32", classes=3, image_size=32, dropout=0.5)
    with architectures.WithoutWeights():
        network = architectures.build(spec)
    freezer = Freezer(network, "vit_b_32", "head", 1)
    freezer.apply(1)
    freezer.train_mode()
    active = {
        name for name, m in network.named_modules() if isinstance(m, nn.Dropout) and m.training
    }
    assert active == {"heads.head.0"}


def test_auxiliary_heads_learn_from_the_first_epoch_of_a_gradual_training() -> None:
    spec = NetworkSpec(architecture="googlenet", classes=3, image_size=64)
    network = architectures.build(spec, auxiliary=True)
    freezer = Freezer(network, "googlenet", "gradual", 1)
    freezer.apply(1)
    freezer.train_mode()
    before = snapshot(network)
    train_a_step(network, 64)
    assert {name.partition(".")[0] for name in changed(network, before)} == {"fc", "aux1", "aux2"}
    assert not any(
        m.training
        for name, m in network.named_modules()
        if isinstance(m, _BatchNorm) and not name.startswith("aux")
    )


def test_the_log_says_what_learns(outlines: Mapping[str, nn.Module]) -> None:
    said = []
    for train in ("head", "last-block", "all"):
        freezer = Freezer(outlines["resnet18"], "resnet18", train, 1)
        freezer.apply(1)
        said.append(freezer.describe())
    assert said == [
        "the head: 0.00 of 11.18 million weights learn",
        "the head, layer4: 8.40 of 11.18 million weights learn",
        "all layers: 11.18 of 11.18 million weights learn",
    ]
