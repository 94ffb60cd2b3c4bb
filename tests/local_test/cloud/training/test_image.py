"""Jobs of the image itself: what it is given is what SageMaker would give it."""

from typing import Any

import pytest

from imageclf import metrics
from tests.local_test.cloud.training.jobs import Jobs, request
from tests.training import runs


@pytest.fixture(scope="module")
def address(jobs: Jobs, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("pictures")
    runs.write_pictures(folder)
    for path in folder.rglob("*.png"):
        jobs.put(f"pictures/{path.relative_to(folder)}", path.read_bytes())
    return "s3://a-bucket/pictures/"


def of_the_image(name: str, address: str, **more: Any) -> dict[str, Any]:
    made = request(name, inputs={"training": address}, **more)
    made["HyperParameters"] = runs.SMALL | {"epochs": "1"}
    del made["AlgorithmSpecification"]["ContainerEntrypoint"]
    made["AlgorithmSpecification"]["MetricDefinitions"] = metrics.definitions()
    return made


def test_the_image_trains_on_two_instances_as_one_training(jobs: Jobs, address: str) -> None:
    jobs.client.create_training_job(**of_the_image("two-hosts", address, hosts=2))
    job = jobs.over("two-hosts")
    log = jobs.log("two-hosts") + jobs.log("two-hosts", 2)
    assert job["TrainingJobStatus"] == "Completed", log
    assert "2 process(es)" in log
    assert log.count("epoch=1 ") == 1, "only the first host writes"
    final = {one["MetricName"]: one["Value"] for one in job["FinalMetricDataList"]}
    assert 0 <= final["validation:top1"] <= 1
    assert "manifest.json" in jobs.unpacked(job)
    assert "report.html" in jobs.unpacked(job, "output")
