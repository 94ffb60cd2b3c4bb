from collections.abc import Iterator

import pytest
from botocore.stub import Stubber
from moto import mock_aws

from scripts import found
from scripts.aws import Aws
from scripts.found import MODEL, Resource
from scripts.sections import Settings

OURS = {"imageclf:project": "imageclf", "imageclf:made-by": "scripts"}
ROLE = "arn:aws:iam::123456789012:role/someone"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """An account as moto has it, which is not a local endpoint to the launchers."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Aws(Settings(region="us-east-1"), {})


def make_model(aws: Aws, name: str, tags: dict[str, str]) -> None:
    aws.client("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": "image"},
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )


def names(resources: list[Resource]) -> list[str]:
    return sorted(one.name for one in resources)


def test_only_what_has_both_tags_of_the_project_is_found(aws: Aws) -> None:
    make_model(aws, "ours", OURS)
    make_model(aws, "another-project", {**OURS, "imageclf:project": "another"})
    make_model(aws, "by-hand", {"imageclf:project": "imageclf"})
    make_model(aws, "bare", {})
    assert names(found.find(aws, "imageclf", [MODEL])) == ["ours"]


def test_it_is_found_where_the_tagging_api_is_denied(aws: Aws) -> None:
    make_model(aws, "ours", OURS)
    with Stubber(aws.client("resourcegroupstaggingapi")) as tagging:
        tagging.add_client_error("get_resources", "AccessDeniedException")
        assert names(found.find(aws, "imageclf", [MODEL])) == ["ours"]


def test_more_than_a_page_is_found(aws: Aws) -> None:
    for number in range(120):
        make_model(aws, f"ours-{number}", OURS)
    assert len(found.find(aws, "imageclf", [MODEL])) == 120


def test_the_name_of_an_endpoint_stands_for_what_was_made_for_it(aws: Aws) -> None:
    make_model(aws, "old", {**OURS, "imageclf:endpoint": "flowers"})
    make_model(aws, "other", {**OURS, "imageclf:endpoint": "pets"})
    make_model(aws, "alone", OURS)
    there = found.find(aws, "imageclf", [MODEL])
    assert names(found.named(there, ["flowers"])) == ["old"]
    assert names(found.named(there, ["alone"])) == ["alone"]
    assert found.named(there, ["nothing"]) == []
