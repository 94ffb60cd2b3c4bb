"""Launchers of hosting on the local cloud: one endpoint of the real image, the others of a fake."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from scripts import deploy, predict, teardown
from scripts.pictures import made_up_jpeg
from tests.local_test.cloud.servers import CloudServer
from tests.scripts.archives import FAKE_SERVING, pack_classes, pack_model
from tests.scripts.launching import Done, call

Run = Callable[..., Done]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with model archives, a picture, and a file that is none."""
    folder = tmp_path_factory.mktemp("launchers")
    pack_classes(folder, "insects", "Ants", "Bees", "Cats")
    pack_classes(folder, "birds", "Jay", "Owl")
    pack_classes(folder, "empty")
    (folder / "photo.jpg").write_bytes(made_up_jpeg())
    (folder / "text.jpg").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def run(cloud_server: CloudServer, place: Path) -> Run:
    """Calls `main` of a launcher in that folder, on the local cloud with the fake image."""
    environment = cloud_server.environment | FAKE_SERVING
    return partial(call, folder=place, environment=environment)


@pytest.fixture(scope="module")
def deployed(run: Run) -> Done:
    """The endpoint `insects`."""
    return run(deploy.main, "--model", "insects.tar.gz", "--name", "insects", "--instances", "1")


def test_a_real_model_is_deployed_and_asked(
    cloud_server: CloudServer, place: Path, tmp_path: Path, run: Run
) -> None:
    real = partial(call, folder=tmp_path, environment=cloud_server.environment)
    model = pack_model(tmp_path, "real", "Ants", "Bees", "Cats")
    picture = place / "photo.jpg"
    made = real(deploy.main, "--model", model, "--name", "real", "--picture", picture)
    assert made.returncode == 0, made.stderr
    asked = real(predict.main, picture, "--top", "2")
    title, *classes = asked.stdout.splitlines()
    assert title == str(picture)
    assert len(classes) == 2
    assert all(line in made.stdout.splitlines() for line in classes)
    real(teardown.main, "real", "--yes")


def test_deploy_says_what_it_made_what_it_costs_and_how_to_undo_and_to_call_it(
    deployed: Done,
) -> None:
    assert deployed.returncode == 0, deployed.stderr
    for told in (
        "endpoint  insects",
        "0.2040 USD an hour (1 x ml.c5.xlarge",
        "scripts/teardown.sh insects",
        "InService",
        "Ants  0.",
        "scripts/predict.sh photo.jpg --endpoint insects",
        "aws sagemaker-runtime invoke-endpoint --endpoint-name insects",
        "runtime.invoke_endpoint(",
    ):
        assert told in deployed.stdout


def test_predict_asks_the_endpoint_that_was_made_last(deployed: Done, run: Run) -> None:
    asked = run(predict.main, "photo.jpg", "--top", "2")
    title, *classes = asked.stdout.splitlines()
    assert title == "photo.jpg"
    assert len(classes) == 2
    assert asked.returncode == 0


def test_a_file_that_is_no_picture_is_told_in_the_container_s_words_and_others_are_answered(
    deployed: Done, run: Run
) -> None:
    asked = run(predict.main, "text.jpg", "photo.jpg", "--json")
    assert asked.returncode == 1
    assert asked.stderr.startswith("text.jpg: The bytes are not those of an image")
    answer = json.loads(asked.stdout)
    assert answer["picture"] == "photo.jpg"
    assert {one["class"] for one in answer["predictions"]} == {"Ants", "Bees", "Cats"}


def test_an_endpoint_that_is_not_there_is_told_in_a_sentence(run: Run) -> None:
    asked = run(predict.main, "photo.jpg", "--endpoint", "nowhere")
    assert asked.returncode == 12
    assert "There is no endpoint nowhere" in asked.stderr
    changed = run(deploy.main, "--model", "birds.tar.gz", "--name", "nowhere", "--update")
    assert changed.returncode == 12
    assert "no endpoint nowhere to update" in changed.stderr


def test_a_name_that_is_taken_is_refused_before_anything_is_made(
    deployed: Done, run: Run, cloud_server: CloudServer
) -> None:
    def models() -> int:
        return len(cloud_server.client("sagemaker").list_models()["Models"])

    before = models()
    again = run(deploy.main, "--model", "birds.tar.gz", "--name", "insects")
    assert again.returncode == 12
    assert "give it this model with --update" in again.stderr
    assert models() == before


def test_an_update_puts_another_model_behind_the_same_endpoint(
    cloud_server: CloudServer, run: Run
) -> None:
    assert run(deploy.main, "--model", "insects.tar.gz", "--name", "changing").returncode == 0
    changed = run(deploy.main, "--model", "birds.tar.gz", "--update", "--capture")
    assert changed.returncode == 0, changed.stderr
    assert "Updating" in changed.stdout
    assert "Owl" in changed.stdout
    seen = cloud_server.client("sagemaker").describe_endpoint(EndpointName="changing")
    assert seen["DataCaptureConfig"]["CaptureStatus"] == "Started"
    gone = run(teardown.main, "changing", "--yes")
    assert gone.stdout.count("deleted  model") == 2


def test_several_models_stand_behind_one_endpoint(run: Run) -> None:
    models = ["--model", "insects.tar.gz", "--model", "fowl=birds.tar.gz"]
    made = run(deploy.main, *models, "--kind", "multi-model", "--name", "many")
    assert made.returncode == 0, made.stderr
    assert "--target-model insects.tar.gz" in made.stdout
    asked = run(predict.main, "photo.jpg", "--target-model", "fowl")
    assert "Owl" in asked.stdout
    missed = run(predict.main, "photo.jpg")
    assert "target model" in missed.stderr
    run(teardown.main, "many", "--yes")


def test_an_asynchronous_endpoint_is_asked_through_s3(run: Run) -> None:
    made = run(deploy.main, "--model", "insects.tar.gz", "--kind", "async", "--name", "later")
    assert made.returncode == 0, made.stderr
    assert "Ants" in made.stdout
    asked = run(predict.main, "text.jpg", "photo.jpg", "--top", "1")
    assert asked.returncode == 1
    assert asked.stderr.startswith("text.jpg: The bytes are not those of an image")
    assert asked.stdout.startswith("photo.jpg\n")
    assert len(asked.stdout.splitlines()) == 2
    run(teardown.main, "later", "--yes")


def test_an_endpoint_that_fails_says_why_and_shows_the_end_of_its_log(run: Run) -> None:
    made = run(deploy.main, "--model", "empty.tar.gz", "--name", "broken")
    assert made.returncode == 12
    assert "The endpoint broken is Failed" in made.stderr
    assert "/aws/sagemaker/Endpoints/broken" in made.stderr
    assert "holds no model" in made.stderr
    asked = run(predict.main, "photo.jpg", "--endpoint", "broken")
    assert "is Failed" in asked.stderr
    run(teardown.main, "broken", "--yes")
