"""Pictures to probabilities: the artifact of one network, or an ensemble of several.

`Predictor.open` reads and checks everything; `start` makes threads and wakes devices. Between the
two a process may fork.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from imageclf import machine
from imageclf.artifact import AnyManifest
from imageclf.data.transforms import EvalTransform
from imageclf.serving.engines.base import Engine, choose, open_engine
from imageclf.serving.engines.cuda_graphs import SIZES
from imageclf.serving.members import Part, parts
from imageclf.serving.settings import ServeSettings

Views = tuple[npt.NDArray[np.uint8], ...]
"""One picture as the networks see it: uint8 [3, S, S] for each kind of view that they need."""

LARGEST_BATCH = 16
"""Pictures that an engine gets at once; more are predicted in turns, so that memory is bounded."""


@dataclass(frozen=True)
class _Network:
    """A network of the model: its engine, its view among the views, its place in the mean."""

    part: Part
    engine: Engine
    view: int


class Predictor:
    """A model that predicts."""

    def __init__(
        self,
        manifest: AnyManifest,
        transforms: tuple[EvalTransform, ...],
        networks: tuple[_Network, ...],
        settings: ServeSettings,
        warm_batches: tuple[int, ...] = (1,),
    ) -> None:
        self.manifest = manifest
        self.name = settings.model_name or manifest.title
        self.version = manifest.version
        self.classes = manifest.classes
        self._transforms = transforms
        self._networks = networks
        self._max_megapixels = settings.max_megapixels
        self._warm_batches = warm_batches

    @classmethod
    def open(cls, folder: Path, settings: ServeSettings, *, claims: Path | None = None) -> Self:
        """The model in `folder`, read and checked; `start` makes it ready.

        Args:
            claims: folder in which the workers of the model agree on who takes which GPU.

        Raises:
            ArtifactError: a file is absent, damaged or does not belong to the others.
            SettingsError: the settings do not fit the model or the machine.
        """
        torch.set_num_threads(1)  # a pool of threads made here would hang the forked workers
        gpus = machine.gpus() if torch.backends.cuda.is_built() else 0
        threads = settings.resolve(machine.cores(), gpus).threads
        manifest, members = parts(folder)
        kinds = [_transform(part) for part in members]
        transforms = tuple(dict.fromkeys(kinds))
        networks = []
        for part, kind in zip(members, kinds, strict=True):
            choice = choose(part.manifest, settings, threads=threads, gpus=gpus)
            engine = open_engine(part.folder, part.manifest, choice, claims=claims)
            networks.append(_Network(part, engine, transforms.index(kind)))
        return cls(manifest, transforms, tuple(networks), settings, SIZES if gpus else (1,))

    @property
    def forkable(self) -> bool:
        """Whether `start` may come before a fork."""
        return all(network.engine.forkable for network in self._networks)

    def start(self) -> None:
        """Make the engines ready; does nothing the second time.

        Raises:
            ArtifactError: a network cannot be used.
            DeviceError: the GPU cannot be used.
        """
        for network in self._networks:
            network.engine.start()

    def view(self, picture: bytes | Path) -> Views:
        """The views of an encoded picture, or of the file of one.

        Raises:
            ImageError: it is no usable picture; `reason` says why in a word.
        """
        return tuple(
            transform(picture, max_megapixels=self._max_megapixels).numpy()
            for transform in self._transforms
        )

    def probabilities(self, views: Sequence[Views]) -> npt.NDArray[np.float32]:
        """Calibrated probabilities [N, classes] of pictures, in their order."""
        return self.mean(self.each(views))

    def each(self, views: Sequence[Views]) -> npt.NDArray[np.float32]:
        """Calibrated probabilities [M, N, classes] of each of the M networks."""
        p_mnk = np.empty((len(self._networks), len(views), len(self.classes)), np.float32)
        for start in range(0, len(views), LARGEST_BATCH):
            end = start + LARGEST_BATCH
            for place, network in enumerate(self._networks):
                p_mnk[place, start:end] = _calibrated(network, views[start:end])
        return p_mnk

    def mean(self, p_mnk: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Probabilities [N, classes] from those of each network, weighted by their shares."""
        shares_m = np.array([network.part.share for network in self._networks])
        return np.tensordot(shares_m, p_mnk, axes=1).astype(np.float32)

    def warm_up(self) -> None:
        """Predict a made-up picture, once through everything that a request goes through."""
        views = self.view(_made_up_picture())
        for batch in self._warm_batches:
            self.probabilities([views] * batch)


def _calibrated(network: _Network, views: Sequence[Views]) -> npt.NDArray[np.float64]:
    """Probabilities [B, classes] of one network, in the order of the model's classes."""
    logits_bk = network.engine.logits(np.stack([view[network.view] for view in views]))
    own_bk = softmax(logits_bk.astype(np.float64) / network.part.manifest.temperature)
    return own_bk[:, network.part.order]


def softmax(logits_bk: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Probabilities [B, K] of logits; scipy's would cost a worker 30 MB."""
    powers_bk = np.exp(logits_bk - logits_bk.max(axis=1, keepdims=True))
    return powers_bk / powers_bk.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def _made_up_picture() -> bytes:
    """A JPEG of the size of a photograph."""
    stream = io.BytesIO()
    Image.linear_gradient("L").resize((500, 375)).convert("RGB").save(stream, "JPEG")
    return stream.getvalue()


def _transform(part: Part) -> EvalTransform:
    return EvalTransform(part.manifest.network.image_size, part.manifest.crop_share)
