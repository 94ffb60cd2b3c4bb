"""The seam between the predictor and what computes: which engine serves a network, and how.

An engine is made in the process that workers are forked from, where it checks and reads its files.
`start` does what does not survive a fork (threads, the GPU) and is called in the worker, unless the
engine is `forkable`: then the workers share all that was made before.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from imageclf.artifact import Manifest
from imageclf.errors import ArtifactError, SettingsError
from imageclf.serving.settings import ServeSettings

Precision = Literal["auto", "fp32", "bf16", "fp16"]


class Engine(Protocol):
    """A network ready to compute."""

    @property
    def forkable(self) -> bool:
        """Whether `start` may come before the fork."""
        ...

    def start(self) -> None:
        """Make threads, wake the device.

        Raises:
            ArtifactError: the network cannot be used.
            DeviceError: the GPU cannot be used.
        """
        ...

    def logits(self, images_u8_bchw: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Logits [B, classes] of pictures [B, 3, S, S]; several threads may ask at once."""
        ...


@dataclass(frozen=True)
class Choice:
    """An engine and how it computes."""

    engine: Literal["torch", "onnxruntime"]
    precision: Precision
    threads: int
    gpus: int


def choose(manifest: Manifest, settings: ServeSettings, *, threads: int, gpus: int) -> Choice:
    """The engine for the network of `manifest` on a machine with so many GPUs.

    Raises:
        SettingsError: the settings contradict each other, or the machine.
        ArtifactError: onnxruntime is asked for and the model has no graph.
    """
    engine = settings.engine
    if engine == "auto":
        portable = not gpus and manifest.onnx and settings.precision in {"auto", "fp32"}
        engine = "onnxruntime" if portable else "torch"
    if engine == "onnxruntime":
        _check_onnxruntime(manifest, settings)
        return Choice("onnxruntime", "fp32", threads, gpus=0)
    if settings.precision == "fp16" and not gpus:
        raise SettingsError(
            "Setting IMAGECLF_PRECISION is fp16, which needs a GPU; use bf16, fp32 or auto."
        )
    return Choice("torch", settings.precision, threads, gpus)


def _check_onnxruntime(manifest: Manifest, settings: ServeSettings) -> None:
    if settings.precision not in {"auto", "fp32"}:
        raise SettingsError(
            f"Setting IMAGECLF_PRECISION is {settings.precision}, and onnxruntime computes in fp32 "
            "here; use IMAGECLF_ENGINE=torch."
        )
    if manifest.onnx is None:
        raise ArtifactError(
            f"The model {manifest.title} has no ONNX graph for IMAGECLF_ENGINE=onnxruntime; "
            "use IMAGECLF_ENGINE=auto, or train it again."
        )


def open_engine(
    folder: Path, manifest: Manifest, choice: Choice, *, claims: Path | None = None
) -> Engine:
    """The engine of `choice` for the artifact in `folder`, checked but not started.

    Args:
        claims: folder in which the processes of one model agree on who takes which GPU.

    Raises:
        ArtifactError: a file is absent, damaged or not the one that the manifest describes.
    """
    if choice.engine == "onnxruntime":
        from imageclf.serving.engines.onnx_engine import OnnxEngine  # noqa: PLC0415

        return OnnxEngine(folder, manifest, choice.threads)
    # Here, since torchvision comes with it.
    from imageclf.serving.engines.torch_engine import TorchEngine  # noqa: PLC0415

    return TorchEngine(folder, choice, claims)
