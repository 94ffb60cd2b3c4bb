from dataclasses import replace

from scripts.requests import role
from tests.scripts.requests_of import faults, make_place

PLACE = replace(make_place(), bucket="pictures", prefix="vision/imageclf")


def statement(name: str) -> dict[str, object]:
    (found,) = [one for one in role.permissions(PLACE)["Statement"] if one["Sid"] == name]
    return dict(found)


def test_only_sagemaker_on_behalf_of_the_account_may_take_the_role() -> None:
    (one,) = role.trust("123456789012")["Statement"]
    assert one["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert one["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_it_reads_and_writes_below_the_projects_prefix_only() -> None:
    resources = statement("ReadAndWriteTheProject")["Resource"]
    assert resources == ["arn:aws:s3:::pictures/vision/imageclf/*"]
    listing = statement("ListTheProject")["Condition"]
    assert listing == {"StringLike": {"s3:prefix": ["vision/imageclf", "vision/imageclf/*"]}}


def test_it_pulls_one_repository_wherever_that_is() -> None:
    assert statement("PullTheImage")["Resource"] == [
        "arn:aws:ecr:us-east-1:123456789012:repository/imageclf"
    ]
    image = "210987654321.dkr.ecr.eu-west-1.amazonaws.com/team/imageclf@sha256:" + "0" * 64
    elsewhere = role.permissions(replace(PLACE, image=image))["Statement"]
    (pull,) = [one for one in elsewhere if one["Sid"] == "PullTheImage"]
    assert pull["Resource"] == ["arn:aws:ecr:eu-west-1:210987654321:repository/team/imageclf"]


def test_all_things_are_allowed_only_where_aws_knows_no_narrower_resource() -> None:
    wide = [one for one in role.permissions(PLACE)["Statement"] if one["Resource"] == ["*"]]
    assert [one["Sid"] for one in wide] == ["LogInToTheRegistry", "WriteMetrics"]
    assert "Condition" in statement("WriteMetrics")
    actions = [action for one in role.permissions(PLACE)["Statement"] for action in one["Action"]]
    assert not [action for action in actions if action.endswith("*") or "sagemaker:" in action]


def test_the_requests_are_ones_that_iam_takes() -> None:
    assert faults("CreateRole", role.create_role("mine", "imageclf", "123456789012"), "iam") == []
    assert faults("PutRolePolicy", role.put_policy("mine", PLACE), "iam") == []
    assert faults("UpdateAssumeRolePolicy", role.update_trust("mine", "123456789012"), "iam") == []
