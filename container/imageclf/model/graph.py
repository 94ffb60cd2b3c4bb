"""The ONNX graph of an artifact, opened with ONNX Runtime on the CPU. Needs no torch."""

from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from imageclf.errors import ArtifactError

INPUT, OUTPUT = "images", "logits"
"""uint8 [B, 3, S, S] in, float32 [B, classes] out; the normalisation is inside."""

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


def open_session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """The graph at `path`, whose weights lie in the file beside it, computed by `threads`.

    Threads that have nothing to do sleep: spinning ones take the cores from other workers, and
    from the decoding of the next picture.

    Raises:
        ArtifactError: the graph or its weights cannot be used.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    onnxruntime.disable_telemetry_events()
    try:
        # A link to the folder is followed first: the runtime refuses weights that seem to lie
        # outside of it.
        return onnxruntime.InferenceSession(
            path.resolve(), options, providers=["CPUExecutionProvider"]
        )
    except _ORT_ERRORS as error:
        reason = " ".join(str(error).split())[:_SHOWN]
        raise ArtifactError(
            f"onnxruntime cannot take {path} ({reason}); train the model again, or set "
            "IMAGECLF_ENGINE=torch."
        ) from error
