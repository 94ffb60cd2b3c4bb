"""`docker/push.py` against a fake AWS on loopback and a fake docker client that notes its calls."""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

PUSH = Path(__file__).parents[2] / "docker" / "push.py"
PASSWORD = "very-secret-password"  # noqa: S105
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
    "<GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult>"
    "</GetCallerIdentityResponse>"
)


class FakeAws(BaseHTTPRequestHandler):
    repositories: ClassVar[dict[str, Any]] = {}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        action = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if not action:
            return self.answer(200, IDENTITY.encode())
        status, content = self.ecr(action, json.loads(body))
        return self.answer(status, json.dumps(content).encode())

    def ecr(self, action: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if action == "GetAuthorizationToken":
            token = base64.b64encode(f"AWS:{PASSWORD}".encode()).decode()
            data = {"authorizationToken": token, "proxyEndpoint": f"https://{REGISTRY}"}
            return 200, {"authorizationData": [data]}
        if action == "CreateRepository":
            name = request["repositoryName"]
            made = {**request, "repositoryUri": f"{REGISTRY}/{name}"}
            self.repositories[name] = made
            return 200, {"repository": made}
        (name,) = request["repositoryNames"]
        if name not in self.repositories:
            return 400, {"__type": "RepositoryNotFoundException", "message": "no such repository"}
        return 200, {"repositories": [self.repositories[name]]}

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def aws() -> Iterator[str]:
    FakeAws.repositories.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeAws) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def fake_docker(tmp_path: Path) -> Path:
    """Notes its arguments and what it is fed; knows every image but `absent`."""
    client = tmp_path / "docker"
    client.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n'
        f'[ "$1" = login ] && cat >{tmp_path}/fed\n'
        '[ "$3" != absent:latest ]\n'
    )
    client.chmod(0o755)
    return client


def push(client: Path, endpoint: str | None, **settings: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = {
        **kept,
        "DOCKER": str(client),
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
        **settings,
    }
    if endpoint:
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        environment |= {"AWS_ENDPOINT_URL": endpoint, **keys}
    return subprocess.run(
        [sys.executable, str(PUSH)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_creates_the_repository_logs_in_and_pushes_without_showing_the_password(
    aws: str, fake_docker: Path, tmp_path: Path
) -> None:
    done = push(fake_docker, aws, IMAGE="local/imageclf:v3")
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    address = f"{REGISTRY}/imageclf:v3"
    assert calls[1:] == [
        f"login --username AWS --password-stdin {REGISTRY}",
        f"tag local/imageclf:v3 {address}",
        f"push {address}",
    ]
    assert (tmp_path / "fed").read_text() == PASSWORD
    assert PASSWORD not in done.stdout + done.stderr + "".join(calls)
    assert done.stdout.splitlines()[-1] == address
    assert FakeAws.repositories["imageclf"]["imageScanningConfiguration"] == {"scanOnPush": True}


def test_a_repository_that_is_there_is_left_as_it_is(aws: str, fake_docker: Path) -> None:
    there = {"repositoryName": "mine", "repositoryUri": f"{REGISTRY}/mine"}
    FakeAws.repositories["mine"] = there
    done = push(fake_docker, aws, REPOSITORY="mine", TAG="7")
    assert done.stdout.splitlines()[-1] == f"{REGISTRY}/mine:7"
    assert FakeAws.repositories == {"mine": there}


def test_tags_are_immutable_on_request(aws: str, fake_docker: Path) -> None:
    assert push(fake_docker, aws, IMMUTABLE="1").returncode == 0
    assert FakeAws.repositories["imageclf"]["imageTagMutability"] == "IMMUTABLE"


def test_without_credentials_it_refuses_in_one_sentence(fake_docker: Path, tmp_path: Path) -> None:
    done = push(fake_docker, None)
    assert done.returncode == 1
    assert "set credentials and a region" in done.stderr
    assert "Traceback" not in done.stderr
    assert "login" not in (tmp_path / "calls").read_text()


def test_without_the_image_it_says_how_to_build_it(aws: str, fake_docker: Path) -> None:
    done = push(fake_docker, aws, IMAGE="absent")
    assert done.returncode == 1
    assert "There is no image absent:latest; build it first" in done.stderr
