"""What a training process computes on: device, arithmetic, threads."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from imageclf.config import Hyperparameters
from imageclf.errors import DeviceError, SettingsError
from imageclf.machine import cores
from imageclf.model.defaults import Machine

_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # x86 and Arm names


@dataclass(frozen=True)
class Hardware:
    """Device and arithmetic of one process."""

    device: torch.device
    threads: int
    machine: Machine
    name: str

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"


def choose(given: Hyperparameters, local_rank: int = 0, local_size: int = 1) -> Hardware:
    """The device of process `local_rank` of `local_size` on this host.

    Raises:
        DeviceError: `device=cuda` and there is none, or fewer than processes.
        SettingsError: `precision=fp16` without a GPU.
    """
    if given.device == "cpu" or not torch.cuda.is_available():
        if given.device == "cuda":
            raise DeviceError(
                "Hyperparameter device is cuda, and torch sees no GPU here; "
                "use an instance with a GPU, or device=cpu."
            )
        return _cpu(given, local_size)
    return _cuda(local_rank, local_size)


def prepare(hardware: Hardware) -> None:
    """Set the process-wide switches of torch for `hardware`."""
    torch.set_num_threads(hardware.threads)
    if hardware.is_cuda:
        torch.cuda.set_device(hardware.device)
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")


def compute_dtype(precision: str) -> torch.dtype:
    """The type in which layers compute under `precision`."""
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def versions() -> Mapping[str, str]:
    """Versions that decide what a training computes."""
    from imageclf import __version__  # noqa: PLC0415  (a name, not a dependency)
    from imageclf.vision import torchvision  # noqa: PLC0415

    return {
        "imageclf": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    }


def _cpu(given: Hyperparameters, local_size: int) -> Hardware:
    if given.precision == "fp16":
        raise SettingsError(
            "Hyperparameter precision is fp16, which needs a GPU; use bf16 or fp32."
        )
    threads = _threads(local_size)
    name = f"CPU, {threads} thread{'s' if threads > 1 else ''}"
    return Hardware(torch.device("cpu"), threads, Machine(False, bf16=_cpu_has_bf16()), name)


def _cuda(local_rank: int, local_size: int) -> Hardware:
    count = torch.cuda.device_count()
    if local_size > count:
        raise DeviceError(
            f"Hyperparameter processes is {local_size}, and this host has {count} GPU(s); "
            f"use processes={count}, or device=cpu."
        )
    major, _ = torch.cuda.get_device_capability(local_rank)
    machine = Machine(True, bf16=major >= 8, fp16=major >= 7)
    name = torch.cuda.get_device_name(local_rank)
    return Hardware(torch.device("cuda", local_rank), _threads(local_size), machine, name)


def _threads(local_size: int) -> int:
    """Threads of a process: what OMP_NUM_THREADS says, else its share of the cores."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) else max(1, cores() // local_size)


def _cpu_has_bf16(info: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor multiplies bf16 itself; emulated bf16 is slower than fp32."""
    try:
        lines = info.read_text().splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return not _BF16_FLAGS.isdisjoint(flags.split())
