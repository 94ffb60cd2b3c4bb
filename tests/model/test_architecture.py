from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from imageclf.artifact import NetworkSpec
from imageclf.errors import SettingsError
from imageclf.model import architecture as architectures
from tests.model.conftest import CLASSES

ODD = 13  # a number of classes that no inner layer has


def outputs(layer: nn.Module) -> int:
    assert isinstance(layer, nn.Linear | nn.Conv2d)
    return layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels


def test_all_of_torchvisions_classifiers_are_known() -> None:
    names = architectures.names()
    assert len(names) == 80
    assert {"resnet50", "inception_v3", "vit_b_16", "squeezenet1_1", "efficientnet_b0"} < set(names)
    assert not any("rcnn" in name or "raft" in name or "quantized" in name for name in names)


def test_every_architecture_has_one_head_that_makes_the_logits(
    outlines: Mapping[str, nn.Module],
) -> None:
    for name, network in outlines.items():
        assert outputs(network.get_submodule(architectures.head_name(name))) == CLASSES, name


def test_only_inception_and_googlenet_have_auxiliary_heads(
    outlines: Mapping[str, nn.Module],
) -> None:
    found = {name: architectures.auxiliary_names(name) for name in outlines}
    assert {name: branches for name, branches in found.items() if branches} == {
        "inception_v3": ("AuxLogits",),
        "googlenet": ("aux1", "aux2"),
    }
    for name, branches in found.items():
        assert architectures.has_auxiliary(name) == bool(branches)
        assert all(
            isinstance(outlines[name].get_submodule(branch), nn.Module) for branch in branches
        )


def test_an_outline_takes_no_memory(outlines: Mapping[str, nn.Module]) -> None:
    assert all(weight.is_meta for network in outlines.values() for weight in network.parameters())


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("resnet5O", "did you mean resnet50"),
        ("ResNet50", "did you mean resnet50"),
        ("vit_b16", "vit_b_16"),
        ("inceptionv3", "inception_v3"),
        ("", "known are alexnet, convnext_base"),
        ("fasterrcnn_resnet50_fpn" * 100, "is not known"),
    ],
)
def test_an_unknown_architecture_is_answered_with_the_nearest(name: str, hint: str) -> None:
    spec = NetworkSpec(architecture=name, classes=2, image_size=64)
    with pytest.raises(SettingsError, match=hint):
        architectures.build(spec)


def test_the_own_image_size_is_that_of_torchvisions_weights() -> None:
    sizes = {name: architectures.default_image_size(name) for name in ("resnet50", "inception_v3")}
    assert sizes == {"resnet50": 224, "inception_v3": 299}


@pytest.mark.parametrize(
    ("name", "size", "advice"),
    [
        ("vit_b_32", 100, "use 96, or best 224"),
        ("inception_v3", 32, "use 96, or best 299"),
        ("vgg11", 16, "use 32, or best 224"),
        ("maxvit_t", 480, "use 448, or best 224"),
        ("squeezenet1_1", 16, "use 32, or best 224"),
    ],
)
def test_an_image_size_that_does_not_fit_is_answered_with_one_that_does(
    name: str, size: int, advice: str
) -> None:
    with pytest.raises(SettingsError, match=f"image-size is {size}, which {name} .*; {advice}"):
        architectures.build(NetworkSpec(architecture=name, classes=2, image_size=size))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mobilenet_v3_small", 32),
        ("squeezenet1_1", 64),
        ("vit_b_32", 64),
        ("shufflenet_v2_x0_5", 32),
        ("resnet18", 32),
    ],
)
def test_a_hidden_layer_and_dropout_go_before_the_logits(name: str, size: int) -> None:
    spec = NetworkSpec(architecture=name, classes=ODD, image_size=size, units=24, dropout=0.5)
    network = architectures.build(spec)
    head = network.get_submodule(architectures.head_name(name))
    kinds = [type(layer).__name__ for layer in head.children()]
    dense = "Conv2d" if name.startswith("squeezenet") else "Linear"
    assert kinds == [dense, "ReLU", "Dropout", dense]
    assert outputs(head.get_submodule("0")) == 24
    logits: Tensor = network(torch.randn(2, 3, size, size))
    assert logits.shape == (2, ODD)
    logits.sum().backward()
    assert all(weight.grad is not None for weight in head.parameters())


def test_without_units_and_dropout_the_head_is_torchvisions_own() -> None:
    network = architectures.build(NetworkSpec(architecture="resnet18", classes=3, image_size=64))
    assert isinstance(network.get_submodule("fc"), nn.Linear)


def test_the_same_seed_makes_the_same_network() -> None:
    spec = NetworkSpec(architecture="shufflenet_v2_x0_5", classes=3, image_size=32, units=8)
    networks = []
    for _ in range(2):
        torch.manual_seed(5)
        networks.append(architectures.build(spec).state_dict())
    assert all(torch.equal(tensor, networks[1][name]) for name, tensor in networks[0].items())


@pytest.mark.parametrize(
    ("name", "size", "others"), [("inception_v3", 299, 1), ("googlenet", 64, 2)]
)
def test_auxiliary_logits_come_while_training_and_only_then(
    name: str, size: int, others: int
) -> None:
    spec = NetworkSpec(architecture=name, classes=3, image_size=size)
    network = architectures.build(spec, auxiliary=True)
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        main, auxiliary = architectures.all_logits(network.train()(images))
        alone, none = architectures.all_logits(network.eval()(images))
    assert main.shape == alone.shape == (2, 3)
    assert [logits.shape for logits in auxiliary] == [(2, 3)] * others
    assert none == ()


def test_a_picture_too_small_for_the_side_branch_trains_without_it() -> None:
    spec = NetworkSpec(architecture="inception_v3", classes=3, image_size=96)
    network = architectures.build(spec, auxiliary=True)
    assert "AuxLogits" not in dict(network.named_children())
    assert isinstance(network(torch.randn(2, 3, 96, 96)), Tensor)


def test_asking_for_auxiliary_heads_where_there_are_none_changes_nothing() -> None:
    spec = NetworkSpec(architecture="resnet18", classes=3, image_size=32)
    network = architectures.build(spec, auxiliary=True)
    assert network(torch.randn(2, 3, 32, 32)).shape == (2, 3)
