import json
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from imageclf.serving.ensemble import make
from tests.serving.artifacts import write_artifact
from tests.serving.requests_of_all_kinds import JPEG
from tests.serving.server.load import Load
from tests.serving.server.running import Server, running, runs, wait_until


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of another architecture, with other classes, that torch serves."""
    folder = tmp_path_factory.mktemp("other")
    write_artifact(folder, "mobilenet_v3_small", ("Dogs", "Eels"), onnx=False)
    return folder


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without any model yet."""
    root = tmp_path_factory.mktemp("root")
    with running(root, SAGEMAKER_MULTI_MODEL="true") as server:
        yield server


def load(server: Server, name: str, folder: Path) -> tuple[int, Any]:
    body = json.dumps({"model_name": name, "url": str(folder)}).encode()
    status, _, answer = server.post(body, "/models")
    return status, json.loads(answer)


def predictions(server: Server, name: str) -> list[dict[str, Any]]:
    status, _, answer = server.post(JPEG, f"/models/{name}/invoke")
    assert status == 200, answer
    found: list[dict[str, Any]] = json.loads(answer)["predictions"]
    return found


def unload(server: Server, name: str) -> int:
    return server.ask("DELETE", f"/models/{name}")[0]


def listed(server: Server) -> list[str]:
    content = json.loads(server.get("/models")[2])
    return [model["modelName"] for model in content["models"]]


def processes_of(server: Server, before: set[psutil.Process]) -> set[psutil.Process]:
    return {*server.parents(), *server.workers()} - before


def test_models_come_and_go_as_the_contract_says(
    many: Server, small_model: Path, other_model: Path
) -> None:
    assert many.post(JPEG, "/models/a/invoke")[0] == 404
    assert load(many, "a", small_model) == (200, {"modelName": "a", "modelUrl": str(small_model)})
    before = {*many.parents(), *many.workers()}
    assert load(many, "a", small_model)[0] == 409
    assert load(many, "b", other_model)[0] == 200
    assert listed(many) == ["a", "b"]
    described = json.loads(many.get("/models/b")[2])
    assert described == {"modelName": "b", "modelUrl": str(other_model)}
    classes = [
        {
            one["class"]
            for one in json.loads(many.post(JPEG, f"/models/{name}/invoke")[2])["predictions"]
        }
        for name in ("a", "b")
    ]
    assert classes == [{"Ants", "Bees", "Cats"}, {"Dogs", "Eels"}]
    ending = processes_of(many, before)
    assert len(ending) == 2
    assert unload(many, "b") == 200
    assert not [one for one in ending if runs(one)]
    assert [
        many.get("/models/b")[0],
        unload(many, "b"),
        many.post(JPEG, "/models/b/invoke")[0],
    ] == [404] * 3
    assert unload(many, "a") == 200
    assert listed(many) == []


def test_an_ensemble_is_one_model_among_others(
    many: Server, small_model: Path, tmp_path: Path
) -> None:
    write_artifact(tmp_path / "other", "shufflenet_v2_x0_5", seed=1, onnx=False)
    make([small_model, tmp_path / "other"], tmp_path / "both", weights=[3, 1])
    assert [
        load(many, name, folder)[0]
        for name, folder in {
            "alone": small_model,
            "member": tmp_path / "other",
            "both": tmp_path / "both",
        }.items()
    ] == [200] * 3
    alone, member, both = (
        {one["class"]: one["probability"] for one in predictions(many, name)}
        for name in ("alone", "member", "both")
    )
    assert both == pytest.approx(
        {name: 0.75 * alone[name] + 0.25 * member[name] for name in both}, abs=1e-4
    )
    assert alone != pytest.approx(member, abs=1e-3)
    assert [unload(many, name) for name in ("alone", "member", "both")] == [200] * 3


def test_the_list_comes_in_pages(many: Server, small_model: Path) -> None:
    with ThreadPoolExecutor(3) as callers:
        names = ["p1", "p2", "p3"]
        assert list(callers.map(lambda name: load(many, name, small_model)[0], names)) == [200] * 3
    page = json.loads(many.get("/models?limit=2")[2])
    rest = json.loads(many.get(f"/models?limit=2&next_page_token={page['nextPageToken']}")[2])
    assert [one["modelName"] for one in page["models"] + rest["models"]] == names
    assert "nextPageToken" not in rest
    assert many.get("/models?next_page_token=x")[0] == 400
    assert [unload(many, name) for name in names] == [200] * 3


def test_of_two_loads_of_one_name_one_wins(many: Server, small_model: Path) -> None:
    with ThreadPoolExecutor(2) as callers:
        found = callers.map(lambda _: load(many, "twice", small_model)[0], range(2))
        assert sorted(found) == [200, 409]
    assert unload(many, "twice") == 200


def test_a_broken_model_is_refused_with_the_cause(
    many: Server, small_model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(small_model, broken)
    (broken / "model.safetensors").write_bytes(b"broken")
    before = {*many.parents(), *many.workers()}
    status, answer = load(many, "broken", broken)
    assert 400 <= status < 600
    assert answer["error"] == "not-loadable"
    assert "model.safetensors" in answer["message"]
    assert listed(many) == []
    assert processes_of(many, before) == set()
    assert load(many, "absent", tmp_path / "absent")[0] == 400


@pytest.mark.parametrize(
    "name", ["", ".", "../a", "a/b", "a b", "a\n", "ä", "x" * 300, "-a", None, 3]
)
def test_odd_names_are_refused(many: Server, small_model: Path, name: Any) -> None:
    assert load(many, name, small_model)[0] == 400


@pytest.mark.parametrize(
    "path", ["/models/", "/models//invoke", "/models/a/b", "/models/a/invoke/"]
)
def test_odd_paths_are_not_there(many: Server, path: str) -> None:
    assert many.post(JPEG, path)[0] in {404, 405}
    assert many.post(JPEG, "/invocations")[0] == 404


def test_one_models_dead_worker_is_nothing_to_the_other(many: Server, small_model: Path) -> None:
    assert load(many, "dying", small_model)[0] == 200
    victim = many.workers()[0]
    assert load(many, "living", small_model)[0] == 200
    with (
        Load(many, 2, "/models/living/invoke") as living,
        Load(many, 2, "/models/dying/invoke") as dying,
    ):
        victim.kill()
        living.wait_for_more()
        dying.wait_for_more(20)
    assert living.statuses.keys() == dying.statuses.keys() == {200}
    assert not living.broken + dying.broken
    assert [unload(many, name) for name in ("dying", "living")] == [200, 200]


def test_models_outlive_gateway_and_server(many: Server, small_model: Path) -> None:
    assert load(many, "kept", small_model)[0] == 200
    for part in (many.gateway, many.jvm):
        part().kill()
        wait_until(lambda: answered(many, "kept"), "answering", many)
        assert listed(many) == ["kept"]
    assert unload(many, "kept") == 200


def answered(server: Server, name: str) -> bool:
    try:
        return server.post(JPEG, f"/models/{name}/invoke")[0] == 200
    except OSError:
        return False


def test_a_model_under_load_is_unloaded_without_a_fault(many: Server, small_model: Path) -> None:
    assert load(many, "busy", small_model)[0] == 200
    with Load(many, 4, "/models/busy/invoke") as callers:
        assert unload(many, "busy") == 200
        assert listed(many) == []
    assert callers.statuses.keys() <= Counter({200: 1, 404: 1}).keys()


def test_memory_is_bounded(small_model: Path, tmp_path: Path) -> None:
    with running(tmp_path, SAGEMAKER_MULTI_MODEL="true", IMAGECLF_MEMORY_MB="64") as server:
        status, answer = load(server, "a", small_model)
        assert (status, answer["error"]) == (507, "no-memory")
        assert listed(server) == []
