"""SageMaker's Python SDK v3, unchanged, in the clients' own environment."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from imageclf import metrics
from local_test.pictures import made_up_jpeg
from tests.clients.clients import Clients
from tests.local_test.cloud.tuning.tuning_jobs import definition
from tests.training import runs

CLASSES = {"class 0", "class 1", "class 2"}
TRAINING = """
import json, os, pathlib
settings = json.loads(os.environ["SM_HPS"])
print("a script with", settings, "in", os.environ["TRAINING_JOB_NAME"], flush=True)
pathlib.Path(os.environ["SM_MODEL_DIR"], "weights").write_text("1 2 3")
"""
COUNTING = """
import pathlib, sys
words = pathlib.Path("/opt/ml/processing/input/words/words.txt").read_text().split()
pathlib.Path("/opt/ml/processing/output/count.txt").write_text(f"{len(words)} {sys.argv[1:]}")
print("counted", len(words), flush=True)
"""


def content(clients: Clients, address: str) -> bytes:
    """An object's."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    got: bytes = clients.server.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return got


def names_in(clients: Clients, address: str) -> list[str]:
    """What is in an archive."""
    with tarfile.open(fileobj=io.BytesIO(content(clients, address))) as archive:
        return archive.getnames()


@pytest.fixture(scope="module")
def trained(
    clients: Clients, pictures: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, str]:
    """What ModelTrainer told of two jobs, and printed."""
    code = tmp_path_factory.mktemp("code")
    (code / "train.py").write_text(TRAINING)
    return clients.program(
        "v3_train",
        pictures=str(pictures),
        code=str(code),
        hyperparameters=runs.SMALL | {"epochs": "1"},
        metrics=[{"name": one["Name"], "regex": one["Regex"]} for one in metrics.definitions()],
    )


def test_the_model_trainer_trains_the_image(clients: Clients, trained: tuple[Any, str]) -> None:
    told, printed = trained
    assert told["status"] == "Completed"
    assert "epoch=1 " in printed, "its log"
    assert 0 <= told["metrics"]["validation:top1"] <= 1
    assert "manifest.json" in names_in(clients, told["model"])
    assert "report.html" in names_in(clients, told["output"])


def test_the_model_trainer_runs_a_script_of_ones_own(
    clients: Clients, trained: tuple[Any, str]
) -> None:
    told, printed = trained
    assert told["script_status"] == "Completed"
    assert "a script with {'lr': 0.1, 'layers': [1, 2]} in v3-script-" in printed
    assert names_in(clients, told["script_model"]) == ["weights"]


def test_a_job_that_fails_says_why_and_one_that_is_stopped_was(clients: Clients) -> None:
    told, _ = clients.program("v3_fail")
    assert "It ran out of pictures." in told["reason"]
    assert told["stopped"] == "Stopped"


def test_the_tuner_finds_the_best_of_its_jobs(clients: Clients, tmp_path: Path) -> None:
    one = definition(tmp_path)
    told, _ = clients.program(
        "v3_tune",
        metrics=one["AlgorithmSpecification"]["MetricDefinitions"],
        environment=one["Environment"],
    )
    assert told["status"] == "Completed"
    assert len(told["values"]) == 2
    assert told["values"][told["best"]] == max(told["values"].values())
    assert told["best_is_of"] == told["name"]


def test_a_model_is_deployed_asked_updated_and_transforms_a_folder(
    clients: Clients, trained: tuple[Any, str], pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "picture.jpg").write_bytes(made_up_jpeg(40))
    some = sorted((pictures / "class_1").iterdir())[:3]
    for path in some:
        clients.server.cloud.objects.put(
            clients.bucket, f"v3-pictures/{path.name}", path.read_bytes()
        )
    told, _ = clients.program(
        "v3_host",
        job=trained[0]["name"],
        picture=str(tmp_path / "picture.jpg"),
        pictures=f"s3://{clients.bucket}/v3-pictures/",
        environment={"IMAGECLF_WORKERS": "1", "IMAGECLF_THREADS": "1"},
    )
    assert set(told["classes"]) == set(told["classes_after"]) == CLASSES
    assert told["config"] == "v3-second"
    assert told["endpoints"] == ["v3-endpoint"]
    assert told["transformed"] == "Completed"
    made = clients.server.cloud.objects.list(clients.bucket, "v3-transformed/")
    assert [one.key for one in made] == [f"v3-transformed/{path.name}.out" for path in some]
    assert told["left"] == []


def test_a_script_processor_runs_a_script_on_what_lies_in_s3(
    clients: Clients, tmp_path: Path
) -> None:
    (tmp_path / "count.py").write_text(COUNTING)
    clients.server.cloud.objects.put(clients.bucket, "v3-words/words.txt", b"one two three")
    told, printed = clients.program(
        "v3_process",
        code=str(tmp_path / "count.py"),
        words=f"s3://{clients.bucket}/v3-words/",
    )
    assert told["status"] == "Completed"
    assert content(clients, f"{told['output']}/count.txt") == b"3 ['--fast']"
    assert "counted 3" in printed
