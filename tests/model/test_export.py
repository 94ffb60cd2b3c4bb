import json
import logging
import shutil
from pathlib import Path

import numpy as np
import onnx_ir
import pytest
import torch
from torch import Tensor, nn

from imageclf.artifact import GRAPH, WEIGHTS, Manifest
from imageclf.errors import ArtifactError
from imageclf.model import export, graph
from imageclf.model.export import LARGEST_DIFFERENCE, add_graph, compare, write_graph
from imageclf.model.weights import load_model, tensor_places
from tests.serving.artifacts import prepare, write_artifact

FAMILIES = {
    "alexnet": 64,
    "convnext_tiny": 32,
    "inception_v3": 96,
    "mobilenet_v3_small": 32,
    "shufflenet_v2_x0_5": 32,
    "vit_b_32": 32,
}
"""Architectures of several kinds, at sizes that they were not made for."""


def pictures(size: int, count: int = 3) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(1).integers(0, 256, (count, 3, size, size), np.uint8)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    write_artifact(folder)
    return folder


@pytest.fixture
def model(tmp_path: Path, written: Path) -> Path:
    """A copy of an exported model, to be damaged."""
    return Path(shutil.copytree(written, tmp_path / "model"))


@pytest.mark.parametrize("architecture", FAMILIES)
def test_the_graph_gives_torchs_logits_for_batches_of_any_size(
    tmp_path: Path, architecture: str
) -> None:
    size = FAMILIES[architecture]
    manifest = write_artifact(tmp_path, architecture, image_size=size)
    assert manifest.onnx is not None
    network, _ = load_model(tmp_path)
    session = graph.open_session(tmp_path / GRAPH, threads=1)
    for count in (1, 3):
        images = pictures(size, count)
        (found_bk,) = session.run(["logits"], {"images": images})
        with torch.inference_mode():
            expected_bk = network(prepare(torch.from_numpy(images))).numpy()
        assert found_bk.dtype == np.float32
        bound = LARGEST_DIFFERENCE * max(1, np.abs(expected_bk).max())
        assert np.abs(found_bk - expected_bk).max() < bound


def test_the_manifest_says_how_graph_and_torch_compared(written: Path) -> None:
    described = Manifest.read(written).onnx
    assert described is not None
    assert described.file == GRAPH
    assert described.images == 2
    assert 0 <= described.max_difference < 1e-4
    assert described.opset >= 18


def test_the_weights_are_stored_once(written: Path) -> None:
    sizes = {name: (written / name).stat().st_size for name in (GRAPH, WEIGHTS)}
    assert sizes[GRAPH] < 0.01 * sizes[WEIGHTS]
    inside = onnx_ir.load(written / GRAPH).graph.initializers.values()
    tensors = [value.const_value for value in inside]
    large = [tensor for tensor in tensors if tensor is not None and tensor.nbytes > 4096]
    assert large
    assert all(isinstance(tensor, onnx_ir.ExternalTensor) for tensor in large)


def test_the_graph_names_the_places_of_the_very_tensors(written: Path) -> None:
    network, _ = load_model(written)
    own = network.state_dict()
    places = tensor_places(written / WEIGHTS)
    assert set(places) == set(own)
    content = (written / WEIGHTS).read_bytes()
    for name, place in places.items():
        values = content[place.offset : place.offset + place.bytes]
        assert values == own[name].contiguous().numpy().tobytes()


def test_the_graph_tells_nothing_of_the_machine_it_was_made_on(written: Path) -> None:
    content = (written / GRAPH).read_bytes()
    assert str(Path(export.__file__).parent).encode() not in content
    assert b"site-packages" not in content


def test_an_export_is_silent(
    model: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO):
        add_graph(model, pictures(32), prepare)
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")
    assert logging.root.manager.disable == logging.NOTSET


def test_the_same_network_gives_the_same_graph(model: Path) -> None:
    before = (model / GRAPH).read_bytes()
    add_graph(model, pictures(32), prepare)
    assert (model / GRAPH).read_bytes() == before


class Untraceable(nn.Module):
    def forward(self, images_bchw: Tensor) -> Tensor:
        return images_bchw.mean((1, 2)) if bool(images_bchw.sum() > 0) else images_bchw[:, 0, 0]


def test_a_network_that_cannot_be_exported_is_left_to_torch(
    model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = Manifest.read(model).model_copy(update={"onnx": None})
    before.write(model)
    monkeypatch.setattr(export, "load_model", lambda _: (Untraceable(), before))
    assert add_graph(model, pictures(32), prepare).onnx is None
    assert Manifest.read(model).onnx is None
    assert not (model / GRAPH).exists()
    (sentence,) = [record.message for record in caplog.records if record.name == export.__name__]
    assert sentence.startswith(
        "There is no ONNX graph, so torch will serve the model: resnet18 cannot be exported ("
    )


def test_a_graph_that_differs_from_torch_is_not_kept(
    model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def brighter(path: Path, network: nn.Module, spec: object, prepare: export.Prepare) -> int:
        return write_graph(path, network, Manifest.read(model).network, lambda x: prepare(x) + 0.1)

    monkeypatch.setattr(export, "write_graph", brighter)
    add_graph(model, pictures(32), prepare)
    assert not (model / GRAPH).exists()
    assert "onnxruntime's logits differ from torch's by" in caplog.text


def test_logits_that_are_no_numbers_do_not_pass_for_equal(model: Path) -> None:
    network, _ = load_model(model)
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    with pytest.raises(ArtifactError, match="differ from torch's by nan"):
        compare(model / GRAPH, network, prepare, pictures(32))


def test_a_manifest_without_a_graph_is_that_of_an_older_version(model: Path) -> None:
    path = model / "manifest.json"
    content = json.loads(path.read_text())
    del content["onnx"], content["name"]
    path.write_text(json.dumps(content))
    assert Manifest.read(model).onnx is None
    assert Manifest.read(model).title == "resnet18"
