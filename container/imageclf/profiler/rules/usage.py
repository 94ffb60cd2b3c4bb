"""Summaries that never fire: what machines and processes did, as percentiles and shares."""

from typing import Any

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.percentiles import percentiles
from imageclf.profiler.recorded import Floats, Stretch, Table
from imageclf.profiler.rules.base import Findings
from imageclf.profiler.rules.scanned import Kept, ScannedRule
from imageclf.rules.parameters import RuleParameters

_RESOURCES = {
    "CPU": names.CPU,
    "CPU memory": names.MEMORY,
    "I/O": names.IO_WAIT,
    "GPU": "gpu_utilization",
    "GPU memory": "gpu_memory",
    "Network": "network",
    "Network in": names.NET_IN,
    "Network out": names.NET_OUT,
    "Disk read": names.DISK_READ,
    "Disk write": names.DISK_WRITE,
}
"""Per cent; network and disk MiB per second. `Network` is both ways together."""


class OverallSystemUsage(ScannedRule):
    """Max, p99, p95, p50 and min of each resource of each host, of the raw series.

    As the managed service has it, utilisation and memory of several GPUs are their mean.
    """

    name = "OverallSystemUsage"
    description = "Sums up how much of each machine is used; it never fires."
    recommendation = "Compare what is used with what is paid for, machine by machine."

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._kept = Kept(*_RESOURCES.values())

    def take(self, stretch: Stretch) -> None:
        for host, table in stretch.system.items():
            self.looked += self._kept.add(host, _with_sums(table))

    def judge(self, at_s: float) -> Findings:  # noqa: ARG002
        return iter(())

    def details(self) -> dict[str, Any]:
        found: dict[str, dict[str, Any]] = {}
        for resource, column in _RESOURCES.items():
            for host in self._kept:
                table = self._kept[host]
                if table.has(column):
                    series = percentiles(table[column]).as_json()
                    found.setdefault(resource, {})[host] = series
        return self.judged(0, **found)


class OverallFrameworkMetrics(ScannedRule):
    """Where the time of training goes: kinds of steps, phases, forward and backward, reading."""

    name = "OverallFrameworkMetrics"
    description = "Sums up where the time of the steps goes; it never fires."
    recommendation = "Shorten first what takes the largest share."

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._steps = Kept(*names.STEP_COLUMNS)
        self._reads = Kept(*names.READ_COLUMNS)

    def take(self, stretch: Stretch) -> None:
        for worker, table in stretch.steps.items():
            self.looked += self._steps.add(worker, table)
        for worker, table in stretch.reads.items():
            self._reads.add(worker, table)

    def judge(self, at_s: float) -> Findings:  # noqa: ARG002
        return iter(())

    def details(self) -> dict[str, Any]:
        seconds = self._kinds_s()
        phases_ms = {name: self._sum(names.host_column(name)) for name in names.PHASES}
        device_ms = {
            name: self._sum(names.device_column(name))
            for name in names.DEVICE_PHASES
            if any(self._steps[worker].has(names.device_column(name)) for worker in self._steps)
        }
        passes = device_ms if names.FORWARD in device_ms else phases_ms
        return self.judged(
            0,
            phase=_shares(seconds),
            phase_time={name: 1000 * one for name, one in seconds.items()},
            forward_backward=_shares(
                {
                    "Forward pass": passes.get(names.FORWARD, 0.0),
                    "Backward pass": passes.get(names.BACKWARD, 0.0),
                }
            ),
            ratio=self._ratio(device_ms),
            general=_shares(phases_ms),
            general_time=phases_ms,
            device_time=device_ms,
            loading=self._loading(),
            images_per_s=self._images_per_s(),
        )

    def _train(self) -> list[Table]:
        tables = [self._steps[worker] for worker in self._steps]
        return [table.where(table[names.MODE] == names.TRAIN) for table in tables]

    def _sum(self, column: str) -> float:
        return sum(float(np.nansum(table[column])) for table in self._train())

    def _kinds_s(self) -> dict[str, float]:
        """Time in training and evaluation steps, and between them, of all processes."""
        found = {"TRAIN": 0.0, "EVAL": 0.0, "others": 0.0}
        for worker in self._steps:
            table = self._steps[worker]
            took_s = np.nan_to_num(table[names.TOOK]) / 1e3
            train = float(took_s[table[names.MODE] == names.TRAIN].sum())
            evaluation = float(took_s[table[names.MODE] == names.EVAL].sum())
            whole_s = float((table.at_s + took_s).max() - table.at_s[0])
            found["TRAIN"] += train
            found["EVAL"] += evaluation
            found["others"] += max(0.0, whole_s - train - evaluation)
        return found

    def _ratio(self, device_ms: dict[str, float]) -> dict[str, float]:
        """Shares of the training steps' time in which the GPU was busy, and in which it was not."""
        if not device_ms:
            return {}
        busy_ms, whole_ms = sum(device_ms.values()), self._sum(names.TOOK)
        return _shares({"GPU": busy_ms, "CPU": max(0.0, whole_ms - busy_ms)})

    def _loading(self) -> dict[str, Any]:
        tables = [self._reads[worker] for worker in self._reads]
        if not tables:
            return {}
        took_ms, fetch_ms, decode_ms = (
            np.concatenate([table[name] for table in tables])
            for name in (names.TOOK, names.FETCH, names.DECODE)
        )
        return {
            "batch_ms": percentiles(took_ms).as_json(),
            "fetch_ms": percentiles(fetch_ms).as_json(),
            "decode_ms": percentiles(decode_ms).as_json(),
            "shares": _shares({"fetch": np.nansum(fetch_ms), "decode": np.nansum(decode_ms)}),
        }

    def _images_per_s(self) -> float:
        """Of all processes together, over their training steps."""
        found = 0.0
        for table in self._train():
            took_ms = float(np.nansum(table[names.TOOK]))
            images = float(np.nansum(table[names.IMAGES]))
            found += 1000 * images / took_ms if took_ms > 0 else 0.0
        return found


def _with_sums(table: Table) -> Table:
    """With the mean of the GPUs, and the network both ways."""
    columns = dict(table.columns)
    for column in (names.GPU_UTILIZATION, names.GPU_MEMORY):
        several = [table[names.gpu_column(gpu, column)] for gpu in table.gpus]
        if several:
            columns[f"gpu_{column}"] = _mean(np.stack(several))
    columns["network"] = table[names.NET_IN] + table[names.NET_OUT]
    return Table(table.at_s, columns)


def _mean(several: Floats) -> Floats:
    """Over what is known [GPUs, N]; NaN where nothing is."""
    known = np.isfinite(several)
    count = known.sum(axis=0)
    total = np.where(known, several, 0.0).sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), np.float64)


def _shares(parts: dict[str, float]) -> dict[str, float]:
    """Per cent of the sum."""
    whole = sum(parts.values())
    return {name: 100 * one / whole for name, one in parts.items()} if whole > 0 else {}
