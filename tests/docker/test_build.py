"""`docker/build.sh` with a fake docker client, which keeps what the engine would have got."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from imageclf import __version__

BUILD = Path(__file__).parents[2] / "docker" / "build.sh"
TORCH_WHEEL = "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
FAKE_DOCKER = """#!/bin/bash
[[ $1 == build ]] || exit 0
printf '%s\\n' "$@" >{kept}/arguments
(cd "${{@: -1}}" && find . -type f) >{kept}/context
for argument; do
    [[ $argument == id=*,src=* ]] && cp "${{argument#*src=}}" "{kept}/secret.${{argument:3:2}}"
done
exit 0
"""


@dataclass
class Build:
    kept: Path

    def run(self, **settings: str) -> subprocess.CompletedProcess[str]:
        client = self.kept / "docker"
        client.write_text(FAKE_DOCKER.format(kept=self.kept))
        client.chmod(0o755)
        inherited = {key: text for key, text in os.environ.items() if not key.startswith("PIP_")}
        plain = {"DOCKER": str(client), "PIP_CONFIG_FILE": os.devnull}
        return subprocess.run(
            [str(BUILD)],
            env={**inherited, **plain, **settings},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

    def arguments(self) -> list[str]:
        return (self.kept / "arguments").read_text().splitlines()

    def context(self) -> set[str]:
        return set((self.kept / "context").read_text().splitlines())


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path)


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in (TORCH_WHEEL, "six-1.17.0-py2.py3-none-any.whl", "other-1-py3-none-any.whl"):
        (folder / name).touch()
    return folder


def test_the_context_holds_the_program_and_little_else(build: Build) -> None:
    build.run()
    outside = {name for name in build.context() if not name.startswith("./container/imageclf/")}
    assert outside == {
        "./.dockerignore",
        "./docker/bake.py",
        "./docker/requirements.txt",
        "./docker/slim.sh",
    }
    assert "./container/imageclf/errors.py" in build.context()


def test_a_plain_machine_hands_no_secret_over(build: Build) -> None:
    build.run()
    assert "--secret" not in build.arguments()
    assert f"VERSION={__version__}" in build.arguments()


def test_certificate_and_index_go_as_secrets_only(build: Build, tmp_path: Path) -> None:
    certificate = tmp_path / "ca.crt"
    certificate.write_text("a certificate")
    done = build.run(
        PIP_CERT=str(certificate),
        PIP_INDEX_URL="https://user:password@index.example/simple",
        PIP_EXTRA_INDEX_URL="file:///somewhere https://more.example/simple",
    )
    settings = (tmp_path / "secret.pi").read_text().splitlines()
    assert "index-url = https://user:password@index.example/simple" in settings
    assert "extra-index-url = https://more.example/simple" in settings
    assert "cert = /run/secrets/ca" in settings
    assert (tmp_path / "secret.ca").read_text() == "a certificate"
    assert not [word for word in build.arguments() if "password" in word]
    assert "password" not in done.stdout + done.stderr


def test_wheels_of_pinned_packages_are_used(build: Build, wheels: Path) -> None:
    build.run(PIP_FIND_LINKS=str(wheels), BASE_IMAGE="debian:bookworm")
    found = {Path(name).name for name in build.context() if name.endswith(".whl")}
    assert found == {TORCH_WHEEL, "six-1.17.0-py2.py3-none-any.whl"}


@pytest.mark.parametrize("base", [{}, {"BASE_IMAGE": "nvidia/cuda:13.0.3-base-ubuntu24.04"}])
def test_no_cpu_torch_gets_into_a_cuda_image(
    build: Build, wheels: Path, base: dict[str, str]
) -> None:
    build.run(PIP_FIND_LINKS=str(wheels), **base)
    assert not [name for name in build.context() if "torch" in Path(name).name and "whl" in name]


def test_settings_reach_the_build(build: Build) -> None:
    build.run(IMAGE="mine:7", PRETRAINED="resnet50 inception_v3", PLATFORM="linux/amd64")
    words = build.arguments()
    assert words[words.index("--tag") + 1] == "mine:7"
    assert words[words.index("--platform") + 1] == "linux/amd64"
    assert "PRETRAINED=resnet50 inception_v3" in words


def test_without_an_engine_it_says_so(tmp_path: Path) -> None:
    environment = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/nothing"}
    environment.pop("DOCKER", None)
    done = subprocess.run(
        [str(BUILD)], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith("No Docker engine answers (DOCKER_HOST=unix://")
