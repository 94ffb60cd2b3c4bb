"""Tuning jobs as a client of boto3 sees them."""

import re
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.local_test.cloud.servers import CloudServer
from tests.local_test.cloud.tuning.tuning_jobs import (
    BUCKET,
    config,
    definition,
    described,
    ended,
    objective,
    training_jobs,
)

UNITS = {"Name": "units", "Values": ["256", "512"]}


@pytest.fixture(scope="module")
def whole(tuning_server: CloudServer, program: Path) -> str:
    """A tuning job that has ended."""
    tuning_server.client("sagemaker").create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="whole",
        HyperParameterTuningJobConfig=config(4, parallel=4),
        TrainingJobDefinition=definition(program, epochs="2"),
        Tags=[{"Key": "team", "Value": "bees"}],
    )
    ended(tuning_server, "whole")
    return "whole"


def test_a_tuning_job_trains_and_names_the_best(tuning_server: CloudServer, whole: str) -> None:
    job = ended(tuning_server, whole)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Completed"] == 4
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 4, "Pending": 0, "Failed": 0}
    assert job["ConsumedResources"]["RuntimeInSeconds"] >= 1
    assert job["HyperParameterTuningEndTime"] >= job["CreationTime"]
    trained = training_jobs(tuning_server, whole, SortBy="FinalObjectiveMetricValue")
    objectives = [objective(one) for one in trained]
    assert objectives == sorted(objectives)
    assert job["BestTrainingJob"] == trained[-1]


def test_training_jobs_are_told_what_they_are_tuned_for(
    tuning_server: CloudServer, whole: str
) -> None:
    client = tuning_server.client("sagemaker")
    tuning = ended(tuning_server, whole)
    for summary in training_jobs(tuning_server, whole):
        assert re.fullmatch(r"whole-00[1-4]-[0-9a-f]{8}", summary["TrainingJobName"])
        job = client.describe_training_job(TrainingJobName=summary["TrainingJobName"])
        assert job["TuningJobArn"] == tuning["HyperParameterTuningJobArn"]
        assert job["HyperParameters"] == {
            "epochs": "2",
            "_tuning_objective_metric": "objective",
            **summary["TunedHyperParameters"],
        }
        tags = client.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
        assert tags == [{"Key": "team", "Value": "bees"}]


def test_the_lists_are_sorted_and_cut_as_asked(tuning_server: CloudServer, whole: str) -> None:
    best_first = training_jobs(
        tuning_server, whole, SortBy="FinalObjectiveMetricValue", SortOrder="Descending"
    )
    assert (
        best_first == training_jobs(tuning_server, whole, SortBy="FinalObjectiveMetricValue")[::-1]
    )
    assert len(training_jobs(tuning_server, whole, MaxResults=2)) == 2
    assert training_jobs(tuning_server, whole, StatusEquals="Failed") == []
    listed = tuning_server.client("sagemaker").list_hyper_parameter_tuning_jobs(
        NameContains="whole", StatusEquals="Completed"
    )["HyperParameterTuningJobSummaries"]
    assert [one["Strategy"] for one in listed] == ["Bayesian"]


def test_a_name_is_taken_once_whatever_its_capitals(
    tuning_server: CloudServer, whole: str, program: Path
) -> None:
    with pytest.raises(ClientError) as refused:
        tuning_server.client("sagemaker").create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=whole.upper(),
            HyperParameterTuningJobConfig=config(1),
            TrainingJobDefinition=definition(program),
        )
    assert refused.value.response["Error"]["Code"] == "ResourceInUse"


def test_a_tuning_job_fails_when_none_of_its_first_jobs_succeeds(
    tuning_server: CloudServer, program: Path
) -> None:
    tuning_server.client("sagemaker").create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="faulty",
        HyperParameterTuningJobConfig=config(20, parallel=4),
        TrainingJobDefinition=definition(program, fault="exit"),
    )
    job = ended(tuning_server, "faulty")
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert re.fullmatch(
        r"No training job succeeded after \d attempts\. Please take a look at the training job "
        r"failures to get more details\.",
        job["FailureReason"],
    )
    assert 5 <= job["ObjectiveStatusCounters"]["Failed"] < 12
    assert "BestTrainingJob" not in job
    reasons = [one.get("FailureReason", "") for one in training_jobs(tuning_server, "faulty")]
    assert sum("The training was told to fail." in reason for reason in reasons) >= 5


def test_a_target_that_is_reached_ends_the_search_and_what_runs(
    tuning_server: CloudServer, program: Path
) -> None:
    tuning_server.client("sagemaker").create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="target",
        HyperParameterTuningJobConfig=config(
            50, parallel=2, TuningJobCompletionCriteria={"TargetObjectiveMetricValue": -100.0}
        ),
        TrainingJobDefinition=definition(program),
    )
    job = ended(tuning_server, "target")
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert sum(job["TrainingJobStatusCounters"].values()) <= 4


def test_a_stopped_tuning_job_stops_its_training_jobs_and_can_be_deleted(
    tuning_server: CloudServer, program: Path
) -> None:
    client = tuning_server.client("sagemaker")
    client.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="stopped",
        HyperParameterTuningJobConfig=config(9),
        TrainingJobDefinition=definition(program, pause="120"),
    )
    described(
        tuning_server, "stopped", lambda job: job["TrainingJobStatusCounters"]["InProgress"] == 2
    )
    with pytest.raises(ClientError, match="Stop it before you delete it"):
        client.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="stopped")
    client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="stopped")
    job = ended(tuning_server, "stopped")
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert job["TrainingJobStatusCounters"]["Stopped"] == 2
    with pytest.raises(ClientError) as refused:
        client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="stopped")
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    trained = training_jobs(tuning_server, "stopped")
    client.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="stopped")
    with pytest.raises(ClientError) as missing:
        client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="stopped")
    assert missing.value.response["Error"]["Code"] == "ResourceNotFound"
    assert client.describe_training_job(TrainingJobName=trained[0]["TrainingJobName"])


def test_hyperband_spends_its_epochs_on_the_better_jobs(
    tuning_server: CloudServer, program: Path
) -> None:
    tuning_server.client("sagemaker").create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="hyperband",
        HyperParameterTuningJobConfig=config(3, parallel=2, Strategy="Hyperband"),
        TrainingJobDefinition=definition(program, epochs="3", pause="0.6"),
    )
    job = ended(tuning_server, "hyperband")
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    last = training_jobs(tuning_server, "hyperband")[-1]
    assert last["TrainingJobStatus"] == "Stopped"
    assert last["ObjectiveStatus"] == "Succeeded"
    assert job["BestTrainingJob"]["TrainingJobStatus"] == "Completed"


def test_a_warm_start_knows_the_best_of_all(
    tuning_server: CloudServer, whole: str, program: Path
) -> None:
    client = tuning_server.client("sagemaker")
    tuning = config(1, parallel=1)
    bad = {"Name": "lr", "MinValue": "0.9", "MaxValue": "1"}
    tuning["ParameterRanges"]["ContinuousParameterRanges"] = [bad]
    client.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="warm",
        HyperParameterTuningJobConfig=tuning,
        TrainingJobDefinition=definition(program, epochs="2"),
        WarmStartConfig={
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": whole}],
            "WarmStartType": "IdenticalDataAndAlgorithm",
        },
    )
    job = ended(tuning_server, "warm")
    overall = job["OverallBestTrainingJob"]
    assert overall.pop("TuningJobName") == whole
    assert overall == ended(tuning_server, whole)["BestTrainingJob"]
    assert job["BestTrainingJob"]["TrainingJobName"].startswith("warm-001-")


def test_models_of_the_training_jobs_are_in_s3(tuning_server: CloudServer, whole: str) -> None:
    best = ended(tuning_server, whole)["BestTrainingJob"]["TrainingJobName"]
    listed = tuning_server.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"output/{best}/")
    assert [one["Key"] for one in listed["Contents"]] == [f"output/{best}/output/model.tar.gz"]
