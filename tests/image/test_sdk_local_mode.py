"""The image in the local mode of SageMaker's SDK v2, which starts it with Docker Compose."""

import logging
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_test.cloud.machines.ports import free_port
from local_test.pictures import made_up_jpeg
from tests.image.container import COLOURS, TINY, docker, draw_pictures

pytestmark = pytest.mark.image

ROLE = "arn:aws:iam::123456789012:role/nobody"
CONFIGURATION = """
SchemaVersion: "1.0"
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
"""


def compose_is_there() -> bool:
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return plugin.returncode == 0 or shutil.which("docker-compose") is not None


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A session of the SDK that asks no account; its containers' folders are below `tmp_path`."""
    if not compose_is_there():
        pytest.skip("there is no Docker Compose: docker/test.sh installs it for its own engine")
    (tmp_path / "sagemaker.yaml").write_text(CONFIGURATION)
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(tmp_path / "sagemaker.yaml"))
    monkeypatch.setenv("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    from sagemaker.local.local_session import (  # noqa: PLC0415  (dear, and only for this test)
        LocalSession,
    )

    logging.getLogger("sagemaker").setLevel(logging.ERROR)
    (tmp_path / "containers").mkdir()
    session: Any = LocalSession()
    session.config = {
        "local": {"container_root": str(tmp_path / "containers"), "serving_port": free_port()}
    }
    yield session
    docker("network", "rm", "sagemaker-local", check=False)


def test_the_sdk_trains_with_the_image_serves_it_and_asks(
    image: str, session: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from sagemaker.base_deserializers import JSONDeserializer  # noqa: PLC0415
    from sagemaker.base_serializers import DataSerializer  # noqa: PLC0415
    from sagemaker.estimator import Estimator  # noqa: PLC0415

    draw_pictures(tmp_path / "pictures")
    (tmp_path / "output").mkdir()
    settings: Any = TINY | {"epochs": "1"}
    estimator = Estimator(
        image,
        ROLE,
        instance_count=1,
        instance_type="local",
        output_path=f"file://{tmp_path}/output",
        hyperparameters=settings,
        sagemaker_session=session,
    )
    estimator.fit({"training": f"file://{tmp_path}/pictures"})
    assert "epoch=1 " in capfd.readouterr().out
    predictor: Any = estimator.deploy(
        1,
        "local",
        env={"IMAGECLF_WORKERS": "1"},
        serializer=DataSerializer("image/jpeg"),
        deserializer=JSONDeserializer(),
    )
    try:
        told = predictor.predict(made_up_jpeg(40))
    finally:
        predictor.delete_endpoint()
    assert {one["class"] for one in told["predictions"]} == set(COLOURS)
