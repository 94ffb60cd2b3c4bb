"""A library in the place of NVIDIA's, compiled here, and what asks it."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import pynvml
import pytest

SOURCE = Path(__file__).with_name("fake_nvml.c")


@pytest.fixture(scope="session")
def fake_nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a `libnvidia-ml.so.1` that knows three GPUs."""
    folder = tmp_path_factory.mktemp("nvml")
    library = str(folder / "libnvidia-ml.so.1")
    if shutil.which("gcc") is None:
        pytest.skip("gcc is missing, which compiles what stands in for NVML")
    command = ["gcc", "-shared", "-fPIC", "-O1", "-o", library, str(SOURCE)]
    subprocess.run(command, check=True, timeout=60)
    return folder


@pytest.fixture
def with_fake_nvml(fake_nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets pynvml of this process ask that library, a fresh copy of it."""
    own = tmp_path / "libnvidia-ml-own.so.1"
    own.write_bytes((fake_nvml / "libnvidia-ml.so.1").read_bytes())
    monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(str(own)))
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
