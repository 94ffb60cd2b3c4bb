"""The model that every contender serves: the same network, as an artifact.

    python -m bench.serving.material --model FOLDER --pictures FOLDER

The weights are random, the same every time, but for the batch norms, which have the statistics of
the photographs, and the head, which knows them by heart: photograph `n` is of class `n`. A server
that prepares its pictures wrongly, or mixes up its answers, is found out.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.serving.photographs import class_name
from imageclf.artifact import Manifest, NetworkSpec, Normalisation
from imageclf.data.transforms import EvalTransform, normalise
from imageclf.model import architecture as architectures
from imageclf.model.export import add_graph
from imageclf.model.weights import write_model

_CROP_SHARE = 0.875
_SEED = 0
_LOGITS_SCALE = 20.0
_COMPARED = 8


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the model."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--architecture", default="resnet50")
    parser.add_argument("--image-size", type=int, default=224)
    options = parser.parse_args(arguments)
    write_artifact(options.model, options.architecture, options.image_size, options.pictures)


def write_artifact(folder: Path, architecture: str, image_size: int, pictures: Path) -> Manifest:
    """The artifact of a network in `folder`, as training leaves it."""
    view = EvalTransform(image_size, _CROP_SHARE)
    images_u8_bchw = torch.stack([view(path) for path in sorted(pictures.iterdir())])
    spec = NetworkSpec(
        architecture=architecture, classes=len(images_u8_bchw), image_size=image_size
    )
    torch.manual_seed(_SEED)
    network = architectures.build(spec)
    _learn(network, _normalised(images_u8_bchw), architectures.head_name(spec.architecture))

    def describe(weights_sha256: str) -> Manifest:
        names = tuple(map(class_name, range(spec.classes)))
        return Manifest(
            name="",
            network=spec,
            classes=names,
            folders=names,
            crop_share=_CROP_SHARE,
            complete=True,
            epoch=0,
            metrics={},
            hyperparameters={},
            data_fingerprint="",
            weights_sha256=weights_sha256,
            versions={"torch": torch.__version__},
            created="2026-01-01T00:00:00+00:00",
        )

    write_model(folder, network.state_dict(), spec.architecture, describe)
    return add_graph(folder, images_u8_bchw.numpy()[:_COMPARED], _normalised)


def _normalised(images_u8_bchw: Tensor) -> Tensor:
    usual = Normalisation()
    return normalise(images_u8_bchw, usual.mean, usual.std, torch.float32, False)


@torch.no_grad()
def _learn(network: nn.Module, images_bchw: Tensor, head: str) -> None:
    """Take the batch norms' statistics from pictures, and a head that tells them apart.

    The logit of a class is the likeness of features to those of its picture: minus half the
    squared distance, but for a term that all classes share.
    """
    layer = network.get_submodule(head)
    assert isinstance(layer, nn.Linear)
    seen: list[Tensor] = []
    layer.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    network.train()(images_bchw)
    network.eval()(images_bchw)
    features_kf = seen[-1]
    squares_k = features_kf.square().sum(1)
    scale = _LOGITS_SCALE / torch.pdist(features_kf).square().mean()
    layer.weight.copy_(scale * features_kf)
    layer.bias.copy_(-scale * squares_k / 2)


if __name__ == "__main__":
    main()
