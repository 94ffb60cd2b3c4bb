"""Driver decisions on fake /proc and /dev trees: the machines that run tests have no GPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from imageclf import driver
from imageclf.errors import DeviceError

PROPRIETARY = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Sun May 12 19:39:15 UTC 2024\n"
    "GCC version:  gcc version 7.3.1 20180712 (Red Hat 7.3.1-17) (GCC) \n"
)
OPEN = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {}  Release Build  "
    "(dvs-builder@U22-I3-G01-1-1)  Sun May 12 19:30:00 UTC 2024\n"
)
A10G = "NVIDIA A10G"
COMPAT = "/usr/local/cuda/compat"


def fake_host(
    root: Path,
    version: str | None,
    gpu: str = A10G,
    compat: str | None = "580.126.09",
    *,
    count: int = 1,
    form: str = PROPRIETARY,
) -> Path:
    proc, dev = root / "proc/driver/nvidia", root / "dev"
    dev.mkdir(parents=True)
    if version:
        proc.mkdir(parents=True)
        (proc / "version").write_text(form.format(version))
    for index in range(count):
        (dev / f"nvidia{index}").touch()
        folder = proc / f"gpus/0000:00:1{index}.0"
        folder.mkdir(parents=True)
        (folder / "information").write_text(f"Model: \t\t {gpu}\nIRQ:   \t\t 45\n")
    if compat:
        folder = root / COMPAT.removeprefix("/")
        folder.mkdir(parents=True)
        (folder / f"libcuda.so.{compat}").touch()
        (folder / "libcuda.so.1").symlink_to(f"libcuda.so.{compat}")
    return root


def prepare(root: Path, environment: dict[str, str] | None = None) -> driver.Decision:
    return driver.prepare(environment or {}, root, cuda=lambda: "13.0")


@pytest.mark.parametrize("form", [PROPRIETARY, OPEN])
def test_a_new_driver_runs_without_the_compatibility_libraries(tmp_path: Path, form: str) -> None:
    decision = prepare(fake_host(tmp_path, "580.65.06", form=form))
    assert decision.library_path is None
    assert "580.65.06 on NVIDIA A10G" in decision.message
    assert "not needed" in decision.message


@pytest.mark.parametrize("version", ["535.183.01", "550.163.01", "570.133.20"])
@pytest.mark.parametrize("form", [PROPRIETARY, OPEN])
def test_an_older_data_centre_driver_gets_the_compatibility_libraries_in_front(
    tmp_path: Path, version: str, form: str
) -> None:
    root = fake_host(tmp_path, version, form=form)
    decision = prepare(root, {"LD_LIBRARY_PATH": "/usr/local/nvidia/lib:"})
    assert decision.library_path == f"{COMPAT}:/usr/local/nvidia/lib"
    for fact in (version, "CUDA 13.0", "580.126.09", A10G):
        assert fact in decision.message


def test_a_program_that_has_the_libraries_goes_on(tmp_path: Path) -> None:
    path = {"LD_LIBRARY_PATH": f"{COMPAT}:/x", driver.REENTRY_VARIABLE: "1"}
    decision = prepare(fake_host(tmp_path, "535.183.01"), path)
    assert decision.library_path is None
    assert "580.126.09 are in use" in decision.message


def test_it_starts_anew_once_only(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="lost /usr/local/cuda/compat"):
        prepare(fake_host(tmp_path, "535.183.01"), {driver.REENTRY_VARIABLE: "1"})


@pytest.mark.parametrize(
    ("version", "gpu", "compat", "reason"),
    [
        ("470.57.02", A10G, "580.126.09", "support 535, 550, 565, 570, 575"),
        ("535.183.01", "NVIDIA GeForce RTX 3090", "580.126.09", "GeForce RTX 3090"),
        ("535.183.01", A10G, None, "holds no compatibility libraries"),
    ],
)
def test_a_driver_that_nothing_helps_is_refused_with_what_to_do(
    tmp_path: Path, version: str, gpu: str, compat: str | None, reason: str
) -> None:
    with pytest.raises(DeviceError) as caught:
        prepare(fake_host(tmp_path, version, gpu, compat))
    for part in (version, gpu, "needs driver 580", reason, "InferenceAmiVersion"):
        assert part in str(caught.value)


def test_an_old_driver_without_a_gpu_in_the_container_does_not_stop_a_cpu_job(
    tmp_path: Path,
) -> None:
    decision = prepare(fake_host(tmp_path, "470.57.02", count=0))
    assert decision.library_path is None
    assert "470.57.02" in decision.message
    assert "--gpus all" in decision.message


def test_a_machine_without_nvidia_says_so(tmp_path: Path) -> None:
    assert prepare(tmp_path) == driver.Decision("No GPU is visible.")


def test_each_model_of_a_machine_with_several_gpus_stands_once_in_the_log(tmp_path: Path) -> None:
    message = prepare(fake_host(tmp_path, "580.65.06", count=4)).message
    assert message.count(A10G) == 1


def test_a_real_process_starts_anew_with_the_libraries_and_keeps_its_arguments(
    tmp_path: Path,
) -> None:
    root = fake_host(tmp_path / "root", "535.183.01")
    program = tmp_path / "program.py"
    program.write_text(
        "import json, os, pathlib, sys\n"
        "from imageclf import driver\n"
        "driver.torch_cuda = lambda: '13.0'\n"
        f"message = driver.enter(root=pathlib.Path({str(root)!r}))\n"
        "print(json.dumps([message, sys.argv[1:], os.environ['LD_LIBRARY_PATH'], os.getpid()]))\n"
    )
    command = [sys.executable, str(program), "train", "--x", "a b"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        output, _ = process.communicate(timeout=60)
    (line,) = output.splitlines()
    message, arguments, library_path, pid = json.loads(line)
    assert "are in use" in message
    assert arguments == ["train", "--x", "a b"]
    assert library_path.split(":")[0] == COMPAT
    assert pid == process.pid


def test_the_cuda_of_the_installed_torch_is_read_without_importing_it() -> None:
    code = (
        "import sys; from imageclf import driver; read = driver.torch_cuda();"
        "assert 'torch' not in sys.modules; import torch; assert read == torch.version.cuda, read"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.parametrize("cuda", ["13.0", None])
def test_a_gpu_that_torch_cannot_use_stops_the_job(tmp_path: Path, cuda: str | None) -> None:
    root = fake_host(tmp_path, "535.183.01")
    with pytest.raises(DeviceError, match=r"535\.183\.01 on NVIDIA A10G.*device=cpu"):
        driver.require_gpu_or_explain("auto", available=False, cuda=cuda, environment={}, root=root)


@pytest.mark.parametrize(
    ("device", "available", "environment"),
    [("cpu", False, {}), ("auto", True, {}), ("auto", False, {"CUDA_VISIBLE_DEVICES": ""})],
)
def test_a_gpu_in_use_or_left_out_on_purpose_is_no_fault(
    tmp_path: Path, device: str, available: bool, environment: dict[str, str]
) -> None:
    root = fake_host(tmp_path, "580.65.06")
    driver.require_gpu_or_explain(
        device, available=available, cuda="13.0", environment=environment, root=root
    )


def test_a_gpu_that_was_asked_for_and_is_not_there_stops_the_job(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"no GPU is visible here.*--gpus all"):
        driver.require_gpu_or_explain(
            "cuda", available=False, cuda="13.0", environment={}, root=tmp_path
        )
    driver.require_gpu_or_explain("auto", available=False, cuda=None, environment={}, root=tmp_path)
