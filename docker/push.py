"""Push the image to Amazon ECR: log in, create the repository if it is missing, tag, push.

Settings from the environment: IMAGE (imageclf:latest), REPOSITORY (the image's name), TAG (the
image's tag), IMMUTABLE=1 for a new repository whose tags never move, DOCKER for the client; region
and credentials as boto3 finds them. Prints the address of the pushed image.
"""

import base64
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]


def main(environment: Mapping[str, str] = os.environ) -> str:
    """Push the image and return its address; ends the program with a sentence on failure."""
    image = environment.get("IMAGE") or "imageclf:latest"
    docker = environment.get("DOCKER") or "docker"
    if ":" not in image.rpartition("/")[2]:
        image += ":latest"
    name, _, tag = image.rpartition(":")
    repository = environment.get("REPOSITORY") or name.rsplit("/")[-1]
    _require_image(docker, image)
    try:
        account = boto3.client("sts").get_caller_identity()["Account"]
        ecr = boto3.client("ecr")
        registry_uri = repository_uri(ecr, repository, bool(environment.get("IMMUTABLE")))
        user, password, registry = login(ecr)
    except (BotoCoreError, ClientError) as error:
        sys.exit(
            f"AWS refused ({error}); set credentials and a region (aws configure, AWS_PROFILE, "
            "AWS_REGION) that may use ECR."
        )
    _docker(docker, "login", "--username", user, "--password-stdin", registry, feed=password)
    address = f"{registry_uri}:{environment.get('TAG') or tag}"
    print(f"Pushing {image} to {address} (account {account}).")  # noqa: T201
    _docker(docker, "tag", image, address)
    _docker(docker, "push", address)
    return address


def repository_uri(ecr: Any, repository: str, immutable: bool) -> str:
    """Address of `repository` in ECR, which is created, scanning on push, when it is missing."""
    try:
        found = ecr.describe_repositories(repositoryNames=[repository])
        return str(found["repositories"][0]["repositoryUri"])
    except ecr.exceptions.RepositoryNotFoundException:
        created = ecr.create_repository(
            repositoryName=repository,
            imageScanningConfiguration={"scanOnPush": True},
            imageTagMutability="IMMUTABLE" if immutable else "MUTABLE",
        )
        return str(created["repository"]["repositoryUri"])


def login(ecr: Any) -> tuple[str, str, str]:
    """User, password and registry for `docker login`, good for 12 hours."""
    (token,) = ecr.get_authorization_token()["authorizationData"]
    user, _, password = base64.b64decode(token["authorizationToken"]).decode().partition(":")
    return user, password, token["proxyEndpoint"].removeprefix("https://")


def _require_image(docker: str, image: str) -> None:
    inspect = [docker, "image", "inspect", image]
    if subprocess.run(inspect, capture_output=True, check=False).returncode:
        sys.exit(f"There is no image {image}; build it first (make build, or set IMAGE).")


def _docker(docker: str, *arguments: str, feed: str | None = None) -> None:
    done = subprocess.run([docker, *arguments], input=feed, text=True, check=False)
    if done.returncode:
        sys.exit(f"docker {arguments[0]} failed; its own message stands above.")


if __name__ == "__main__":
    print(main())  # noqa: T201
