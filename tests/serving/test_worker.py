import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from imageclf.serving.gateway.direct import Direct
from imageclf.serving.run_folder import RunFolder
from tests.serving.front_end import (
    PATIENCE_S,
    ROOT,
    WARM_UP,
    ModelProcess,
    Worker,
    add_model,
    command,
    environment,
)
from tests.serving.requests_of_all_kinds import FORM, JPEG, as_form

FORM_BODY = as_form(JPEG, JPEG)

FAILING_START = """
import os, sys
from pathlib import Path
from imageclf.errors import DeviceError
from imageclf.serving import worker

class FakePredictor:
    forkable = False
    def start(self):
        raise {fault}

if os.fork() == 0:
    worker._start_in_worker(FakePredictor(), None, Path(sys.argv[1]))
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.fixture
def run() -> Iterator[RunFolder]:
    run = RunFolder.create()
    yield run
    run.remove()


def failure(model_dir: Path) -> dict[str, Any]:
    content = json.loads((model_dir / "failure.json").read_bytes())
    assert content.keys() == {"message", "exit_code", "status"}
    return dict(content)


@pytest.mark.parametrize("engine", ["torch", "onnxruntime"])
def test_workers_forked_from_a_loaded_model_answer(
    small_model: Path, run: RunFolder, engine: str
) -> None:
    model_dir = add_model(run, small_model)
    parent = ModelProcess(model_dir, IMAGECLF_ENGINE=engine, IMAGECLF_THREADS="1")
    try:
        workers = [Worker(parent.socket_name, model_dir, number) for number in range(2)]
        wanted = {"x-imageclf-attributes": "top_k=1", "x-imageclf-model": "shown"}
        for worker in workers:
            ready, right, wrong = worker.predict([b"", JPEG, b"no picture"], [WARM_UP, wanted, {}])
            assert ready == (200, "text/plain", b"ready\n")
            assert right[:2] == (200, "application/json")
            assert json.loads(right[2])["model"]["name"] == "shown"
            assert len(json.loads(right[2])["predictions"]) == 1
            assert wrong[0] == 400
        assert not (model_dir / "failure.json").exists()
        # What a caller did wrong is told to the caller, not to the log.
        assert all(worker.log == b"" for worker in workers)
    finally:
        parent.end()


def test_a_model_that_is_damaged_ends_its_process_and_says_why(
    small_model: Path, run: RunFolder, tmp_path: Path
) -> None:
    damaged = tmp_path / "model"
    shutil.copytree(small_model, damaged)
    (damaged / "model.safetensors").write_bytes(b"damaged")
    model_dir = add_model(run, damaged)
    assert ModelProcess(model_dir).exit_code() == 5
    said = failure(model_dir)
    assert (said["exit_code"], said["status"]) == (5, 500)
    assert "model.safetensors" in said["message"]


def test_settings_that_are_wrong_end_the_process_and_are_named(
    small_model: Path, run: RunFolder
) -> None:
    model_dir = add_model(run, small_model)
    assert ModelProcess(model_dir, IMAGECLF_TOP_K="none").exit_code() == 2
    said = failure(model_dir)
    assert (said["exit_code"], said["status"]) == (2, 400)
    assert "IMAGECLF_TOP_K is 'none'" in said["message"]


@pytest.mark.parametrize(
    ("fault", "exit_code", "status", "message"),
    [
        ("DeviceError('The GPU is gone.')", 7, 500, "The GPU is gone."),
        ("MemoryError", 1, 507, "The model does not fit in memory."),
        ("RuntimeError('odd')", 1, 500, "The model cannot be loaded: RuntimeError: odd"),
    ],
)
def test_a_worker_that_cannot_start_ends_and_says_why(
    tmp_path: Path, fault: str, exit_code: int, status: int, message: str
) -> None:
    code = [sys.executable, "-c", FAILING_START.format(fault=fault), str(tmp_path)]
    ended = subprocess.run(code, env=environment(), cwd=ROOT, capture_output=True, check=False)
    assert ended.returncode == exit_code
    assert failure(tmp_path) == {"message": message, "exit_code": exit_code, "status": status}
    assert (b"Traceback" in ended.stderr) == ("odd" in fault)


def test_a_process_whose_server_is_gone_ends_by_itself(small_model: Path, run: RunFolder) -> None:
    model_dir = add_model(run, small_model)
    asked = command(model_dir, model_dir / "s")
    start = f"import subprocess; subprocess.Popen({asked!r}).wait()"
    server = subprocess.Popen(
        [sys.executable, "-c", start], env=environment(), stdout=subprocess.DEVNULL
    )
    try:
        worker = Worker(model_dir / "s", model_dir)
        below = psutil.Process(server.pid).children(recursive=True)
        assert len(below) == 2
        worker.close()
    finally:
        server.kill()
        server.wait()
    _, alive = psutil.wait_procs(below, timeout=PATIENCE_S)
    assert not alive


def test_a_worker_goes_on_while_the_gateway_holds_on_to_it(
    small_model: Path, run: RunFolder
) -> None:
    model_dir = add_model(run, small_model)
    parent = ModelProcess(model_dir)

    async def asked() -> None:
        direct = Direct(run)
        (worker,) = await direct.find("key")
        first, second = await asyncio.gather(
            worker.predict(JPEG, {}), worker.predict(FORM_BODY, {"x-imageclf-content-type": FORM})
        )
        process = psutil.Process(worker.pid)
        by_server.close()
        parent.process.kill()
        again = await worker.predict(JPEG, {})
        several = await worker.predict(FORM_BODY, {"x-imageclf-content-type": FORM})
        assert (again.body, several.body) == (first.body, second.body)
        assert [one.status for one in (again, several)] == [200, 200]
        direct.retire("key")
        await asyncio.to_thread(psutil.wait_procs, [process], PATIENCE_S)
        assert not process.is_running()

    try:
        by_server = Worker(parent.socket_name, model_dir)
        by_server.predict([b""], [WARM_UP])
        asyncio.run(asked())
    finally:
        parent.end()


def test_a_worker_that_answers_batches_has_no_socket_of_its_own(
    small_model: Path, run: RunFolder
) -> None:
    model_dir = add_model(run, small_model)
    parent = ModelProcess(model_dir, IMAGECLF_BATCH_SIZE="2")
    try:
        Worker(parent.socket_name, model_dir).predict([b""], [WARM_UP])
        assert list(model_dir.glob("*.sock")) == []
    finally:
        parent.end()
