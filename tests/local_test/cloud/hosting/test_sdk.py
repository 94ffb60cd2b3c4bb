"""Hosting with SDK v2, unchanged: the real image program once, its stand-in else."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from local_test.package import pack_model
from tests.local_test.cloud.hosting.parts import (
    BUCKET,
    FAKE_IMAGE,
    IMAGE,
    ROLE,
    archive,
    put,
    remove,
    settled,
    unique,
)
from tests.local_test.cloud.sdk_session import sdk_session
from tests.local_test.cloud.servers import CloudServer


@pytest.fixture
def session(cloud_server: CloudServer, tmp_path: Path) -> Iterator[Any]:
    """A session of the SDK that speaks to the endpoint and to nobody else."""
    with sdk_session(cloud_server, tmp_path, BUCKET) as made:
        yield made


def jpeg() -> bytes:
    content = io.BytesIO()
    Image.effect_noise((64, 48), 60).convert("RGB").save(content, "JPEG")
    return content.getvalue()


def test_a_real_model_is_deployed_and_classifies_a_jpeg(
    cloud_server: CloudServer, session: Any, insects: Path, tmp_path: Path
) -> None:
    from sagemaker.base_predictor import Predictor  # noqa: PLC0415
    from sagemaker.base_serializers import DataSerializer  # noqa: PLC0415
    from sagemaker.model import Model  # noqa: PLC0415  (dear, and only for these tests)

    packed = pack_model(insects, tmp_path / "model.tar.gz")
    data = put(cloud_server, "insects/model.tar.gz", packed.read_bytes())
    endpoint = unique("insects")
    model = Model(
        image_uri=IMAGE,
        model_data=data,
        role=ROLE,
        sagemaker_session=session,
        env={"IMAGECLF_TOP_K": "2", "IMAGECLF_WORKERS": "1", "IMAGECLF_THREADS": "1"},
    )
    model.deploy(1, "ml.m5.large", endpoint_name=endpoint, wait=False)
    assert settled(cloud_server, endpoint)["EndpointStatus"] == "InService"
    predictor = Predictor(endpoint, session, serializer=DataSerializer("image/jpeg"))
    told = json.loads(predictor.predict(jpeg()))
    classes = [one["class"] for one in told["predictions"]]
    assert len(classes) == 2
    assert set(classes) <= {"Ants", "Bees", "Cats"}
    events = cloud_server.cloud.logs.since(0)
    assert any("listening" in one.message for one in events if endpoint in one.group)
    remove(cloud_server, endpoint)


def test_many_models_are_deployed_added_and_asked(cloud_server: CloudServer, session: Any) -> None:
    from sagemaker.base_predictor import Predictor  # noqa: PLC0415
    from sagemaker.multidatamodel import MultiDataModel  # noqa: PLC0415

    source = put(cloud_server, "source/ant.tar.gz", archive({"name": b"ant"}))
    name = unique("many")
    models = MultiDataModel(
        name=name,
        model_data_prefix=f"s3://{BUCKET}/{name}/",
        image_uri=IMAGE,
        role=ROLE,
        sagemaker_session=session,
        env={"PYTHONPATH": str(FAKE_IMAGE)},
    )
    models.deploy(1, "ml.m5.large", endpoint_name=name, wait=False)
    assert settled(cloud_server, name)["EndpointStatus"] == "InService"
    models.add_model(model_data_source=source, model_data_path="deep/ant.tar.gz")
    assert list(models.list_models()) == ["deep/ant.tar.gz"]
    answer = Predictor(name, session).predict(b"hello", target_model="deep/ant.tar.gz")
    assert json.loads(answer)["model"] == "ant"
    remove(cloud_server, name)
