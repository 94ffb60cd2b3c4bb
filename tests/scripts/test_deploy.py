import json
from pathlib import Path
from typing import Any

import pytest

from scripts import deploy
from tests.scripts.launching import launch
from tests.scripts.requests_of import faults

MODEL = "s3://bucket/imageclf/job/output/model.tar.gz"


def dry(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[tuple[str, dict[str, Any]]]:
    """The requests that a dry run prints; it has neither credentials nor a network."""
    assert deploy.main(["--dry-run", *arguments], {}) == 0
    return [(one["Operation"], one["Request"]) for one in json.loads(capsys.readouterr().out)]


@pytest.mark.parametrize("kind", ["realtime", "serverless", "async", "multi-model"])
def test_a_dry_run_prints_requests_that_aws_would_take(
    capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    sent = dry(capsys, "--model", MODEL, "--kind", kind, "--name", "flowers")
    sent = [one for one in sent if one[0] != "CopyObject"]
    assert [name for name, _ in sent] == ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"]
    for operation, request in sent:
        assert faults(operation, request) == []


def test_a_dry_run_without_a_model_shows_where_that_of_the_last_training_would_lie(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert deploy.main(["--dry-run"], {"IMAGECLF_LAUNCH_STATE": str(tmp_path)}) == 0
    model = json.loads(capsys.readouterr().out)[0]["Request"]
    assert model["PrimaryContainer"]["ModelDataUrl"].endswith("/output/model.tar.gz")


def test_each_model_of_several_is_copied_under_its_name_or_that_of_its_job_or_archive(
    capsys: pytest.CaptureFixture[str],
) -> None:
    models = [f"tulips={MODEL}", MODEL, "s3://bucket/pets/birds.tar.gz"]
    flags = [part for model in models for part in ("--model", model)]
    sent = dry(capsys, *flags, "--kind", "multi-model", "--name", "many")
    copies = [request for name, request in sent if name == "CopyObject"]
    assert [copy["Key"] for copy in copies] == [
        f"imageclf/multi-model/many/{name}.tar.gz" for name in ("tulips", "job", "birds")
    ]
    for copy in copies:
        assert faults("CopyObject", copy, "s3") == []
    container = sent[len(copies)][1]["PrimaryContainer"]
    assert container["ModelDataUrl"].endswith("/imageclf/multi-model/many/")


def test_an_update_makes_a_new_configuration_and_changes_the_endpoint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    *_, config, (last, request) = dry(capsys, "--model", MODEL, "--name", "flowers", "--update")
    assert last == "UpdateEndpoint"
    assert request["EndpointName"] == "flowers"
    assert config[1]["EndpointConfigName"] == request["EndpointConfigName"] != "flowers"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--name", "two__words"], "--name is 'two__words'"),
        (["--model", MODEL, "--model", MODEL, "--kind", "multi-model"], "Two models are called"),
        (["--model", f"a={MODEL}", "--model", f"b={MODEL}"], "--kind multi-model"),
        (["--model", MODEL, "--kind", "serverless", "--capture"], "captures no data"),
        (["--model", "s3://bucket/model.zip"], "not the address of a model.tar.gz"),
        (["--model", "nowhere.tar.gz"], "is no model"),
        (["--model", MODEL, "--kind", "realtme"], "--kind"),
        (["--model", MODEL, "--count", "0"], "--instances"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert deploy.main(["--dry-run", "--name", "flowers", *arguments], {}) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("script", ["deploy", "predict", "batch", "register", "teardown"])
def test_the_scripts_run_from_any_folder_and_say_how_they_are_used(
    script: str, tmp_path: Path
) -> None:
    told = launch(script, "--help", folder=tmp_path)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(f"usage: scripts/{script}.sh")
