"""The network of an artifact as an ONNX graph, so that it can be served without torch's networks.

The weights are stored once: safetensors holds raw little-endian bytes, as ONNX does, so the graph
names places in `model.safetensors` instead of holding a copy. What it needs beside them (constants
of the normalisation, shapes) stays inside it.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx_ir
import torch
from onnxscript import optimizer
from torch import Tensor, nn

from imageclf import artifact
from imageclf.artifact import Manifest, NetworkSpec, OnnxGraph
from imageclf.errors import ArtifactError
from imageclf.model import graph
from imageclf.model.weights import Place, load_model, tensor_places

log = logging.getLogger(__name__)

LARGEST_DIFFERENCE = 1e-3
"""Between two logits, for logits up to 1, and of the largest logit beyond: it moves a probability
by less than 0.0005, while fp32 summed in another order is a hundred times closer."""

Prepare = Callable[[Tensor], Tensor]
"""uint8 pictures [B, 3, S, S] to what the network takes, in fp32."""

_NETWORK = "network"
_FOLDED = 1024
"""Values in the largest constant that is computed ahead."""

_SHOWN = 300
"""Characters of a reason that the log shows."""

# Whatever an exporter raises on a network that it cannot trace or translate.
_EXPORT_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def add_graph(folder: Path, images_u8_nchw: npt.NDArray[np.uint8], prepare: Prepare) -> Manifest:
    """Export the network of the artifact in `folder`, compare it with torch, tell its manifest.

    Without a graph that agrees, the artifact stays as it is, and the log says why.

    Args:
        images_u8_nchw: real pictures, as evaluation sees them.
        prepare: the normalisation; it goes into the graph.

    Raises:
        ArtifactError: the artifact itself cannot be read.
    """
    network, manifest = load_model(folder)
    path = folder / artifact.GRAPH
    try:
        opset = write_graph(path, network, manifest.network, prepare)
        difference = compare(path, network, prepare, images_u8_nchw)
    except ArtifactError as error:
        path.unlink(missing_ok=True)
        log.warning("There is no ONNX graph, so torch will serve the model: %s", error)
        return manifest
    described = OnnxGraph(
        sha256=artifact.sha256(path),
        opset=opset,
        images=len(images_u8_nchw),
        max_difference=difference,
    )
    manifest = manifest.model_copy(update={"onnx": described})
    manifest.write(folder)
    return manifest


def write_graph(path: Path, network: nn.Module, spec: NetworkSpec, prepare: Prepare) -> int:
    """Write `network`, whose weights are in the safetensors file beside `path`; gives the opset.

    Raises:
        ArtifactError: the network cannot be exported, or the file not be written.
    """
    try:
        model = _traced(_Whole(network, prepare), spec.image_size)
        _fold_small(model)
        _share_weights(model, path.parent)
        content = onnx_ir.serde.serialize_model(model).SerializeToString()
        artifact.replace(path, content)
    except _EXPORT_ERRORS as error:
        cause = error.__cause__ or error  # the exporter's own text is advice to programmers
        reason = " ".join(str(cause).split())[:_SHOWN]
        raise ArtifactError(
            f"{spec.architecture} cannot be exported ({type(cause).__name__}: {reason})."
        ) from error
    return model.opset_imports[""]


def compare(
    path: Path,
    network: nn.Module,
    prepare: Prepare,
    images_u8_nchw: npt.NDArray[np.uint8],
) -> float:
    """The largest difference between logits of the graph at `path` and of torch, both in fp32.

    Raises:
        ArtifactError: it is larger than `LARGEST_DIFFERENCE`, or the graph cannot be run.
    """
    session = graph.open_session(path, torch.get_num_threads())
    whole = _Whole(network, prepare)
    differences, scales = [0.0], [1.0]
    for image_u8_chw in images_u8_nchw:
        image_u8_bchw = image_u8_chw[None]
        (found_bk,) = session.run([graph.OUTPUT], {graph.INPUT: image_u8_bchw})
        with torch.inference_mode():
            expected_bk = whole(torch.from_numpy(image_u8_bchw)).numpy()
        differences.append(np.abs(found_bk - expected_bk).max())
        scales.append(np.abs(expected_bk).max())
    # numpy's maximum of anything and no number is no number, and no number is within any bound.
    largest, bound = float(np.max(differences)), LARGEST_DIFFERENCE * float(np.max(scales))
    if not largest <= bound:
        raise ArtifactError(
            f"onnxruntime's logits differ from torch's by {largest:.2g}, more than {bound:.2g}."
        )
    return largest


class _Whole(nn.Module):
    """uint8 pictures [B, 3, S, S] to logits [B, classes] in fp32."""

    def __init__(self, network: nn.Module, prepare: Prepare) -> None:
        super().__init__()
        self.network = network
        self._prepare = prepare

    def forward(self, images_u8_bchw: Tensor) -> Tensor:
        logits_bk: Tensor = self.network(self._prepare(images_u8_bchw))
        return logits_bk


def _traced(whole: nn.Module, image_size: int) -> onnx_ir.Model:
    example = torch.zeros(2, 3, image_size, image_size, dtype=torch.uint8)
    with _quiet():
        program = torch.onnx.export(
            whole.eval(),
            (example,),
            dynamo=True,
            # Its optimiser makes new weights of ours (folded, transposed), which would have to be
            # stored beside them; onnxruntime does the same when it loads the graph.
            optimize=False,
            verbose=False,
            input_names=[graph.INPUT],
            output_names=[graph.OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    assert program is not None
    return program.model


def _fold_small(model: onnx_ir.Model) -> None:
    """Compute what is constant, weights excepted: onnxruntime folds a batch norm into its
    convolution only where it sees that the convolution's other inputs are constants.
    """
    with _quiet():
        optimizer.fold_constants(model, input_size_limit=_FOLDED, output_size_limit=_FOLDED)
        optimizer.remove_unused_nodes(model)


def _share_weights(model: onnx_ir.Model, folder: Path) -> None:
    """Let `model` find its weights in the safetensors file; drop what nothing uses."""
    places = tensor_places(folder / artifact.WEIGHTS)
    for name, value in list(model.graph.initializers.items()):
        if not value.uses():
            del model.graph.initializers[name]
        elif (place := places.get(name.removeprefix(f"{_NETWORK}."))) is not None:
            value.const_value = _elsewhere(value, place, folder)
    for node in model.graph.all_nodes():
        node.metadata_props.clear()  # stack traces with this machine's paths
        node.doc_string = None


def _elsewhere(value: onnx_ir.Value, place: Place, folder: Path) -> onnx_ir.ExternalTensor:
    tensor = value.const_value
    assert tensor is not None
    if tensor.nbytes != place.bytes:
        raise ValueError(f"{value.name} has {tensor.nbytes} bytes, and {place.bytes} on the disk")
    return onnx_ir.ExternalTensor(
        artifact.WEIGHTS,
        place.offset,
        place.bytes,
        tensor.dtype,
        shape=tensor.shape,  # type: ignore[arg-type]
        name=value.name or "",
        base_dir=folder,
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's own lines, warnings and log."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
