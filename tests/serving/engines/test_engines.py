import json
import os
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest

from imageclf import artifact
from imageclf.artifact import GRAPH, WEIGHTS, Manifest
from imageclf.errors import ArtifactError, ImageclfError, SettingsError
from imageclf.serving.engines.base import Choice, Engine, choose, open_engine
from imageclf.serving.settings import ServeSettings
from tests.serving.artifacts import write_artifact

IMAGES = np.random.default_rng(2).integers(0, 256, (3, 3, 32, 32), np.uint8)
ONNX, TORCH = Choice("onnxruntime", "fp32", 1, 0), Choice("torch", "auto", 1, 0)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    write_artifact(folder)
    return folder


@pytest.fixture
def model(tmp_path: Path, written: Path) -> Path:
    """A copy of a model, to be damaged."""
    return Path(shutil.copytree(written, tmp_path / "model"))


def started(folder: Path, choice: Choice) -> Engine:
    engine = open_engine(folder, Manifest.read(folder), choice)
    engine.start()
    engine.start()
    return engine


def refusal(folder: Path, choice: Choice) -> str:
    with pytest.raises(ArtifactError) as caught:
        started(folder, choice)
    return str(caught.value)


def chosen(
    manifest: Manifest, gpus: int = 0, onnx: bool = True, **settings: str
) -> tuple[str, str, int]:
    given = {f"IMAGECLF_{name.upper()}": value for name, value in settings.items()}
    manifest = manifest if onnx else manifest.model_copy(update={"onnx": None})
    read = ServeSettings.from_environment(given)
    choice = choose(manifest, read, threads=2, gpus=gpus)
    return choice.engine, choice.precision, choice.gpus


def test_both_engines_give_the_same_logits(written: Path) -> None:
    onnx_bk, torch_bk = (started(written, choice).logits(IMAGES) for choice in (ONNX, TORCH))
    assert onnx_bk.shape == torch_bk.shape == (3, 3)
    assert onnx_bk.dtype == torch_bk.dtype == np.float32
    assert np.allclose(onnx_bk, torch_bk, atol=1e-4)


def test_torch_in_bf16_is_near_to_fp32(written: Path) -> None:
    exact_bk = started(written, TORCH).logits(IMAGES)
    found_bk = started(written, Choice("torch", "bf16", 1, 0)).logits(IMAGES)
    assert found_bk.dtype == np.float32
    assert 0 < np.abs(found_bk - exact_bk).max() < 0.2


def test_onnxruntime_is_taken_on_the_cpu_where_there_is_a_graph(written: Path) -> None:
    manifest = Manifest.read(written)
    assert chosen(manifest) == ("onnxruntime", "fp32", 0)
    assert chosen(manifest, precision="fp32") == ("onnxruntime", "fp32", 0)
    assert chosen(manifest, onnx=False) == ("torch", "auto", 0)
    assert chosen(manifest, precision="bf16") == ("torch", "bf16", 0)
    assert chosen(manifest, engine="torch") == ("torch", "auto", 0)


def test_torch_is_taken_on_a_gpu_unless_onnxruntime_is_asked_for(written: Path) -> None:
    manifest = Manifest.read(written)
    assert chosen(manifest, gpus=2) == ("torch", "auto", 2)
    assert chosen(manifest, gpus=2, precision="fp16") == ("torch", "fp16", 2)
    assert chosen(manifest, gpus=2, engine="onnxruntime") == ("onnxruntime", "fp32", 0)


@pytest.mark.parametrize(
    ("settings", "kind", "said"),
    [
        ({"precision": "fp16"}, SettingsError, "which needs a GPU"),
        ({"precision": "bf16", "engine": "onnxruntime"}, SettingsError, "onnxruntime computes in"),
        ({"engine": "onnxruntime", "onnx": False}, ArtifactError, "resnet18 has no ONNX graph"),
    ],
)
def test_a_choice_that_cannot_be_had_is_refused(
    written: Path, settings: dict[str, str], kind: type[ImageclfError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        chosen(Manifest.read(written), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [GRAPH, WEIGHTS])
def test_a_damaged_or_absent_file_is_refused_before_it_is_opened(model: Path, name: str) -> None:
    content = bytearray((model / name).read_bytes())
    content[len(content) // 2] ^= 1
    (model / name).write_bytes(content)
    assert refusal(model, ONNX).startswith(f"{model / name} is not the file that manifest.json")
    (model / name).unlink()
    assert refusal(model, ONNX).startswith(f"{model / name} cannot be read (No such file")


def described(folder: Path, content: bytes) -> None:
    """Put another graph into the model, and its hash into the manifest."""
    (folder / GRAPH).write_bytes(content)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["onnx"]["sha256"] = artifact.sha256(folder / GRAPH)
    path.write_text(json.dumps(manifest))


def test_a_file_that_is_no_graph_is_refused_in_a_sentence(model: Path) -> None:
    described(model, b"no graph at all")
    sentence = refusal(model, ONNX)
    assert sentence.startswith(f"onnxruntime cannot take {model / GRAPH} (")
    assert sentence.endswith("); train the model again, or set IMAGECLF_ENGINE=torch.")


@pytest.mark.parametrize("absolute", [True, False])
def test_a_graph_whose_weights_lie_elsewhere_is_refused(model: Path, absolute: bool) -> None:
    elsewhere = Path(shutil.copy(model / WEIGHTS, model.parent))
    place = str(elsewhere) if absolute else f"../{WEIGHTS}"
    proto = onnx.load_model(model / GRAPH, load_external_data=False)
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = place
    described(model, proto.SerializeToString())
    assert refusal(model, ONNX).startswith(f"onnxruntime cannot take {model / GRAPH} (")


def test_a_model_behind_a_link_is_opened(model: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(model)
    assert started(tmp_path / "link", ONNX).logits(IMAGES).shape == (3, 3)


def in_child(run: Engine, *, start: bool) -> npt.NDArray[np.float32]:
    """The logits that a forked child computes."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if start:
                run.start()
            os.write(writer, run.logits(IMAGES).tobytes())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        content = stream.read()
    os.waitpid(child, 0)
    return np.frombuffer(content, np.float32).reshape(3, 3)


def test_a_session_of_one_thread_predicts_in_children_forked_from_it(written: Path) -> None:
    engine = started(written, ONNX)
    assert engine.forkable
    children = [in_child(engine, start=False) for _ in range(2)]
    assert all(np.array_equal(logits_bk, engine.logits(IMAGES)) for logits_bk in children)


@pytest.mark.parametrize("choice", [Choice("onnxruntime", "fp32", 2, 0), TORCH])
def test_other_engines_are_opened_before_a_fork_and_started_after_it(
    written: Path, choice: Choice
) -> None:
    engine = open_engine(written, Manifest.read(written), choice)
    assert not engine.forkable
    child_bk = in_child(engine, start=True)
    assert np.allclose(child_bk, started(written, ONNX).logits(IMAGES), atol=1e-4)
