"""Logits by ONNX Runtime on the CPU, from a graph whose weights lie in the safetensors file."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from imageclf import artifact
from imageclf.artifact import Manifest
from imageclf.errors import ArtifactError

_ERRORS_ONLY = 3
_SHOWN = 300
"""Characters of a reason that a message shows."""

_ORT_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
    RuntimeError,
    ValueError,
)
"""What a session raises on a graph that it cannot take; they have no common base."""


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
        self._classes = len(manifest.classes)
        self._threads = threads
        self._session: onnxruntime.InferenceSession | None = None

    def start(self) -> None:
        if self._session is None:
            self._session = _session(self._path, self._threads)

    def logits(self, images_u8_bchw: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        assert self._session is not None, "start comes first"
        logits_bk: npt.NDArray[np.float32]
        (logits_bk,) = self._session.run(["logits"], {"images": images_u8_bchw})
        return logits_bk


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    onnxruntime.disable_telemetry_events()
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except _ORT_ERRORS as error:
        reason = " ".join(str(error).split())[:_SHOWN]
        raise ArtifactError(
            f"onnxruntime cannot take {path} ({reason}); train the model again, or set "
            "IMAGECLF_ENGINE=torch."
        ) from error
