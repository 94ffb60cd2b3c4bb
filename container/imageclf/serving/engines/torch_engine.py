"""Logits by torch: on a GPU, or on the CPU where a model has no ONNX graph."""

import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from imageclf.artifact import Normalisation
from imageclf.data.transforms import normalise
from imageclf.errors import DeviceError
from imageclf.model.weights import load_model
from imageclf.serving.engines import memory
from imageclf.serving.engines.base import Choice, Precision
from imageclf.serving.engines.claim import Claim
from imageclf.serving.engines.cuda_graphs import CudaGraphs

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_FIRST_WITH_FP16, _FIRST_WITH_BF16 = 7, 8  # compute capability


class TorchEngine:
    """A network of torchvision; its weights are read once, before any fork.

    It computes for one caller at a time: recorded graphs have one place for pictures, and on the
    CPU each calling thread would bring threads of its own.

    Raises:
        ArtifactError: the weights are absent, damaged, or not those of the manifest.
    """

    forkable = False

    def __init__(self, folder: Path, choice: Choice, claims: Path | None) -> None:
        network, manifest = load_model(folder)
        self._forward = Forward(network, manifest.normalisation)
        memory.give_back()
        self._image_size = manifest.network.image_size
        self._choice = choice
        self._claims = claims
        self._device: torch.device | None = None
        self._graphs: CudaGraphs | None = None
        self._turn = threading.Lock()

    def start(self) -> None:
        if self._device is not None:
            return
        torch.set_num_threads(self._choice.threads)
        self._device = self._take_gpu() if self._choice.gpus else torch.device("cpu")
        self._forward.move(self._device, _precision(self._choice.precision, self._device))
        if self._device.type == "cuda":
            self._graphs = CudaGraphs(self._forward, self._device, self._image_size)

    def logits(self, images_u8_bchw: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        assert self._device is not None, "start comes first"
        images = torch.from_numpy(images_u8_bchw)
        with self._turn, torch.inference_mode():
            run = self._graphs or self._forward
            logits_bk: npt.NDArray[np.float32] = run(images.to(self._device)).cpu().numpy()
        return logits_bk

    def _take_gpu(self) -> torch.device:
        if not torch.cuda.is_available():
            raise DeviceError(
                "There is a GPU, and torch cannot use it (driver or build do not fit); "
                "update the driver, or set IMAGECLF_ENGINE=onnxruntime to serve on the CPU."
            )
        self._claim = Claim(self._claims, self._choice.gpus) if self._claims else None
        device = torch.device("cuda", self._claim.gpu if self._claim else 0)
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
        return device


class Forward:
    """Pictures to logits: normalisation and network, channels last, in one precision."""

    def __init__(self, network: nn.Module, normalisation: Normalisation) -> None:
        self._network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._normalisation = normalisation
        self._dtype = torch.float32

    def move(self, device: torch.device, precision: str) -> None:
        """Compute on `device` in `precision` from now on."""
        self._dtype = _DTYPES[precision]
        self._network.to(device)

    def __call__(self, images_u8_bchw: Tensor) -> Tensor:
        """Logits [B, classes] in fp32 of pictures [B, 3, S, S] on the device."""
        mean, std = self._normalisation.mean, self._normalisation.std
        images_bchw = normalise(images_u8_bchw, mean, std, self._dtype, channels_last=True)
        device = images_u8_bchw.device.type
        with torch.autocast(device, dtype=self._dtype, enabled=self._dtype != torch.float32):
            logits_bk: Tensor = self._network(images_bchw)
        return logits_bk.float()


def _precision(asked: Precision, device: torch.device) -> str:
    """What `auto` is on `device`: bf16 or fp16 where a GPU has it, else fp32."""
    if asked != "auto":
        return asked
    if device.type != "cuda":
        return "fp32"
    major, _ = torch.cuda.get_device_capability(device)
    return "bf16" if major >= _FIRST_WITH_BF16 else "fp16" if major >= _FIRST_WITH_FP16 else "fp32"
