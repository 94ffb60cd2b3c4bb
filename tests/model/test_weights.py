import errno
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from imageclf import artifact
from imageclf.artifact import Manifest, NetworkSpec
from imageclf.errors import ArtifactError
from imageclf.model import architecture as architectures
from imageclf.model.weights import (
    clear_unfinished,
    load_model,
    read_tensors,
    write_model,
    write_tensors,
)
from tests.training.runs import small_disk

SMALL = NetworkSpec(architecture="shufflenet_v2_x0_5", classes=3, image_size=32)


def describe(spec: NetworkSpec, sha256: str) -> Manifest:
    names = tuple(f"class {number}" for number in range(spec.classes))
    return Manifest(
        name="",
        network=spec,
        classes=names,
        folders=names,
        crop_share=0.875,
        complete=True,
        epoch=1,
        metrics={},
        hyperparameters={},
        data_fingerprint="",
        weights_sha256=sha256,
        versions={},
        created="",
    )


def lived_in(spec: NetworkSpec, *, auxiliary: bool = False) -> nn.Module:
    """A network whose every tensor differs from a fresh one's."""
    torch.manual_seed(1)
    network = architectures.build(spec, auxiliary=auxiliary)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand_like(tensor) * 0.01)
    return network.eval()


def write(folder: Path, network: nn.Module, spec: NetworkSpec) -> None:
    write_model(folder, network.state_dict(), spec.architecture, lambda sha: describe(spec, sha))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    write(folder, lived_in(SMALL), SMALL)
    return folder


@pytest.fixture
def model(tmp_path: Path, written: Path) -> Path:
    """A copy of a written model, to be damaged."""
    for name in (artifact.WEIGHTS, artifact.MANIFEST):
        (tmp_path / name).write_bytes((written / name).read_bytes())
    return tmp_path


@torch.inference_mode()
def logits(network: nn.Module, spec: NetworkSpec) -> Tensor:
    torch.manual_seed(2)
    output: Tensor = network(torch.rand(2, 3, spec.image_size, spec.image_size))
    return output


@pytest.mark.parametrize(
    "spec",
    [
        NetworkSpec(architecture="resnet18", classes=3, image_size=64, units=16, dropout=0.5),
        NetworkSpec(architecture="vit_b_32", classes=3, image_size=64),
        NetworkSpec(architecture="squeezenet1_1", classes=5, image_size=64, units=8),
        NetworkSpec(architecture="swin_t", classes=2, image_size=64),
        NetworkSpec(architecture="mnasnet0_5", classes=2, image_size=64),
    ],
    ids=lambda spec: spec.architecture,
)
def test_a_model_read_back_gives_the_very_same_logits(tmp_path: Path, spec: NetworkSpec) -> None:
    network = lived_in(spec)
    write(tmp_path, network, spec)
    loaded, manifest = load_model(tmp_path)
    assert torch.equal(logits(loaded, spec), logits(network, spec))
    assert manifest.network == spec
    assert not loaded.training


def test_inception_is_read_back_without_its_auxiliary_heads(tmp_path: Path) -> None:
    spec = NetworkSpec(architecture="inception_v3", classes=3, image_size=299)
    network = lived_in(spec, auxiliary=True)
    assert any(name.startswith("AuxLogits.") for name in network.state_dict())
    write(tmp_path, network, spec)
    loaded, _ = load_model(tmp_path)
    assert torch.equal(logits(loaded, spec), logits(network, spec))
    assert not any(name.startswith("AuxLogits.") for name in loaded.state_dict())


def test_a_channels_last_network_is_written_in_the_plain_layout(tmp_path: Path) -> None:
    spec = NetworkSpec(architecture="resnet18", classes=3, image_size=64)
    network = lived_in(spec)
    plain = logits(network, spec)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    write(tmp_path, network, spec)
    loaded, _ = load_model(tmp_path)
    assert torch.equal(logits(loaded, spec), plain)


def test_nothing_of_a_loaded_network_lacks_its_memory(written: Path) -> None:
    network, _ = load_model(written)
    tensors = [*network.parameters(), *network.buffers()]
    assert {tensor.device.type for tensor in tensors} == {"cpu"}


def test_no_architecture_has_tensors_that_an_artifact_does_not_hold(
    outlines: Mapping[str, nn.Module],
) -> None:
    for name, network in outlines.items():
        held = network.state_dict().keys()
        own = {key for key, _ in (*network.named_parameters(), *network.named_buffers())}
        assert own == held, name


def test_a_weight_changed_after_the_manifest_is_noticed(model: Path) -> None:
    path = model / artifact.WEIGHTS
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"is not the file that manifest\.json describes"):
        load_model(model)


@pytest.mark.parametrize("length", [0, 4, 100, -1])
def test_weights_that_are_cut_off_are_refused(model: Path, length: int) -> None:
    path = model / artifact.WEIGHTS
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ArtifactError, match=r"cannot be read: model\.safetensors is damaged"):
        load_model(model)


def test_absent_weights_are_a_sentence(model: Path) -> None:
    (model / artifact.WEIGHTS).unlink()
    with pytest.raises(ArtifactError, match=r"weights of the model in .* cannot be read: No such"):
        load_model(model)


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self._path,)


def test_loading_a_model_executes_nothing(model: Path, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    pickle.loads(pickle.dumps(Trap(sprung)))  # noqa: S301  (the trap is ours, and it works)
    sprung.unlink()
    for content in (pickle.dumps(Trap(sprung)), pickle.dumps(Trap(sprung), protocol=0)):
        (model / artifact.WEIGHTS).write_bytes(content)
        with pytest.raises(ArtifactError, match="is damaged"):
            load_model(model)
    assert not sprung.exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"architecture": "resnet18"}, "is not a resnet18"),
        ({"architecture": "resnet1000"}, "'resnet1000', which is not known"),
        ({"units": 64}, "is not a shufflenet_v2_x0_5"),
    ],
)
def test_weights_of_another_network_are_refused_in_one_sentence(
    model: Path, changes: dict[str, Any], reason: str
) -> None:
    sha = artifact.sha256(model / artifact.WEIGHTS)
    describe(SMALL.model_copy(update=changes), sha).write(model)
    with pytest.raises(ArtifactError, match=reason) as caught:
        load_model(model)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_full_disk_leaves_no_half_model_and_says_so(tmp_path: Path) -> None:
    network = lived_in(SMALL)
    with small_disk(tmp_path, mebibytes=1):
        with pytest.raises(OSError, match="No space left") as caught:
            write(tmp_path, network, SMALL)
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(ArtifactError):
            load_model(tmp_path)
    assert caught.value.errno == errno.ENOSPC


def test_a_new_model_takes_the_place_of_an_old_one(model: Path) -> None:
    (model / ".model.safetensors.77.tmp").write_bytes(b"what a killed training left")
    spec = SMALL.model_copy(update={"classes": 2})
    write(model, lived_in(spec), spec)
    assert load_model(model)[1].network.classes == 2
    assert {path.name for path in model.iterdir()} == {artifact.WEIGHTS, artifact.MANIFEST}


def every_kind() -> dict[str, Tensor]:
    torch.manual_seed(3)
    floats = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
    whole = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)
    tensors = {str(kind): torch.randn(3, 5).to(kind) for kind in floats}
    tensors |= {str(kind): torch.randint(0, 2, (7,)).to(kind) for kind in whole}
    tensors |= {"a number": torch.tensor(3.5), "nothing": torch.empty(0, 4)}
    pictures = torch.randn(2, 3, 4, 5)
    tensors["channels last"] = pictures.to(memory_format=torch.channels_last)
    tensors["every other"] = pictures[:, ::2]
    tensors["learns"] = nn.Parameter(torch.randn(2, 2))
    return tensors


def test_tensors_of_every_kind_and_layout_are_read_back_exactly(tmp_path: Path) -> None:
    tensors, path = every_kind(), tmp_path / "file.safetensors"
    write_tensors(path, tensors, {"said": "größer\n"})
    read, metadata = read_tensors(path)
    assert metadata == {"said": "größer\n"}
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype, name
        assert torch.equal(read[name], tensor), name
        assert read[name].is_contiguous()


def test_every_tensor_begins_where_its_kind_may_begin(tmp_path: Path) -> None:
    tensors, path = every_kind(), tmp_path / "file.safetensors"
    write_tensors(path, tensors, {})
    content = path.read_bytes()
    data = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:data])
    for name, tensor in tensors.items():
        assert (data + header[name]["data_offsets"][0]) % tensor.element_size() == 0, name


def test_the_same_tensors_make_the_same_file(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a", every_kind(), {"x": "1"})
    write_tensors(tmp_path / "b", dict(reversed(every_kind().items())), {"x": "1"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_write_that_is_killed_leaves_the_old_file_and_nothing_that_stays(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    write_tensors(path, {"a": torch.ones(2)}, {})
    program = (
        "import sys, torch; from pathlib import Path\n"
        "from imageclf.model.weights import write_tensors\n"
        "tensors = {str(n): torch.zeros(1000, 1000) for n in range(4)}\n"
        "while True: write_tensors(Path(sys.argv[1]), tensors, {})\n"
    )
    other = tmp_path / "other.safetensors"
    process = subprocess.Popen([sys.executable, "-c", program, str(other)])
    try:
        while not list(tmp_path.glob(".*")) and process.poll() is None:
            time.sleep(0.0005)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert torch.equal(read_tensors(path)[0]["a"], torch.ones(2))
    clear_unfinished(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} <= {path.name, other.name}
