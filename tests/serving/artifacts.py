"""Small real artifacts for the tests of serving, written in a second or so."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from imageclf.artifact import GRAPH, Manifest, NetworkSpec, Normalisation, OnnxGraph
from imageclf.data.transforms import normalise
from imageclf.model import architecture as architectures
from imageclf.model.export import add_graph
from imageclf.model.weights import write_model

CLASSES = ("Ants", "Bees", "Cats")

_GRAPHS: dict[tuple[object, ...], tuple[bytes, OnnxGraph]] = {}
"""What was exported in this process: the same network gives the same graph, after some seconds."""


def write_artifact(
    folder: Path,
    architecture: str = "resnet18",
    classes: Sequence[str] = CLASSES,
    image_size: int = 32,
    seed: int = 0,
    *,
    name: str = "",
    temperature: float = 1.0,
    onnx: bool = True,
) -> Manifest:
    """An artifact of random weights in `folder`; the same weights for the same arguments."""
    spec = NetworkSpec(architecture=architecture, classes=len(classes), image_size=image_size)
    network = random_network(spec, seed)

    def describe(weights_sha256: str) -> Manifest:
        return Manifest(
            name=name,
            network=spec,
            classes=tuple(classes),
            folders=tuple(name.lower() for name in classes),
            crop_share=0.875,
            temperature=temperature,
            complete=True,
            epoch=1,
            metrics={"validation:top1": 0.5},
            hyperparameters={},
            data_fingerprint="",
            weights_sha256=weights_sha256,
            versions={"torch": torch.__version__},
            created="2026-01-01T00:00:00+00:00",
        )

    manifest = write_model(folder, network.state_dict(), architecture, describe)
    if not onnx:
        return manifest
    same = (spec, seed)
    if same not in _GRAPHS:
        size = (2, 3, image_size, image_size)
        images_u8_nchw = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
        manifest = add_graph(folder, images_u8_nchw, prepare)
        assert manifest.onnx is not None
        _GRAPHS[same] = (folder / GRAPH).read_bytes(), manifest.onnx
        return manifest
    content, described = _GRAPHS[same]
    (folder / GRAPH).write_bytes(content)
    manifest = manifest.model_copy(update={"onnx": described})
    manifest.write(folder)
    return manifest


def prepare(images_u8_bchw: Tensor) -> Tensor:
    """The usual normalisation, in fp32."""
    usual = Normalisation()
    return normalise(images_u8_bchw, usual.mean, usual.std, torch.float32, channels_last=False)


def random_network(spec: NetworkSpec, seed: int = 0) -> nn.Module:
    """A network, in evaluation mode, whose logits differ from picture to picture by about 1."""
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(seed)
        network = architectures.build(spec)
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight) * 0.02)
        images_bchw = torch.randn(8, 3, 1, 1) + torch.randn(8, 3, *[spec.image_size] * 2)
        _settle(network, images_bchw)
        head = network.get_submodule(architectures.head_name(spec.architecture))
        head.weight.div_(network(images_bchw).std(dim=0).mean())  # type: ignore[operator]
        head.bias.sub_(network(images_bchw).mean(dim=0))  # type: ignore[operator]
    return network


def _settle(network: nn.Module, images_bchw: Tensor) -> None:
    """Give batch norms the statistics of `images_bchw`, as a training would."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    network.train()(images_bchw)
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum
    network.eval()
