"""Rules of the debugger beside training jobs: tiny programs that save tensors made before."""

import importlib
import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore import session
from botocore.exceptions import ClientError

from local_test.cloud.training import rules
from tests.debugger.tensors.saving import save_collections, save_step
from tests.local_test.cloud.sdk_session import sdk_session
from tests.local_test.cloud.training.jobs import (
    BUCKET,
    PATIENCE_S,
    ROLE,
    Jobs,
    channel,
    history,
    spot,
)

COPY = (
    "cd /opt/ml/input/data/saved; cp -r collections events /opt/ml/output/tensors; "
    "cp -r index /opt/ml/output/tensors; "
)
"""The events of a step come before what tells of them."""

UNTIL_TOLD = "until [ -e /opt/ml/go ]; do sleep 0.1; done"
HOOK = {"DebugHookConfig": {"S3OutputPath": f"s3://{BUCKET}/debug"}}
LOSS = "CrossEntropyLoss_output_0"
ARN = r"arn:aws:sagemaker:us-east-1:123456789012:processing-job/judged-job-overfit-[0-9a-f]{8}"

OWN_RULE = """
from imageclf.rules.finding import Finding
from imageclf.debugger.rules.base import Rule

class Everywhere(Rule):
    name = "Everywhere"

    def needs(self):
        return {}

    def look(self, step):
        self.looked += 1
        told = ("Here is a step.", "It is one.", "Go on.")
        yield Finding(self.name, step.number, step.mode.name, step.mode_step, "", 0.0, 0.0, *told)
"""


@pytest.fixture(scope="module")
def saved(jobs: Jobs, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a run that overfits: the validation loss is twice that of training."""
    folder = tmp_path_factory.mktemp("saved")
    for step in range(8):
        mode, loss = ("EVAL", 2.0) if step % 2 else ("TRAIN", 1.0 - step / 100)
        save_step(folder, step, {LOSS: loss}, mode=mode, mode_step=step // 2)
    save_collections(folder, {"losses": [LOSS]})
    for path in folder.rglob("*"):
        if path.is_file():
            jobs.put(f"saved/{path.relative_to(folder)}", path.read_bytes())
    return f"s3://{BUCKET}/saved/"


def rule(name: str, invoked: str | None = None, **parameters: str) -> dict[str, Any]:
    return {
        "RuleConfigurationName": name,
        "RuleEvaluatorImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/debugger-rules:latest",
        "RuleParameters": {"rule_to_invoke": invoked or name, **parameters},
    }


def with_rules(saved: str, *configurations: dict[str, Any]) -> dict[str, Any]:
    """Fields of a request."""
    channels = {"InputDataConfig": [channel("saved", saved)]}
    return {**channels, **HOOK, "DebugRuleConfigurations": list(configurations)}


def statuses(job: dict[str, Any]) -> dict[str, str]:
    found = job["DebugRuleEvaluationStatuses"]
    return {one["RuleConfigurationName"]: one["RuleEvaluationStatus"] for one in found}


def details(job: dict[str, Any], name: str) -> str:
    (found,) = [
        one for one in job["DebugRuleEvaluationStatuses"] if one["RuleConfigurationName"] == name
    ]
    return str(found.get("StatusDetails", ""))


def folder(jobs: Jobs, name: str) -> Path:
    (found,) = jobs.server.cloud.store.folder("training-job", name).glob("algo-1/ml")
    return found


def test_rules_are_judged_while_the_job_runs_and_are_done_when_it_is(
    jobs: Jobs, saved: str
) -> None:
    configurations = [rule("Overfit"), rule("nan", "ExplodingTensor", only_nan="True")]
    jobs.start("judged-job", COPY + UNTIL_TOLD, **with_rules(saved, *configurations))
    began = jobs.describe("judged-job")
    assert statuses(began) == {"Overfit": "InProgress", "nan": "InProgress"}
    assert re.fullmatch(ARN, began["DebugRuleEvaluationStatuses"][0]["RuleEvaluationJobArn"])
    job = jobs.when("judged-job", lambda job: statuses(job)["Overfit"] == "IssuesFound")
    assert job["TrainingJobStatus"] == "InProgress"
    assert statuses(job)["nan"] == "InProgress"
    (folder(jobs, "judged-job") / "go").touch()
    job = jobs.over("judged-job")
    assert job["TrainingJobStatus"] == "Completed"
    assert statuses(job) == {"Overfit": "IssuesFound", "nan": "NoIssuesFound"}
    told = details(job, "Overfit")
    assert told.startswith("RuleEvaluationConditionMet: Evaluation of the rule Overfit at step ")
    changed = [one["LastModifiedTime"] for one in job["DebugRuleEvaluationStatuses"]]
    assert all(job["CreationTime"] < at < job["LastModifiedTime"] for at in changed)


def test_what_a_rule_wrote_lies_in_s3_and_what_it_said_in_its_log(jobs: Jobs) -> None:
    """Of the job before."""
    assert jobs.keys("out/judged-job/rule-output/Overfit/") == [
        "debug-report.html",
        "findings.jsonl",
        "rule_status.json",
    ]
    found = jobs.get("out/judged-job/rule-output/Overfit/findings.jsonl").splitlines()
    assert json.loads(found[0])["rule"] == "Overfit"
    assert "debug-output/training_job_end.ts" in jobs.keys("debug/judged-job/")
    events = jobs.server.cloud.logs.since(0, 1_000_000)
    said = [one.message for one in events if one.stream.startswith("judged-job-overfit-")]
    assert any(line.startswith("rule Overfit: IssuesFound") for line in said)


def test_a_rule_stops_the_job_when_it_finds_something(jobs: Jobs, saved: str) -> None:
    action = r"[{\"name\": \"stoptraining\", \"training_job_prefix\": \"ended-by-rule\"}]"
    configuration = rule("Overfit", action_json=action)
    job = jobs.run("ended-by-rule", COPY + "exec sleep 600", **with_rules(saved, configuration))
    assert job["TrainingJobStatus"] == "Stopped"
    assert statuses(job) == {"Overfit": "IssuesFound"}


def test_a_rule_that_cannot_be_judged_is_an_error_and_the_others_go_on(
    jobs: Jobs, saved: str
) -> None:
    image = rule("image")
    del image["RuleParameters"]
    wrong = rule("wrong", "Overfit", patience="often")
    mine = rule("mine", "Everywhere", source_s3_uri=jobs.put("own/rules.py", OWN_RULE.encode()))
    job = jobs.run("faulty", COPY, **with_rules(saved, wrong, image, mine))
    assert job["TrainingJobStatus"] == "Completed"
    assert statuses(job) == {"wrong": "Error", "image": "Error", "mine": "IssuesFound"}
    assert "step 0 resulted in the condition being met. Here is a step." in details(job, "mine")
    assert "Parameter patience of rule Overfit is 'often'" in details(job, "wrong")
    assert "does not run images of rules" in details(job, "image")


def test_a_job_that_is_stopped_stops_its_rules(jobs: Jobs, saved: str) -> None:
    jobs.start("halted", "exec sleep 600", **with_rules(saved, rule("Overfit")))
    jobs.when("halted", lambda job: job["SecondaryStatus"] == "Training")
    jobs.client.stop_training_job(TrainingJobName="halted")
    job = jobs.over("halted")
    assert job["TrainingJobStatus"] == "Stopped"
    assert statuses(job) == {"Overfit": "Stopped"}


def test_rules_end_with_a_job_whose_process_is_killed(jobs: Jobs, saved: str) -> None:
    jobs.start(
        "killed", COPY + "exec sleep 600", **with_rules(saved, rule("nan", "ExplodingTensor"))
    )
    jobs.when("killed", lambda job: job["SecondaryStatus"] == "Training")
    kept = jobs.server.cloud.store.find("training-job", "killed")
    assert kept is not None
    watching = str(jobs.server.cloud.store.folder("training-job", "killed") / "rules")
    deadline = time.monotonic() + PATIENCE_S
    while not commands_with(watching):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(kept["_runner"]["pid"], signal.SIGKILL)
    job = jobs.over("killed")
    assert job["TrainingJobStatus"] == "Failed"
    assert statuses(job) == {"nan": "Stopped"}
    while commands_with(watching):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_rules_begin_anew_after_the_spot_instances_were_taken_away(jobs: Jobs, saved: str) -> None:
    again = f"[ -e /opt/ml/checkpoints/once ] && {{ {COPY} exit; }}; "
    first = "touch /opt/ml/checkpoints/once; echo ready; exec sleep 600"
    checkpoints = {"CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/once"}}
    fields = with_rules(saved, rule("Overfit")) | checkpoints | spot()
    jobs.start("taken", again + first, **fields)
    jobs.says("taken", "ready")
    jobs.server.cloud.store.change("training-job", "taken", lambda job: job.update(_interrupt=True))
    jobs.when("taken", lambda job: "Interrupted" in history(job))
    assert "debug-output/training_job_end.ts" not in jobs.keys("debug/taken/")
    job = jobs.over("taken")
    assert job["TrainingJobStatus"] == "Completed"
    assert statuses(job) == {"Overfit": "IssuesFound"}


def commands_with(part: str) -> list[str]:
    """Command lines of this machine's processes that have `part` in them."""
    found = [" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"])]
    return [command for command in found if part in command]


def test_a_job_that_never_trains_leaves_no_rule_in_progress(jobs: Jobs) -> None:
    job = jobs.run("no-data", **with_rules(f"s3://{BUCKET}/nothing/", rule("Overfit")))
    assert job["TrainingJobStatus"] == "Failed"
    assert statuses(job) == {"Overfit": "Stopped"}
    assert details(job, "Overfit") == "The training job ended before the rule was done."


def test_names_of_rules_are_unique_within_a_job(jobs: Jobs, saved: str) -> None:
    twice = with_rules(saved, rule("Overfit"), rule("Overfit", "DeadRelu"))
    with pytest.raises(ClientError, match="Each RuleConfigurationName must be unique"):
        jobs.start("twice", **twice)


@pytest.mark.parametrize("name", ["Overfit", "../../etc", "é" * 200, "--", "a" * 256])
def test_the_job_of_a_rule_has_a_valid_name_whatever_the_rule_is_called(name: str) -> None:
    job = {
        "TrainingJobName": "Insects-" + "x" * 17 + "-y" * 18,
        "TrainingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/a",
    }
    model = session.get_session().get_service_model("sagemaker")
    pattern = model.shape_for("ProcessingJobArn").metadata
    assert re.fullmatch(pattern["pattern"], rules.arn(job, name))
    assert len(rules.job_name(job, name)) <= 63
    assert rules.job_name(job, name) != rules.job_name(job, name + "2")


def test_an_estimator_of_the_sdk_shows_how_its_rules_stand(
    jobs: Jobs, saved: str, tmp_path: Path
) -> None:
    source = tmp_path / "own_rules.py"
    source.write_text(OWN_RULE)
    with sdk_session(jobs.server, tmp_path, BUCKET) as sdk:
        debugger: Any = importlib.import_module("sagemaker.debugger")
        from sagemaker.estimator import Estimator  # noqa: PLC0415  (dear, and only for this test)

        configs = debugger.rule_configs
        own: dict[str, Any] = {"image_uri": "rules", "instance_type": "ml.m5.large"}
        estimator: Any = Estimator(
            image_uri="imageclf:latest",
            role=ROLE,
            instance_count=1,
            instance_type="ml.m5.large",
            output_path=f"s3://{BUCKET}/sdk",
            container_entry_point=["sh", "-c", 'eval "$PROGRAM"'],
            environment={"PROGRAM": COPY},
            rules=[
                debugger.Rule.sagemaker(configs.overfit(), actions=configs.StopTraining()),
                debugger.Rule.custom(
                    "mine",
                    **own,
                    volume_size_in_gb=1,
                    source=str(source),
                    rule_to_invoke="Everywhere",
                ),
            ],
            debugger_hook_config=debugger.DebuggerHookConfig(s3_output_path=f"s3://{BUCKET}/sdk"),
            sagemaker_session=sdk,
        )
        estimator.fit({"saved": saved}, wait=False, job_name="by-the-sdk")
        job = jobs.over("by-the-sdk")
        summary = estimator.latest_training_job.rule_job_summary()
        tensors = estimator.latest_job_debugger_artifacts_path()
    found = {one["RuleConfigurationName"]: one["RuleEvaluationStatus"] for one in summary}
    assert found == {"Overfit": "IssuesFound", "mine": "IssuesFound"}
    assert job["TrainingJobStatus"] in {"Completed", "Stopped"}, "the rule stops it, if in time"
    assert tensors == f"s3://{BUCKET}/sdk/by-the-sdk/debug-output"
    assert "index/000000000/000000000000_worker_0.json" in jobs.keys("sdk/by-the-sdk/debug-output/")


def test_a_processing_job_judges_saved_tensors_afterwards(jobs: Jobs, saved: str) -> None:
    paths = {"tensors": "/opt/ml/processing/input", "report": "/opt/ml/processing/output"}
    judging = ["--rules", "overfit", "--output", paths["report"]]
    source = {"S3Uri": saved, "LocalPath": paths["tensors"], "S3DataType": "S3Prefix"}
    target = {"S3Uri": f"s3://{BUCKET}/judged", "LocalPath": paths["report"]}
    jobs.client.create_processing_job(
        ProcessingJobName="judges",
        RoleArn=ROLE,
        AppSpecification={
            "ImageUri": "imageclf:latest",
            "ContainerArguments": ["analyze", paths["tensors"], *judging],
        },
        ProcessingInputs=[
            {"InputName": "tensors", "S3Input": source | {"S3InputMode": "File"}},
        ],
        ProcessingOutputConfig={
            "Outputs": [{"OutputName": "report", "S3Output": target | {"S3UploadMode": "EndOfJob"}}]
        },
        ProcessingResources={
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}
            | {"VolumeSizeInGB": 1}
        },
    )
    deadline = time.monotonic() + PATIENCE_S
    while True:
        job = jobs.client.describe_processing_job(ProcessingJobName="judges")
        if job["ProcessingJobStatus"] not in {"InProgress", "Stopping"}:
            break
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    assert job["ProcessingJobStatus"] == "Completed", job
    (status,) = json.loads(jobs.get("judged/rule_status.json"))
    assert status["RuleEvaluationStatus"] == "IssuesFound"
    assert "debug-report.html" in jobs.keys("judged/")
