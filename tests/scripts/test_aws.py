import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from imageclf.errors import LaunchError
from scripts import aws
from scripts.aws import Aws
from scripts.place import assumed
from scripts.sections import Settings


@pytest.fixture(autouse=True)
def no_account_of_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


def refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateTrainingJob")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NoCredentialsError(), "No AWS credentials are found; run aws configure, or set AWS_PROF"),
        (refused("AccessDeniedException", "no."), "AWS denies CreateTrainingJob (AccessDenied"),
        (refused("ExpiredToken", "old"), "The AWS credentials are not accepted (ExpiredToken: ol"),
        (refused("ResourceLimitExceeded", "0 left"), "AWS refused CreateTrainingJob (ResourceLim"),
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
            "Could not connect to the end",
        ),
    ],
)
def test_what_aws_says_becomes_a_sentence_with_what_to_do(
    error: ClientError | NoCredentialsError, told: str
) -> None:
    sentence = aws.explained(error)
    assert sentence.startswith(told)
    assert sentence.endswith(".")
    assert not sentence.endswith("..")


def test_without_a_region_it_says_where_to_set_one() -> None:
    with pytest.raises(LaunchError, match="No region is known; set AWS_REGION"):
        Aws(Settings(), {})


def test_the_default_bucket_is_made_in_its_region_and_one_of_yours_is_not() -> None:
    made = Aws(Settings(region="eu-west-1"), {})
    made.account = "123456789012"
    name = "sagemaker-eu-west-1-123456789012"
    with Stubber(made.client("s3")) as s3:
        s3.add_client_error("head_bucket", "404", http_status_code=404)
        where = {"LocationConstraint": "eu-west-1"}
        s3.add_response("create_bucket", {}, {"Bucket": name, "CreateBucketConfiguration": where})
        assert made.bucket == name
    yours = Aws(Settings(region="eu-west-1", bucket="mine"), {})
    with Stubber(yours.client("s3")) as s3:
        s3.add_client_error("head_bucket", "404", http_status_code=404)
        with pytest.raises(LaunchError, match="There is no bucket mine; make it"):
            assert yours.bucket


def test_a_role_that_is_not_there_leads_to_the_script_that_makes_it() -> None:
    made = Aws(Settings(region="us-east-1"), {})
    with Stubber(made.client("iam")) as iam:
        iam.add_client_error("get_role", "NoSuchEntity", http_status_code=404)
        with pytest.raises(LaunchError, match=r"make it with scripts/role\.sh"):
            assert made.role


def test_a_local_endpoint_is_known_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4577")
    local = Aws(Settings(region="us-east-1"), {})
    assert (local.is_local, local.name) == (True, "local-127.0.0.1:4577")
    assert local.console("/jobs") is None
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    far = Aws(Settings(region="us-east-1"), {})
    assert not far.is_local
    assert str(far.console("/jobs/a")).endswith("region=us-east-1#/jobs/a")


def test_a_dry_run_assumes_what_it_does_not_know() -> None:
    place = assumed(Settings(role="mine"), {"AWS_REGION": "cn-north-1"})
    assert place.role == "arn:aws-cn:iam::123456789012:role/mine"
    assert place.image.startswith("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/imageclf")
    assert place.uri("jobs") == "s3://sagemaker-cn-north-1-123456789012/imageclf/jobs"
