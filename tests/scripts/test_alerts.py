"""Alerts of findings, made and removed on the local cloud; the function on a real job."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from imageclf.rules.actions.emit import DETAIL_TYPE, SOURCE, detail
from scripts import alerts
from scripts.requests import alerting
from scripts.stop_on_finding import handler
from tests.local_test.cloud.servers import PATIENCE_S, CloudServer, running_cloud
from tests.rules.actions.events import ARN, event
from tests.scripts.launching import Done, call, launch

STACK = "imageclf-alerts"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudServer]:
    with running_cloud(tmp_path_factory.mktemp("cloud") / "root") as made:
        yield made


def run(server: CloudServer, folder: Path, *arguments: str) -> Done:
    done = call(alerts.main, *arguments, folder=folder, environment=server.environment)
    assert done.returncode == 0, done.stderr
    return done


def pattern(server: CloudServer) -> dict[str, Any]:
    rule = server.client("events").describe_rule(Name=STACK)
    found: dict[str, Any] = json.loads(rule["EventPattern"])
    return found


def targets(server: CloudServer) -> list[str]:
    found = server.client("events").list_targets_by_rule(Rule=STACK)["Targets"]
    return sorted(one["Arn"].split(":")[2] for one in found)


def matches(wanted: Any, value: Any) -> bool:
    """Whether EventBridge would say so: a list of objects matches when one of them does."""
    if isinstance(wanted, dict):
        some = value if isinstance(value, list) else [value]
        return any(
            all(name in one and matches(wanted[name], one[name]) for name in wanted) for one in some
        )
    return any(one in wanted for one in (value if isinstance(value, list) else [value]))


def sent() -> dict[str, Any]:
    """The event as the image sends it and EventBridge hands it on."""
    return {
        "source": SOURCE,
        "detail-type": DETAIL_TYPE,
        "resources": [ARN],
        "detail": detail(event(), datetime.now(UTC)),
    }


def test_alerts_are_made_changed_looked_at_and_removed(server: CloudServer, tmp_path: Path) -> None:
    up = run(server, tmp_path, "up", "--email", "ann@example.org", "--rules", "Overfit", "--stop")
    assert f"arn:aws:sns:us-east-1:123456789012:{STACK}" in up.stdout
    assert "confirm the subscription that AWS sends to ann@example.org" in up.stdout
    assert targets(server) == ["lambda", "sns"]
    assert matches(pattern(server), sent())
    role = {"RoleName": "imageclf-sagemaker", "PolicyName": STACK}
    allowed = server.client("iam").get_role_policy(**role)["PolicyDocument"]["Statement"]
    assert [one["Action"] for one in allowed] == ["events:PutEvents", "sns:Publish"]
    function = server.client("lambda").get_function(FunctionName=f"{STACK}-stop")["Configuration"]
    assert function["Environment"]["Variables"] == {"RULES": "Overfit"}
    assert "stop" in run(server, tmp_path, "status").stdout
    run(server, tmp_path, "up", "--rules", "DeadRelu,AllZero", "--stop")
    assert not matches(pattern(server), sent())
    assert "DeadRelu,AllZero" in run(server, tmp_path, "status").stdout
    assert "deleted  stack" in run(server, tmp_path, "down").stdout
    assert server.client("events").list_rules()["Rules"] == []
    assert server.client("sns").list_topics()["Topics"] == []
    assert server.client("lambda").list_functions()["Functions"] == []
    assert (
        STACK
        not in server.client("iam").list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
    )
    assert "There is no stack" in run(server, tmp_path, "status").stdout
    assert "nothing was removed" in run(server, tmp_path, "down").stdout


def test_a_role_that_is_not_there_is_told_before_anything_is_made(
    server: CloudServer, tmp_path: Path
) -> None:
    done = call(
        alerts.main, "up", "--role", "nobody", folder=tmp_path, environment=server.environment
    )
    assert done.returncode == 12
    assert "make it with scripts/role.sh" in done.stderr


def test_a_dry_run_prints_the_request_without_an_account(tmp_path: Path) -> None:
    done = launch("alerts", "up", "--stop", "--dry-run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    request = json.loads(done.stdout)["Request"]
    assert request["StackName"] == STACK
    assert request["Capabilities"] == ["CAPABILITY_IAM"]
    assert {"ParameterKey": "Stop", "ParameterValue": "true"} in request["Parameters"]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--email", "ann"], "--email is 'ann'; give an address"),
        (["--rules", "Overfit,a b"], "--rules has 'a b'; give names"),
    ],
)
def test_a_flag_that_means_nothing_is_refused(tmp_path: Path, flags: list[str], told: str) -> None:
    done = call(alerts.main, "up", *flags, "--dry-run", folder=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr


class _Tags(yaml.SafeLoader):  # type: ignore[misc]
    """Reads CloudFormation's short forms as their values."""


_Tags.add_multi_constructor(
    "!",
    lambda loader, _, node: (
        loader.construct_sequence(node, deep=True)
        if isinstance(node, yaml.SequenceNode)
        else loader.construct_scalar(node)
    ),
)


def test_the_template_carries_the_function_as_it_is_and_few_rights() -> None:
    template = yaml.load(alerting.template(), _Tags)  # noqa: S506  (a SafeLoader)
    resources = template["Resources"]
    code = resources["Function"]["Properties"]["Code"]["ZipFile"]
    assert code.rstrip() == Path(handler.__file__).read_text().rstrip()
    (policy,) = resources["FunctionRole"]["Properties"]["Policies"]
    stop, log = policy["PolicyDocument"]["Statement"]
    assert stop["Action"] == ["sagemaker:StopTrainingJob", "sagemaker:DescribeTrainingJob"]
    assert stop["Resource"].endswith(":training-job/*")
    assert log["Resource"].endswith("log-group:/aws/lambda/${AWS::StackName}-stop:*")
    assert len(alerting.template().encode()) < 51_200, "what CreateStack takes"


@pytest.fixture
def account(server: CloudServer, monkeypatch: pytest.MonkeyPatch) -> CloudServer:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("RULES", raising=False)
    return server


def start(server: CloudServer, name: str) -> dict[str, Any]:
    """A job that runs until it is stopped; the event of a finding in it."""
    server.client("s3").create_bucket(Bucket="jobs")
    made = server.client("sagemaker").create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={
            "TrainingImage": "imageclf:latest",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["sh", "-c", "exec sleep 600"],
        },
        RoleArn="arn:aws:iam::123456789012:role/someone",
        OutputDataConfig={"S3OutputPath": "s3://jobs/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    names = {"TrainingJobName": name, "TrainingJobArn": made["TrainingJobArn"]}
    return sent() | {"detail": sent()["detail"] | names}


def status(server: CloudServer, name: str) -> str:
    described = server.client("sagemaker").describe_training_job(TrainingJobName=name)
    return str(described["TrainingJobStatus"])


def test_the_function_stops_a_running_job_once_however_often_it_is_told(
    account: CloudServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = start(account, "sick")
    monkeypatch.setenv("RULES", "DeadRelu, AllZero")
    assert handler.handler(found, None)["outcome"] == "left alone"
    assert status(account, "sick") == "InProgress"
    monkeypatch.setenv("RULES", "DeadRelu,Overfit")
    assert handler.handler(found, None)["outcome"] == "stopped"
    deadline = time.monotonic() + PATIENCE_S
    while status(account, "sick") != "Stopped":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert handler.handler(found, None)["outcome"] == "was stopped already"
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["job"], last["rules"], last["source"]) == ("sick", ["Overfit"], "imageclf")


def test_the_function_leaves_alone_what_is_over_or_healthy(account: CloudServer) -> None:
    over = sent()
    over["detail"]["TrainingJobStatus"] = "Completed"
    assert handler.handler(over, None)["outcome"] == "left alone"
    for healthy in (None, [], [{"RuleConfigurationName": "a", "RuleEvaluationStatus": "Error"}]):
        told = sent()
        told["detail"]["DebugRuleEvaluationStatuses"] = healthy
        assert handler.handler(told, None)["rules"] == []


def test_the_function_fails_when_the_job_cannot_be_stopped(account: CloudServer) -> None:
    with pytest.raises(Exception, match="Requested resource not found"):
        handler.handler(sent(), None)
