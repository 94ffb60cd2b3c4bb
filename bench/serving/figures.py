"""What was measured, and what follows from it."""

import math
import statistics
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Cell:
    """One server under one number of clients, all rounds together."""

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    cpu_shares: list[float] = field(default_factory=list)

    def add(self, run: dict[str, Any]) -> None:
        """Take in what `bench.serving.load` printed."""
        self.seconds += run["seconds"]
        self.latencies_ms += run["latencies_ms"]
        self.cpu_shares.append(run["cpu_share"])
        for kind, count in run["errors"].items():
            self.errors[kind] = self.errors.get(kind, 0) + count

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return len(self.latencies_ms) / self.seconds if self.seconds else math.nan

    @property
    def failed(self) -> int:
        """Requests that were refused or got no answer."""
        return sum(self.errors.values())

    def percentile_ms(self, share: float) -> float:
        """The latency that `share` of the requests did not exceed: nearest rank."""
        if not self.latencies_ms:
            return math.nan
        ordered = sorted(self.latencies_ms)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    def summary(self) -> dict[str, Any]:
        """For the JSON file."""
        return {
            "requests": len(self.latencies_ms),
            "seconds": round(self.seconds, 3),
            "requests_per_s": known(self.rate),
            "p50_ms": known(self.percentile_ms(0.5)),
            "p99_ms": known(self.percentile_ms(0.99)),
            "errors": self.errors,
            "load_cpu_share": max(self.cpu_shares, default=None),
        }


@dataclass
class Figures:
    """One contender: cells by number of clients, and an entry a round for the rest."""

    cells: dict[int, Cell] = field(default_factory=dict)
    ready_s: list[float] = field(default_factory=list)
    idle_pss_mib: list[float] = field(default_factory=list)
    pss_mib: list[float] = field(default_factory=list)
    right: int | None = None
    failure: str | None = None

    def cell(self, clients: int) -> Cell:
        """The cell of a number of clients, made when it is not there."""
        return self.cells.setdefault(clients, Cell())

    @property
    def failed(self) -> int:
        """Requests that were refused or got no answer."""
        return sum(cell.failed for cell in self.cells.values())

    def summary(self) -> dict[str, Any]:
        """For the JSON file."""
        content = asdict(self)
        content["cells"] = {clients: cell.summary() for clients, cell in self.cells.items()}
        return content


def known(value: float) -> float | None:
    """`value`, or None for NaN, which JSON has not."""
    return None if math.isnan(value) else value


def middle(values: list[float]) -> float:
    """The median, or NaN of nothing."""
    return statistics.median(values) if values else math.nan


def overhead_ms(ours: Figures, raw: Figures) -> float:
    """What serving adds to the prediction at one client, at p50."""
    return _p50_alone(ours) - _p50_alone(raw)


def _p50_alone(one: Figures) -> float:
    cell = one.cells.get(1)
    return cell.percentile_ms(0.5) if cell else math.nan


def best_peer(peers: dict[str, Figures], clients: int) -> tuple[str, float]:
    """Name and requests a second of the fastest peer at a number of clients; NaN without any."""
    rates = {name: one.cells[clients].rate for name, one in peers.items() if clients in one.cells}
    if not rates:
        return "none", math.nan
    name = max(rates, key=lambda name: rates[name])
    return name, rates[name]


def over_least_wait(cell: Cell, clients: int) -> float:
    """p99 over the least that queueing theory allows, clients / rate (Little's law)."""
    return cell.percentile_ms(0.99) / (1e3 * clients / cell.rate) if cell.rate else math.nan
