"""What every peer runs: torchvision's ResNet50 and transforms on the CPU, fp32.

Eager and contiguous by default: for one picture at a time that is as fast as channels_last. With
`PEERS_NETWORK=torchscript` the network is traced and optimised for inference.
"""

import functools
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

TOP_K = 5

Answer = dict[str, list[dict[str, Any]]]


class Classifier:
    """Picture in, classes with probabilities out; not for several threads at once."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Read the artifact in `folder`."""
        torch.set_num_threads(threads)
        manifest = json.loads((folder / "manifest.json").read_text())
        self.classes: list[str] = manifest["classes"]
        self._view = _transform(manifest["network"]["image_size"])
        self._network = _network(folder, manifest["network"])

    @torch.inference_mode()
    def __call__(self, picture: bytes) -> Answer:
        """Classify one encoded picture."""
        image = Image.open(io.BytesIO(picture)).convert("RGB")
        logits_bk = self._network(self._view(image)[None])
        values, places = torch.softmax(logits_bk[0], 0).topk(min(TOP_K, len(self.classes)))
        return {
            "predictions": [
                {"class": self.classes[place], "probability": value}
                for value, place in zip(values.tolist(), places.tolist(), strict=True)
            ]
        }


def _transform(image_size: int) -> Callable[[Image.Image], Tensor]:
    transforms = _torchvision().transforms
    composed: Callable[[Image.Image], Tensor] = transforms.Compose(
        [
            transforms.Resize(image_size * 8 // 7),
            transforms.CenterCrop(image_size),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    return composed


def _network(folder: Path, spec: dict[str, Any]) -> nn.Module:
    get_model = _torchvision().models.get_model
    network: nn.Module = get_model(spec["architecture"], num_classes=spec["classes"])
    network.load_state_dict(load_file(folder / "model.safetensors"))
    network.eval()
    if os.environ.get("PEERS_NETWORK") != "torchscript":
        return network
    example_bchw = torch.zeros(1, 3, spec["image_size"], spec["image_size"])
    traced = torch.jit.trace(network, example_bchw)
    optimised: nn.Module = torch.jit.optimize_for_inference(traced)
    return optimised


@functools.cache
def _torchvision() -> Any:
    """torchvision; beside a CPU-only torch the operators that its import looks up are declared."""
    if not torch.cuda.is_available():
        library = torch.library.Library("torchvision", "FRAGMENT")
        _KEPT.append(library)
        for name, thresholds in (("nms", ""), ("qnms", ", Tensor scales")):
            library.define(
                f"{name}(Tensor boxes, Tensor scores{thresholds}, float threshold) -> Tensor"
            )
    import torchvision  # noqa: PLC0415

    return torchvision


_KEPT: list[torch.library.Library] = []
