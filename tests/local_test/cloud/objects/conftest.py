from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from local_test.cloud.objects.service import application
from local_test.cloud.objects.store import Objects
from local_test.cloud.server import Server, listen
from local_test.cloud.wsgi import Application

BUCKET = "pictures"


@dataclass
class S3:
    """An S3 on loopback: its address, what is on its disk, and a client."""

    address: str
    root: Path
    objects: Objects
    client: Any

    def another_client(self, region: str = "us-east-1", **config: Any) -> Any:
        return _client(self.address, region, **config)


def _client(address: str, region: str = "us-east-1", **config: Any) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106
        config=Config(retries={"max_attempts": 1}, **config),
    )


def serve(app: Application) -> str:
    """The address where `app` answers until the tests end."""
    listener = listen(0)
    Server(listener, app).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def make_moto() -> Application:
    app: Application = DomainDispatcherApplication(create_backend_app)
    return app


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> S3:
    root = tmp_path_factory.mktemp("s3")
    objects = Objects(root)
    address = serve(application(objects, make_moto()))
    return S3(address, root, objects, _client(address))


@pytest.fixture
def bucket(s3: S3) -> Iterator[str]:
    """A bucket that is empty at the beginning of each test."""
    s3.client.create_bucket(Bucket=BUCKET)
    yield BUCKET
    s3.objects.delete_all(BUCKET, [info.key for info in s3.objects.list(BUCKET)])
    s3.objects.delete_bucket(BUCKET)
