import json
import shutil
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.serving.requests_of_all_kinds import JPEG
from tests.serving.server.running import Server, running, started, wait_until


def ended_with_a_sentence(server: Server) -> str:
    """Why it ended, once it has, with nothing left behind."""
    assert server.ended() not in {0, None}
    (sentence,) = [line for line in server.errors if line.startswith("error: ")]
    assert not any("Traceback" in line for line in server.errors)
    wait_until(lambda: not server.left(), "gone")
    assert list(server.temporary.iterdir()) == []
    return sentence


def copied(root: Path) -> Path:
    """The root's model, as files that may be changed."""
    model = root / "model"
    original = model.resolve()
    model.unlink()
    shutil.copytree(original, model)
    return model


def test_damaged_weights_end_it(root: Path) -> None:
    with (copied(root) / "model.safetensors").open("r+b") as file:
        file.seek(-100, 2)
        file.write(b"damage")
    with started(root) as server:
        wait_until(lambda: (server.family(), server.process.poll())[1] is not None, "ended")
        assert "safetensors" in ended_with_a_sentence(server)
        assert server.process.returncode == 5


@pytest.mark.parametrize("content", [None, '{"format": "of somebody else"}', "{"])
def test_a_folder_without_a_manifest_of_ours_ends_it(root: Path, content: str | None) -> None:
    manifest = copied(root) / "manifest.json"
    manifest.unlink()
    if content is not None:
        manifest.write_text(content)
    with started(root) as server:
        assert "manifest.json" in ended_with_a_sentence(server)
        assert server.process.returncode == 5


def test_without_java_it_ends(root: Path) -> None:
    with started(root, JAVA_HOME="/nowhere") as server:
        assert "install a JRE" in ended_with_a_sentence(server)


def test_a_port_that_is_taken_ends_it(root: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as other:  # noqa: S104  as the server does
        port = str(other.getsockname()[1])
        with started(root, IMAGECLF_PORT=port) as server:
            assert f"Port {port}" in ended_with_a_sentence(server)
            assert server.process.returncode == 2


def test_settings_that_are_wrong_end_it(root: Path) -> None:
    with started(root, IMAGECLF_WORKER="2", IMAGECLF_QUEUE="0") as server:
        sentence = ended_with_a_sentence(server)
        assert "did you mean IMAGECLF_WORKERS?" in sentence
        assert "IMAGECLF_QUEUE" in sentence


def test_an_engine_that_the_model_lacks_ends_it(root: Path) -> None:
    model = copied(root)
    (model / "model.onnx").unlink()
    manifest = json.loads((model / "manifest.json").read_text())
    (model / "manifest.json").write_text(json.dumps(manifest | {"onnx": None}))
    with started(root, IMAGECLF_ENGINE="onnxruntime") as server:
        wait_until(lambda: (server.family(), server.process.poll())[1] is not None, "ended")
        ended_with_a_sentence(server)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_it_is_asked_to(root: Path, number: int) -> None:
    Path("/tmp/.model_server.pid").touch()  # noqa: S108  where multi-model-server looks
    with running(root) as server:
        assert server.stop(number) == 0
        wait_until(lambda: not server.left(), "gone")
        assert list(server.temporary.iterdir()) == []


def open_connections(server: Server) -> int:
    """Of callers to the gateway."""
    found = server.gateway().net_connections()
    return [one.status for one in found].count("ESTABLISHED")


def test_requests_that_were_taken_are_answered_before_it_stops(root: Path) -> None:
    with running(root) as server, ThreadPoolExecutor(6) as callers:
        worker = server.workers()[0]
        worker.send_signal(signal.SIGSTOP)
        asked = [callers.submit(server.post, JPEG) for _ in range(6)]
        wait_until(lambda: open_connections(server) >= 6, "asked", server)
        server.process.terminate()
        wait_until(lambda: server.get("/ping")[0] == 503, "draining", server)
        server.process.terminate()
        worker.send_signal(signal.SIGCONT)
        assert [one.result()[0] for one in asked] == [200] * 6
        assert server.ended() == 0
        wait_until(lambda: not server.left(), "gone")


def test_it_stops_while_it_loads(root: Path) -> None:
    with started(root) as server:
        assert server.port
        assert server.stop() == 0
    with started(root) as server:
        wait_until(server.parents, "loading", server)
        assert server.get("/ping")[0] == 503
        assert server.stop() == 0
        wait_until(lambda: not server.left(), "gone")
        assert list(server.temporary.iterdir()) == []


def test_the_port_of_the_platform_is_honoured(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    environment = {"SAGEMAKER_BIND_TO_PORT": str(port), "IMAGECLF_PORT": str(port)}
    with started(root, **environment) as server:
        assert server.port == port
