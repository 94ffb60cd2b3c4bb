"""The figures as text: a block of lines for each measure, then the comparisons."""

import math
from collections.abc import Callable, Sequence

from bench.serving.contenders import OURS, PEERS, RAW
from bench.serving.figures import (
    Cell,
    Figures,
    best_peer,
    middle,
    over_least_wait,
    overhead_ms,
)

_MB_A_MIB = 2**20 / 1e6


def table(
    heading: str,
    figures: dict[str, Figures],
    clients: Sequence[int],
    pictures: int,
    extra_worker_mib: float,
) -> str:
    """All of it, by title of the contender."""
    measures: list[tuple[str, Callable[[Cell], float]]] = [
        ("requests/s", lambda cell: cell.rate),
        ("p50 ms", lambda cell: cell.percentile_ms(0.5)),
        ("p99 ms", lambda cell: cell.percentile_ms(0.99)),
        ("errors", lambda cell: cell.failed),
    ]
    rows = [heading]
    for name, measure in measures:
        rows.append(f"{name + ' at clients':22}" + "".join(f"{count:>9}" for count in clients))
        rows += [
            f"  {title:20}" + "".join(_value(one.cells.get(count), measure) for count in clients)
            for title, one in figures.items()
        ]
    rows.append(f"{'':22}{'ready s':>9}{'idle MiB':>9}{'MiB':>9}{'right':>9}{'load':>9}")
    rows += [f"  {title:20}{_whole(one, pictures)}" for title, one in figures.items()]
    rows += [f"{title} failed: {one.failure}" for title, one in figures.items() if one.failure]
    return "\n".join(rows + _comparisons(figures, clients, extra_worker_mib))


def _value(cell: Cell | None, measure: Callable[[Cell], float]) -> str:
    if cell is None:
        return f"{'-':>9}"
    value = measure(cell)
    return f"{value:9}" if isinstance(value, int) else f"{value:9.1f}"


def _whole(one: Figures, pictures: int) -> str:
    right = "-" if one.right is None else f"{one.right}/{pictures}"
    shares = [share for cell in one.cells.values() for share in cell.cpu_shares]
    return (
        f"{middle(one.ready_s):9.1f}{middle(one.idle_pss_mib):9.0f}{middle(one.pss_mib):9.0f}"
        f"{right:>9}{max(shares, default=math.nan):9.1%}"
    )


def _comparisons(
    figures: dict[str, Figures], clients: Sequence[int], extra_worker_mib: float
) -> list[str]:
    """Ours against the aims; nothing without ours."""
    ours = _first(figures, OURS)
    if ours is None:
        return []
    peers = {title: one for title, one in figures.items() if title.partition("@")[0] in PEERS}
    rows = []
    raw = _first(figures, RAW)
    if raw:
        rows.append(
            f"imageclf - raw, p50 at 1 client: {overhead_ms(ours, raw):+.2f} ms (aim: at most 1.5)"
        )
    if peers:
        told = ", ".join(_against(ours, peers, count) for count in ours.cells)
        rows.append(f"imageclf / best peer, requests/s at clients: {told} (aim: at least 1.5)")
    if clients and clients[-1] in ours.cells:
        most = ours.cells[clients[-1]]
        rows.append(
            f"imageclf, {clients[-1]} clients: p99 {over_least_wait(most, clients[-1]):.2f} times "
            f"clients / rate (aim: at most 1.3), {most.failed} errors (aim: none)"
        )
    rows.append(f"imageclf, start to ready: {middle(ours.ready_s):.1f} s (aim: at most 8)")
    if not math.isnan(extra_worker_mib):
        rows.append(
            f"imageclf, memory of one more worker: {extra_worker_mib * _MB_A_MIB:.0f} MB "
            "(aim: below 150)"
        )
    return rows


def _against(ours: Figures, peers: dict[str, Figures], clients: int) -> str:
    name, rate = best_peer(peers, clients)
    return f"{clients}: {ours.cells[clients].rate / rate:.2f} ({name})"


def _first(figures: dict[str, Figures], name: str) -> Figures | None:
    """The first contender of a kind that was measured."""
    return next(
        (one for title, one in figures.items() if title.partition("@")[0] == name and one.cells),
        None,
    )
