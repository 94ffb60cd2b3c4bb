import hashlib
import http.server
import pickle
import random
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from imageclf import artifact
from imageclf.artifact import NetworkSpec
from imageclf.contract import Tree
from imageclf.errors import WeightsError
from imageclf.model import architecture as architectures
from imageclf.model import pretrained
from imageclf.model.weights import write_tensors
from imageclf.vision import torchvision

NAME = "shufflenet_v2_x0_5"
Weights = dict[str, Tensor]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "ml")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Path]:
    """The folder of torchvision's cached weights, empty."""
    before = torch.hub.get_dir()
    torch.hub.set_dir(tmp_path / "hub")
    yield tmp_path / "hub" / "checkpoints"
    torch.hub.set_dir(before)


def network(classes: int = 3, name: str = NAME, size: int = 32, **head: Any) -> nn.Module:
    spec = NetworkSpec(architecture=name, classes=classes, image_size=size, **head)
    return architectures.build(spec)


def weights(classes: int = 1000, name: str = NAME, size: int = 32, **head: Any) -> Weights:
    """A trained network's, for these tests: drawn by another seed."""
    torch.manual_seed(11)
    return {k: v.clone() for k, v in network(classes, name, size, **head).state_dict().items()}


def load(into: nn.Module, source: str | Path, tree: Tree, name: str = NAME) -> str:
    torch.manual_seed(12)
    return pretrained.load(into, name, str(source), tree)


def refusal(source: str | Path, tree: Tree, into: nn.Module | None = None) -> str:
    with pytest.raises(WeightsError) as caught:
        load(into or network(), source, tree)
    message = str(caught.value)
    assert "\n" not in message
    return message


def taken(into: nn.Module, given: Weights) -> set[str]:
    """Names of the tensors that the network now has from `given`."""
    now = into.state_dict()
    return {
        name
        for name, tensor in given.items()
        if name in now and torch.equal(now[name], tensor) and not name.endswith("tracked")
    }


def backbone(given: Weights) -> set[str]:
    return {n for n in given if not n.startswith("fc.") and not n.endswith("tracked")}


def test_none_leaves_the_network_as_it_is(tree: Tree) -> None:
    fresh = network()
    before = {name: tensor.clone() for name, tensor in fresh.state_dict().items()}
    assert load(fresh, "none", tree) == "fresh weights, nothing pretrained"
    assert taken(fresh, before) == {name for name in before if not name.endswith("tracked")}


def test_imagenet_is_taken_from_torchvisions_cache(hub: Path, tree: Tree) -> None:
    given, own = weights(), network()
    path = pretrained.imagenet_file(NAME)
    assert path.parent == hub
    assert path.name == "shufflenetv2_x0.5-f707e7126e.pth"
    hub.mkdir(parents=True)
    torch.save(given, path)
    said = load(own, "imagenet", tree)
    assert said == f"pretrained weights from {path} (cached), the head is fresh"
    assert taken(own, given) == backbone(given)


def test_a_thousand_classes_keep_the_head_of_imagenet(hub: Path, tree: Tree) -> None:
    given, own = weights(), network(classes=1000)
    hub.mkdir(parents=True)
    torch.save(given, pretrained.imagenet_file(NAME))
    assert load(own, "imagenet", tree).endswith(", the head too")
    assert {"fc.weight", "fc.bias"} <= taken(own, given)


@contextmanager
def served(content: bytes) -> Iterator[str]:
    """The address of a server on loopback that sends `content`, whatever is asked for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def hosted_at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    default = torchvision.models.get_model_weights(NAME).DEFAULT
    monkeypatch.setattr(default.value, "url", url)


def test_imagenet_is_downloaded_once_where_there_is_a_network(
    hub: Path, tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = weights()
    torch.save(given, tmp_path / "file")
    content = (tmp_path / "file").read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:8]
    with served(content) as address:
        hosted_at(monkeypatch, f"{address}/shufflenet-{digest}.pth")
        assert "(downloaded)" in load(network(), "imagenet", tree)
    own = network()
    assert "(cached)" in load(own, "imagenet", tree)
    assert taken(own, given) == backbone(given)
    assert [path.name for path in hub.iterdir()] == [f"shufflenet-{digest}.pth"]


def test_a_download_that_is_not_what_its_name_says_is_refused_and_not_kept(
    hub: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(b"something else") as address:
        hosted_at(monkeypatch, f"{address}/shufflenet-0a1b2c3d.pth")
        assert "damaged (invalid hash value" in refusal("imagenet", tree)
    assert list(hub.iterdir()) == []


def test_without_cache_and_network_a_sentence_says_what_to_do(
    hub: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        closed_port = probe.getsockname()[1]
    hosted_at(monkeypatch, f"http://127.0.0.1:{closed_port}/shufflenet-0a1b2c3d.pth")
    message = refusal("imagenet", tree)
    assert f"are not in {hub}/shufflenet-0a1b2c3d.pth and could not be downloaded" in message
    assert "put the file there, pass pretrained=<file or channel>" in message
    assert socket.getdefaulttimeout() is None


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self._path,)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("protocol", ["zip", "legacy", "plain"])
def test_nothing_in_a_pth_is_executed(hub: Path, tree: Tree, tmp_path: Path, protocol: str) -> None:
    sprung = tmp_path / "sprung"
    trap = {"fc.weight": Trap(sprung)}
    pickle.loads(pickle.dumps(trap))  # noqa: S301  (the trap is ours, and it works)
    sprung.unlink()
    hub.mkdir(parents=True)
    for path in (pretrained.imagenet_file(NAME), tmp_path / "file.pth"):
        if protocol == "plain":
            path.write_bytes(pickle.dumps(trap))
        else:
            torch.save(trap, path, _use_new_zipfile_serialization=protocol == "zip")
    assert f"weights in {pretrained.imagenet_file(NAME)} are damaged" in refusal("imagenet", tree)
    assert "file.pth cannot be read as weights" in refusal(tmp_path / "file.pth", tree)
    assert not sprung.exists()


def save_safetensors(path: Path, given: Weights) -> None:
    write_tensors(path, given, {})


def save_archive(path: Path, given: Weights) -> None:
    folder = path.parent / "packed"
    folder.mkdir()
    write_tensors(folder / artifact.WEIGHTS, given, {})
    (folder / artifact.MANIFEST).write_text("{}")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, arcname=".")


def save_wrapped(path: Path, given: Weights) -> None:
    torch.save({"state_dict": {f"module.{k}": v for k, v in given.items()}, "epoch": 3}, path)


def save_legacy(path: Path, given: Weights) -> None:
    torch.save(given, path, _use_new_zipfile_serialization=False)


FORMS: dict[str, Callable[[Path, Weights], None]] = {
    "weights.safetensors": save_safetensors,
    "plain.pth": lambda path, given: torch.save(given, path),
    "legacy.pt": save_legacy,
    "wrapped.pth": save_wrapped,
    "model.tar.gz": save_archive,
}


@pytest.mark.parametrize("name", FORMS)
def test_a_file_of_any_form_is_taken_by_its_path(tree: Tree, tmp_path: Path, name: str) -> None:
    given, own = weights(classes=5), network()
    FORMS[name](tmp_path / name, given)
    said = load(own, tmp_path / name, tree)
    assert said == f"pretrained weights from {tmp_path / name}, the head is fresh"
    assert taken(own, given) == backbone(given)


@pytest.mark.parametrize("name", ["weights.safetensors", "model.tar.gz"])
def test_a_channel_is_taken_by_its_name(tree: Tree, name: str) -> None:
    given, own = weights(classes=3), network()
    tree.channel("start").mkdir(parents=True)
    FORMS[name](tree.channel("start") / name, given)
    assert str(tree.channel("start")) in load(own, "start", tree)
    assert taken(own, given) == {n for n in given if not n.endswith("tracked")}


@pytest.mark.parametrize(
    ("head", "earlier", "ending"),
    [
        ({"units": 8}, {"units": 8}, ", the head too"),
        ({"units": 8}, {}, ", the head is fresh"),
        ({"units": 8}, {"units": 8, "classes": 5}, ", a part of the head too"),
    ],
)
def test_what_fits_of_an_earlier_head_is_kept(
    tree: Tree, tmp_path: Path, head: Any, earlier: Any, ending: str
) -> None:
    given = weights(**({"classes": 3} | earlier))
    write_tensors(tmp_path / "w.safetensors", given, {})
    assert load(network(**head), tmp_path / "w.safetensors", tree).endswith(ending)


def test_weights_of_another_architecture_are_refused(tree: Tree, tmp_path: Path) -> None:
    write_tensors(tmp_path / "w.safetensors", weights(), {})
    with pytest.raises(WeightsError, match=r"are not those of squeezenet1_1: .* for one"):
        load(network(name="squeezenet1_1"), tmp_path / "w.safetensors", tree, "squeezenet1_1")


def test_weights_that_lack_one_tensor_are_refused_by_its_name(tree: Tree, tmp_path: Path) -> None:
    given = weights()
    del given["conv5.0.weight"]
    write_tensors(tmp_path / "w.safetensors", given, {})
    message = refusal(tmp_path / "w.safetensors", tree)
    assert "1 of 338 tensors are absent or of another shape, conv5.0.weight for one" in message


def test_a_refused_file_leaves_the_network_as_it_was(tree: Tree, tmp_path: Path) -> None:
    given, own = weights(), network()
    before = {name: tensor.clone() for name, tensor in own.state_dict().items()}
    del given["conv5.0.weight"]
    write_tensors(tmp_path / "w.safetensors", given, {})
    refusal(tmp_path / "w.safetensors", tree, own)
    assert all(torch.equal(tensor, before[name]) for name, tensor in own.state_dict().items())


def test_position_embeddings_are_stretched_to_another_image_size(
    tree: Tree, tmp_path: Path
) -> None:
    given = weights(classes=5, name="vit_b_32", size=64)
    write_tensors(tmp_path / "w.safetensors", given, {})
    own = network(name="vit_b_32", size=96)
    load(own, tmp_path / "w.safetensors", tree, "vit_b_32")
    stretched = own.state_dict()["encoder.pos_embedding"]
    assert stretched.shape == (1, 1 + 9, 768)
    assert torch.equal(stretched[:, 0], given["encoder.pos_embedding"][:, 0])
    assert own(torch.randn(1, 3, 96, 96)).shape == (1, 3)


@pytest.mark.parametrize("shape", [(3,), (1, 7, 768), (2, 5, 768), (1, 5, 4)])
def test_position_embeddings_of_no_known_shape_are_refused(
    tree: Tree, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    content = {"encoder.pos_embedding": torch.zeros(shape)}
    write_tensors(tmp_path / "w.safetensors", content, {})
    with architectures.WithoutWeights():
        own = network(name="vit_b_32", size=96)
    with pytest.raises(WeightsError, match="are not those of vit_b_32"):
        load(own, tmp_path / "w.safetensors", tree, "vit_b_32")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("name", FORMS)
def test_a_file_damaged_anywhere_is_refused_in_a_sentence(
    tree: Tree, tmp_path: Path, name: str
) -> None:
    draw = random.Random(f"damage {name}")
    FORMS[name](tmp_path / name, {"conv1.0.weight": torch.zeros(4, 4), "b": torch.ones(3)})
    whole = (tmp_path / name).read_bytes()
    path, own = tmp_path / f"damaged-{name}", network()
    for _ in range(40):
        content = bytearray(whole[: draw.choice([len(whole), draw.randrange(len(whole))])])
        for _ in range(draw.randrange(1, 20) if content else 0):
            content[draw.randrange(min(len(content), 200))] = draw.randrange(256)
        path.write_bytes(content)
        assert str(path) in refusal(path, tree, own)


@pytest.mark.parametrize(
    "content",
    [[1, 2], {"a": 1}, {1: torch.ones(1)}, {"state_dict": {"a": "b"}}, torch.ones(2)],
    ids=["list", "number", "numbered", "text", "tensor"],
)
def test_a_pth_without_a_state_dict_is_refused(tree: Tree, tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "w.pth")
    assert "it holds no state_dict" in refusal(tmp_path / "w.pth", tree)


def test_an_archive_without_weights_is_refused(tree: Tree, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(Path(__file__), arcname="code.py")
    assert "no model.safetensors in it" in refusal(tmp_path / "model.tar.gz", tree)


def test_a_channel_must_hold_one_file_of_weights(tree: Tree) -> None:
    folder = tree.channel("start")
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("nothing")
    assert "must hold one file of weights" in refusal("start", tree)
    assert "it holds 0." in refusal("start", tree)
    for name in ("b.pth", "a.pth"):
        (folder / name).write_bytes(b"")
    assert "it holds 2: a.pth, b.pth." in refusal("start", tree)


@pytest.mark.parametrize(
    "source", ["imagenet1k", "/no/such/file.pth", "x" * 2500, "a\0b", "../..x"]
)
def test_a_source_that_is_nothing_is_answered_with_what_there_is(tree: Tree, source: str) -> None:
    tree.channel("training").mkdir(parents=True)
    message = refusal(source, tree)
    assert "neither imagenet, none, a file nor one of the channels (training)" in message
    assert len(message) < 500
