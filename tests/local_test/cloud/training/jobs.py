"""Training jobs for tests: real jobs, with tiny programs."""

import io
import tarfile
import time
from collections.abc import Callable
from typing import Any

from tests.local_test.cloud.servers import CloudServer

BUCKET = "a-bucket"
ROLE = "arn:aws:iam::123456789012:role/tester"
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
PATIENCE_S = 60.0
OVER = ("Completed", "Failed", "Stopped")


def request(name: str, script: str = "true", **more: Any) -> dict[str, Any]:
    """A CreateTrainingJob whose program is a shell script; `more` are fields of the request.

    `hosts`, `metrics` and `inputs` (channels by name) are short for parts of it.
    """
    algorithm: dict[str, Any] = {
        "TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/imageclf:1",
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["sh", "-c", 'eval "$PROGRAM"'],  # it may have 256 characters
    }
    metrics = more.pop("metrics", {})
    algorithm["MetricDefinitions"] = [{"Name": n, "Regex": r} for n, r in metrics.items()]
    made: dict[str, Any] = {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": algorithm,
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": more.pop("hosts", 1),
            "VolumeSizeInGB": 1,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "Environment": {"PROGRAM": script, **more.pop("Environment", {})},
    }
    if inputs := more.pop("inputs", None):
        made["InputDataConfig"] = [channel(*one) for one in inputs.items()]
    return made | more


def channel(name: str, address: str, **source: Any) -> dict[str, Any]:
    """A channel of all that is below `address`; `source` are fields of its S3DataSource."""
    told = {"S3DataType": "S3Prefix", "S3Uri": address}
    return {"ChannelName": name, "DataSource": {"S3DataSource": told | source}}


def spot(wait_s: int = 600, run_s: int = 600) -> dict[str, Any]:
    """The fields that make it a spot job."""
    condition = {"MaxRuntimeInSeconds": run_s, "MaxWaitTimeInSeconds": wait_s}
    return {"EnableManagedSpotTraining": True, "StoppingCondition": condition}


class Jobs:
    """The training jobs of a real endpoint, through boto3."""

    def __init__(self, server: CloudServer) -> None:
        self.server = server
        self.client = server.client("sagemaker")
        self.s3 = server.client("s3")
        self.s3.create_bucket(Bucket=BUCKET)

    def start(self, name: str, script: str = "true", **more: Any) -> str:
        self.client.create_training_job(**request(name, script, **more))
        return name

    def run(self, name: str, script: str = "true", **more: Any) -> dict[str, Any]:
        """The job as it is described when it is over."""
        return self.over(self.start(name, script, **more))

    def describe(self, name: str) -> dict[str, Any]:
        described: dict[str, Any] = self.client.describe_training_job(TrainingJobName=name)
        return described

    def over(self, name: str) -> dict[str, Any]:
        return self.when(name, lambda job: job["TrainingJobStatus"] in OVER)

    def when(self, name: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The job once `is_so`."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_so(job := self.describe(name)):
            assert time.monotonic() < deadline, (job, self.log(name))
            time.sleep(0.05)
        return job

    def says(self, name: str, text: str) -> None:
        """Wait until the job's log has `text`."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.log(name):
            job = self.describe(name)
            assert time.monotonic() < deadline, (text, job, self.log(name))
            assert job["TrainingJobStatus"] not in OVER, (text, job, self.log(name))
            time.sleep(0.05)

    def log(self, name: str, host: int = 1) -> str:
        events = self.server.cloud.logs.since(0, 1_000_000)
        beginning = f"{name}/algo-{host}-"
        mine = [event.message for event in events if event.stream.startswith(beginning)]
        return "\n".join(mine)

    def put(self, key: str, content: bytes = b"content") -> str:
        """An object; its address."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"s3://{BUCKET}/{key}"

    def keys(self, prefix: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [one["Key"].removeprefix(prefix) for one in found]

    def get(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def unpacked(self, job: dict[str, Any], name: str = "model") -> dict[str, bytes]:
        """The files of a job's model.tar.gz or output.tar.gz."""
        content = self.get(f"out/{job['TrainingJobName']}/output/{name}.tar.gz")
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            files = {one.name: tar.extractfile(one) for one in tar.getmembers() if one.isfile()}
            return {name: file.read() for name, file in files.items() if file}


def history(job: dict[str, Any]) -> list[str]:
    """The secondary statuses that the job went through."""
    return [one["Status"] for one in job["SecondaryStatusTransitions"]]
