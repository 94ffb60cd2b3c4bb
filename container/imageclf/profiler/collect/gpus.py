"""What NVML tells of each GPU that the training may use: utilisation, memory, power, clocks.

Without NVML, or without a GPU, there are no columns. A figure that a GPU does not have is NaN; a
GPU that fails is NaN from then on, and `fault` says so.

GPUs are numbered as CUDA numbers them for the training: in the order of CUDA_VISIBLE_DEVICES, which
names them by number or UUID. Without it in NVML's order, which is CUDA's where all are alike or
CUDA_DEVICE_ORDER is PCI_BUS_ID.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pynvml

from imageclf.profiler import names
from imageclf.profiler.collect.meter import MIB, UNKNOWN

VISIBLE = "CUDA_VISIBLE_DEVICES"

_ABSENT = frozenset(
    {
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_INVALID_ARGUMENT,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
    }
)
"""Errors by which NVML says that it has no such figure, now and for ever."""

_Figures = tuple[float, ...]


@dataclass
class _Gpu:
    number: int
    handle: Any
    facts: dict[str, Any]
    fault: str = ""
    without: set[int] = field(default_factory=set)

    def read(self) -> list[float]:
        """A figure for each of GPU_COLUMNS."""
        found: list[float] = []
        for place, (ask, count) in enumerate(_QUESTIONS):
            found += self._figures(place, ask) or [UNKNOWN] * count
        return found

    def _figures(self, place: int, ask: Callable[[Any], _Figures]) -> _Figures | None:
        if self.fault or place in self.without:
            return None
        try:
            return ask(self.handle)
        except pynvml.NVMLError as error:
            if error.value in _ABSENT:
                self.without.add(place)
            else:
                self.fault = f"GPU {self.number} has told nothing more ({error})."
            return None


def _utilization(handle: Any) -> _Figures:
    return (float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu),)


def _memory(handle: Any) -> _Figures:
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return (100 * memory.used / memory.total if memory.total else UNKNOWN, memory.used / MIB)


def _power(handle: Any) -> _Figures:
    return (pynvml.nvmlDeviceGetPowerUsage(handle) / 1000,)


def _temperature(handle: Any) -> _Figures:
    return (float(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)),)


def _sm_clock(handle: Any) -> _Figures:
    return (float(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM)),)


def _memory_clock(handle: Any) -> _Figures:
    return (float(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_MEM)),)


_QUESTIONS: tuple[tuple[Callable[[Any], _Figures], int], ...] = (
    (_utilization, 1),
    (_memory, 2),
    (_power, 1),
    (_temperature, 1),
    (_sm_clock, 1),
    (_memory_clock, 1),
)
"""In the order of GPU_COLUMNS, each with the number of its figures."""


class Gpus:
    """All GPUs that `environment` lets the training use."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._begin_fault = ""
        try:
            self._gpus = _visible(environment.get(VISIBLE))
        except pynvml.NVMLError as error:
            self._gpus = []
            if error.value != pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
                self._begin_fault = f"The GPUs are not sampled: NVML does not start ({error})."
        self.columns = tuple(
            names.gpu_column(gpu.number, column)
            for gpu in self._gpus
            for column in names.GPU_COLUMNS
        )

    @property
    def facts(self) -> list[dict[str, Any]]:
        """Name, UUID and memory of each GPU."""
        return [gpu.facts for gpu in self._gpus]

    @property
    def faults(self) -> list[str]:
        """Sentences on what could not be measured; empty when all is well."""
        return [one for one in (self._begin_fault, *(gpu.fault for gpu in self._gpus)) if one]

    def read(self, _elapsed_s: float) -> list[float]:
        """The figures of now; utilisation is that of NVML's last period, 1 s at most."""
        return [figure for gpu in self._gpus for figure in gpu.read()]


def _visible(chosen: str | None) -> list[_Gpu]:
    pynvml.nvmlInit()
    handles = [_handle(place) for place in range(pynvml.nvmlDeviceGetCount())]
    if chosen is not None:
        handles = _chosen(chosen, handles)
    return [_gpu(number, handle) for number, handle in enumerate(handles)]


def _handle(place: int | str) -> Any:
    """What NVML calls the GPU by number or UUID; None for one that it cannot reach."""
    by = pynvml.nvmlDeviceGetHandleByUUID if isinstance(place, str) else None
    try:
        return (by or pynvml.nvmlDeviceGetHandleByIndex)(place)
    except pynvml.NVMLError:
        return None


def _gpu(number: int, handle: Any) -> _Gpu:
    if handle is None:
        return _Gpu(number, None, {"gpu": number}, fault=f"GPU {number} cannot be reached by NVML.")
    return _Gpu(number, handle, _facts(number, handle))


def _chosen(text: str, handles: list[Any]) -> list[Any]:
    """As CUDA reads it: up to the first that is none (CUDA C++ Programming Guide, 5.2)."""
    uuids = [_text(pynvml.nvmlDeviceGetUUID, handle) if handle else "" for handle in handles]
    found: list[Any] = []
    for part in map(str.strip, text.split(",")):
        if part.startswith("MIG-"):
            found.append(_handle(part))
            continue
        place = _place(part, uuids)
        if place is None:
            break
        found.append(handles[place])
    return found


def _place(part: str, uuids: list[str]) -> int | None:
    """Which of the GPUs `part` names, by number or the beginning of its UUID."""
    if part.isdecimal():
        return int(part) if int(part) < len(uuids) else None
    alike = [place for place, uuid in enumerate(uuids) if part and uuid.startswith(part)]
    return alike[0] if len(alike) == 1 else None


def _facts(number: int, handle: Any) -> dict[str, Any]:
    try:
        memory_mib = pynvml.nvmlDeviceGetMemoryInfo(handle).total / MIB
    except pynvml.NVMLError:
        memory_mib = None
    return {
        "gpu": number,
        "name": _text(pynvml.nvmlDeviceGetName, handle),
        "uuid": _text(pynvml.nvmlDeviceGetUUID, handle),
        "memory_mib": memory_mib,
    }


def _text(ask: Callable[[Any], str | bytes], handle: Any) -> str:
    try:
        answer = ask(handle)
    except pynvml.NVMLError:
        return ""
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
