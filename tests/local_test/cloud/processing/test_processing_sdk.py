"""Processing with SDK v2, unchanged."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local_test.cloud.sdk_session import sdk_session
from tests.local_test.cloud.servers import PATIENCE_S, CloudServer

BUCKET = "sdk"
GOING_ON = ("InProgress", "Stopping")
USUAL: dict[str, Any] = {
    "role": "arn:aws:iam::123456789012:role/imageclf",
    "image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/imageclf:1",
    "instance_count": 1,
    "instance_type": "ml.m5.large",
}
SCRIPT = """
import pathlib, sys
words = pathlib.Path("/opt/ml/processing/input/words/words.txt").read_text().split()
pathlib.Path("/opt/ml/processing/output/count.txt").write_text(f"{len(words)} {sys.argv[1:]}")
print("counted", len(words), flush=True)
"""


@pytest.fixture(scope="module")
def session(cloud_server: CloudServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    cloud_server.client("s3").create_bucket(Bucket=BUCKET)
    with sdk_session(cloud_server, tmp_path_factory.mktemp("sdk"), BUCKET) as session:
        yield session


def wait(server: CloudServer, name: str) -> None:
    """Until it is over; the SDK itself looks every ten seconds."""
    client = server.client("sagemaker")
    deadline_s = time.monotonic() + PATIENCE_S
    while client.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"] in GOING_ON:
        assert time.monotonic() < deadline_s, server.log()
        time.sleep(0.1)


def text(server: CloudServer, address: str) -> str:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    body: bytes = server.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body.decode()


def test_a_script_processor_uploads_its_script_and_runs_it(
    cloud_server: CloudServer, session: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sagemaker.processing import (  # noqa: PLC0415  (dear, and only for these tests)
        ProcessingInput,
        ProcessingOutput,
        ScriptProcessor,
    )

    (tmp_path / "count.py").write_text(SCRIPT)
    (tmp_path / "words.txt").write_text("one two three")
    processor = ScriptProcessor(command=["python3"], sagemaker_session=session, **USUAL)
    processor.run(
        code=str(tmp_path / "count.py"),
        inputs=[
            ProcessingInput(
                source=str(tmp_path / "words.txt"), destination="/opt/ml/processing/input/words"
            )
        ],
        outputs=[ProcessingOutput(output_name="count", source="/opt/ml/processing/output")],
        arguments=["--fast"],
        wait=False,
        logs=False,
    )
    job: Any = processor.latest_job
    wait(cloud_server, job.job_name)
    session.logs_for_processing_job(job.job_name, wait=True, poll=0)
    assert "counted 3" in capsys.readouterr().out
    assert job.describe()["ProcessingJobStatus"] == "Completed"
    assert text(cloud_server, f"{job.outputs[0].destination}/count.txt") == "3 ['--fast']"


def test_a_processor_tells_why_its_job_failed(cloud_server: CloudServer, session: Any) -> None:
    from sagemaker.exceptions import UnexpectedStatusException  # noqa: PLC0415
    from sagemaker.processing import Processor  # noqa: PLC0415

    processor = Processor(entrypoint=["sh", "-c", "exit 4"], sagemaker_session=session, **USUAL)
    processor.run(wait=False, logs=False)
    job: Any = processor.latest_job
    wait(cloud_server, job.job_name)
    with pytest.raises(UnexpectedStatusException, match="exit code: 4"):
        session.logs_for_processing_job(job.job_name, wait=True, poll=0)
