"""Profiles of training jobs and rules on them: tiny programs, one with a profile made before."""

import importlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from imageclf.profiler import names
from imageclf.profiler.run import Profile
from tests.local_test.cloud.sdk_session import sdk_session
from tests.local_test.cloud.training.jobs import BUCKET, PATIENCE_S, ROLE, Jobs, channel
from tests.profiler.made import Made

COPY = "cp -r /opt/ml/input/data/made/* /opt/ml/output/profiler; "
UNTIL_TOLD = "until [ -e /opt/ml/go ]; do sleep 0.1; done"
CONFIG = {"S3OutputPath": f"s3://{BUCKET}/prof", "ProfilingIntervalInMilliseconds": 200}
STALLS = {"n_outliers": "5", "scan_interval_us": "5000000"}


@pytest.fixture(scope="module")
def made(jobs: Jobs, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the profile of a run without a GPU that stalls at every twentieth step."""
    folder = tmp_path_factory.mktemp("made")
    profile = Made(folder, wall_s=time.time())
    profile.system("algo-1", np.arange(0, 40, 0.5), {names.CPU: 60.0, "cpu0": 60.0})
    took = np.full(300, 100.0)
    took[::20] = 900.0
    profile.steps("algo-1-0", np.arange(5, 35, 0.1), {names.TOOK: took, names.IMAGES: 8})
    profile.worker("algo-1-0", host="algo-1", device="cpu", cores=1, batch_size=8)
    for path in folder.rglob("*"):
        if path.is_file():
            jobs.put(f"made/{path.relative_to(folder)}", path.read_bytes())
    return f"s3://{BUCKET}/made/"


def rule(name: str, invoked: str | None = None, **parameters: str) -> dict[str, Any]:
    return {
        "RuleConfigurationName": name,
        "RuleEvaluatorImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/debugger-rules:latest",
        "RuleParameters": {"rule_to_invoke": invoked or name, **parameters},
    }


def statuses(job: dict[str, Any]) -> dict[str, str]:
    found = job.get("ProfilerRuleEvaluationStatuses", [])
    return {one["RuleConfigurationName"]: one["RuleEvaluationStatus"] for one in found}


def details(job: dict[str, Any]) -> dict[str, str]:
    found = job["ProfilerRuleEvaluationStatuses"]
    return {one["RuleConfigurationName"]: one.get("StatusDetails", "") for one in found}


def go(jobs: Jobs, name: str) -> None:
    """Let a job end that waits."""
    (found,) = jobs.server.cloud.store.folder("training-job", name).glob("algo-1/ml")
    (found / "go").touch()


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_rules_of_the_profiler_are_judged_while_the_job_runs(jobs: Jobs, made: str) -> None:
    jobs.start(
        "stalling",
        COPY + UNTIL_TOLD,
        ProfilerConfig=CONFIG,
        ProfilerRuleConfigurations=[
            rule("stalls", "StepOutlier", **STALLS),
            rule("LowGPUUtilization"),
            rule("odd", "StepOutlier", stddev="wide"),
        ],
        InputDataConfig=[channel("made", made)],
    )
    assert set(statuses(jobs.describe("stalling")).values()) == {"InProgress"}
    job = jobs.when("stalling", lambda job: statuses(job)["stalls"] == "IssuesFound")
    assert (job["TrainingJobStatus"], job["ProfilingStatus"]) == ("InProgress", "Enabled")
    go(jobs, "stalling")
    job = jobs.over("stalling")
    assert job["TrainingJobStatus"] == "Completed"
    assert statuses(job) == {
        "stalls": "IssuesFound",
        "LowGPUUtilization": "Stopped",
        "odd": "Error",
    }
    told = details(job)
    assert told["LowGPUUtilization"] == "No GPU: not evaluated."
    assert told["stalls"].startswith("RuleEvaluationConditionMet: Evaluation of the rule stalls at")
    assert "Parameter stddev of rule StepOutlier" in told["odd"]


def test_what_a_rule_found_lies_in_s3_and_what_it_said_in_its_log(jobs: Jobs) -> None:
    """Of the job before."""
    output = "out/stalling/rule-output/stalls/profiler-output/"
    assert "profiler-report.html" not in jobs.keys(output), "that is for ProfilerReport to make"
    told = json.loads(jobs.get(f"{output}profiler-reports/StepOutlier.json"))
    assert told["RuleTriggered"] >= 1
    assert "steps/algo-1-0" in jobs.keys("prof/stalling/profiler-output/")
    events = jobs.server.cloud.logs.since(0, 1_000_000)
    said = [one.message for one in events if one.stream.startswith("stalling-stalls-")]
    assert any(line.startswith("rule stalls: IssuesFound") for line in said)


def fetched(jobs: Jobs, prefix: str, folder: Path) -> Profile:
    """A profile in S3, as it is."""
    for key in jobs.keys(prefix):
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jobs.get(prefix + key))
    profile = Profile(folder)
    profile.refresh()
    return profile


def test_the_machines_of_a_program_that_does_not_measure_are_sampled(
    jobs: Jobs, tmp_path: Path
) -> None:
    """Both of them, with the interval of the request, until the job's end."""
    jobs.start(
        "foreign",
        "until [ -e /opt/ml/output/profiler/system/$(hostname) -o -e /opt/ml/go ]; do sleep 0.1;"
        " done; sleep 1",
        hosts=2,
        ProfilerConfig=CONFIG,
        ProfilerRuleConfigurations=[rule("usage", "OverallSystemUsage"), rule("StepOutlier")],
    )
    root = jobs.server.cloud.store.folder("training-job", "foreign")
    wait_for(lambda: len(list(root.glob("algo-*/ml/output/profiler/system/algo-*"))) == 2)
    for path in root.glob("algo-*/ml"):
        (path / "go").touch()
    job = jobs.over("foreign")
    assert statuses(job) == {"usage": "NoIssuesFound", "StepOutlier": "Stopped"}, details(job)
    profile = fetched(jobs, "prof/foreign/profiler-output/", tmp_path)
    whole = profile.whole()
    assert profile.ended
    assert set(whole.system) == {"algo-1", "algo-2"}
    assert all(table.has(names.CPU) for table in whole.system.values())
    assert np.median(np.diff(whole.system["algo-1"].at_s)) == pytest.approx(0.2, abs=0.05)
    told = json.loads(
        jobs.get(
            "out/foreign/rule-output/usage/profiler-output/profiler-reports/OverallSystemUsage.json"
        )
    )
    assert "algo-2" in json.dumps(told)


def test_rules_are_added_to_a_running_job_and_profiling_is_switched_off(jobs: Jobs) -> None:
    jobs.start("changed", UNTIL_TOLD, ProfilerConfig=CONFIG)
    folder = jobs.server.cloud.store.folder("training-job", "changed")
    wait_for(lambda: any(folder.glob("algo-1/ml/output/profiler/system/*")))
    update = jobs.client.update_training_job
    update(TrainingJobName="changed", ProfilerRuleConfigurations=[rule("StepOutlier")])
    job = jobs.describe("changed")
    assert statuses(job) == {"StepOutlier": "InProgress"}
    with pytest.raises(ClientError, match="must be unique"):
        update(TrainingJobName="changed", ProfilerRuleConfigurations=[rule("StepOutlier")])
    wait_for(lambda: any((folder / "rules").glob("*/output/profiler_rule_status.json")))
    update(TrainingJobName="changed", ProfilerConfig={"DisableProfiler": True})
    job = jobs.when("changed", lambda job: statuses(job)["StepOutlier"] != "InProgress")
    assert (job["TrainingJobStatus"], job["ProfilingStatus"]) == ("InProgress", "Disabled")
    assert statuses(job) == {"StepOutlier": "Stopped"}
    go(jobs, "changed")
    assert jobs.over("changed")["TrainingJobStatus"] == "Completed"


def test_what_the_sdk_asks_for_is_done_and_shown(jobs: Jobs, made: str, tmp_path: Path) -> None:
    with sdk_session(jobs.server, tmp_path, BUCKET) as sdk:
        debugger: Any = importlib.import_module("sagemaker.debugger")
        from sagemaker.estimator import Estimator  # noqa: PLC0415  (dear, and only for this test)

        rules = debugger.rule_configs
        estimator: Any = Estimator(
            image_uri="imageclf:latest",
            role=ROLE,
            instance_count=1,
            instance_type="ml.m5.large",
            output_path=f"s3://{BUCKET}/sdk-prof",
            container_entry_point=["sh", "-c", 'eval "$PROGRAM"'],
            environment={"PROGRAM": COPY},
            rules=[
                debugger.ProfilerRule.sagemaker(
                    rules.ProfilerReport(StepOutlier_n_outliers=5), name="ProfilerReport-1700000000"
                ),
                debugger.ProfilerRule.sagemaker(rules.LowGPUUtilization()),
            ],
            profiler_config=debugger.ProfilerConfig(
                system_monitor_interval_millis=500,
                framework_profile_params=debugger.FrameworkProfile(),
            ),
            debugger_hook_config=False,
            sagemaker_session=sdk,
        )
        estimator.fit({"made": made}, wait=False, job_name="profiled-by-the-sdk")
        jobs.over("profiled-by-the-sdk")
        summary = estimator.latest_training_job.rule_job_summary()
        place = estimator.latest_job_profiler_artifacts_path()
    found = {one["RuleConfigurationName"]: one["RuleEvaluationStatus"] for one in summary}
    assert found == {"ProfilerReport-1700000000": "IssuesFound", "LowGPUUtilization": "Stopped"}
    assert place == f"s3://{BUCKET}/sdk-prof/profiled-by-the-sdk/profiler-output"
    keys = jobs.keys("sdk-prof/profiled-by-the-sdk/rule-output/ProfilerReport-1700000000/")
    assert "profiler-output/profiler-report.html" in keys
    reports = {key for key in keys if key.startswith("profiler-output/profiler-reports/")}
    wanted = ("StepOutlier", "LowGPUUtilization", "OverallSystemUsage")
    assert {f"profiler-output/profiler-reports/{name}.json" for name in wanted} <= reports
