"""Logits by ONNX Runtime on the CPU, from a graph whose weights lie in the safetensors file."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from imageclf import artifact
from imageclf.artifact import Manifest
from imageclf.model import graph
from imageclf.serving.engines import memory


class OnnxEngine:
    """A session with the graph of the artifact in `folder`.

    With one thread it has no pool of threads, so it may be opened before a fork and its weights
    are then shared by all workers.

    Raises:
        ArtifactError: a file is absent, damaged, or not the one that the manifest describes.
    """

    def __init__(self, folder: Path, manifest: Manifest, threads: int) -> None:
        assert manifest.onnx is not None
        artifact.verify(folder / artifact.WEIGHTS, manifest.weights_sha256)
        artifact.verify(folder / artifact.GRAPH, manifest.onnx.sha256)
        self.forkable = threads == 1
        self._path = folder / artifact.GRAPH
        self._threads = threads
        self._session: Any = None

    def start(self) -> None:
        if self._session is None:
            self._session = graph.open_session(self._path, self._threads)
            memory.give_back()

    def logits(self, images_u8_bchw: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        assert self._session is not None, "start comes first"
        logits_bk: npt.NDArray[np.float32]
        (logits_bk,) = self._session.run([graph.OUTPUT], {graph.INPUT: images_u8_bchw})
        return logits_bk
