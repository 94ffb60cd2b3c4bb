"""`python -m bench.soak`: many requests to one server, and whether its memory grows.

A fifth of the requests is no picture. The memory of all processes is measured after every part;
it grows when the last quarter of the curve lies above the second by more than a bound. The first
quarter is left out: caches fill.
"""

import argparse
import asyncio
import contextlib
import io
import itertools
import json
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import aiohttp
import psutil
from PIL import Image

from bench.serving import server as servers
from bench.serving.server import HOST, Plan, Running

MODEL = Path("local_test/run/latest/model")
REQUESTS = 20_000
CLIENTS = 8
POINTS = 40
GROWTH_MIB = 20.0


@dataclass(frozen=True)
class Soaked:
    """What was seen: `curve_mib` is the memory after each part of the requests."""

    statuses: dict[int, int]
    curve_mib: list[float]
    by_process_mib: dict[str, list[float]]

    @property
    def growth_mib(self) -> float:
        """How much the median of the last quarter is above that of the second."""
        quarter = max(1, len(self.curve_mib) // 4)
        return median(self.curve_mib[-quarter:]) - median(self.curve_mib[quarter : 2 * quarter])

    @property
    def verdict(self) -> str:
        """The answer, in words."""
        return "memory does not grow" if self.growth_mib < GROWTH_MIB else "memory grows"


async def soak(
    port: int, top: psutil.Process, picture: bytes, requests: int, points: int = POINTS
) -> Soaked:
    """Send `requests` in parts, and measure the processes below `top` after each."""
    statuses: Counter[int] = Counter()
    curve: list[float] = []
    shares: dict[str, list[float]] = {}
    numbers = itertools.count()
    async with aiohttp.ClientSession(f"http://{HOST}:{port}") as session:
        for _ in range(points):
            each = range(CLIENTS)
            count = math.ceil(requests / points / CLIENTS)
            await asyncio.gather(
                *(_ask(session, picture, itertools.islice(numbers, count), statuses) for _ in each)
            )
            now = _memory(top)
            curve.append(sum(now.values()))
            for name, mib in now.items():
                shares.setdefault(name, []).append(round(mib, 1))
    return Soaked(dict(statuses), curve, shares)


async def _ask(
    session: aiohttp.ClientSession, picture: bytes, numbers: Iterable[int], statuses: Counter[int]
) -> None:
    for number in numbers:
        body = b"no picture" if number % 5 == 4 else picture
        async with session.post("/invocations", data=body) as response:
            await response.read()
            statuses[response.status] += 1


def _memory(top: psutil.Process) -> dict[str, float]:
    """Memory of its own, in MiB, by kind of process.

    That is their part of anonymous pages. Files that are mapped, such as torch's libraries, weigh
    more in a process when some other program that uses them ends.
    """
    total: Counter[str] = Counter()
    for process in [top, *top.children(recursive=True)]:
        with contextlib.suppress(psutil.Error, OSError):
            total[_kind(process)] += _anonymous_kib(process.pid)
    return {name: kib / 2**10 for name, kib in total.items()}


def _anonymous_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:"))


def _kind(process: psutil.Process) -> str:
    line = process.cmdline()
    if "imageclf.serving.gateway" in line:
        return "gateway"
    if "--model-name" in line:
        return "model"
    return "jvm" if line and line[0].endswith("java") else "supervisor"


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak a server of its own; 1 when its memory grows or a request went wrong."""
    options = _parser().parse_args(arguments)
    picture = options.picture.read_bytes() if options.picture else _made_up_picture()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "model").symlink_to(options.model.resolve())
        with servers.running(_plan(root, options.port), root / "log", picture, root) as running:
            soaked = asyncio.run(_soak(running, picture, options.requests))
    sys.stdout.write(json.dumps(asdict(soaked)) + "\n" if options.json else _text(soaked))
    return int(soaked.growth_mib >= GROWTH_MIB or soaked.statuses.keys() != {200, 400})


async def _soak(running: Running, picture: bytes, requests: int) -> Soaked:
    return await soak(running.plan.port, running.process, picture, requests)


def _made_up_picture() -> bytes:
    stream = io.BytesIO()
    Image.linear_gradient("L").resize((500, 375)).convert("RGB").save(stream, "JPEG")
    return stream.getvalue()


def _plan(root: Path, port: int) -> Plan:
    return Plan(
        [sys.executable, "-m", "imageclf", "serve"],
        {"SAGEMAKER_BASE_DIR": str(root), "IMAGECLF_PORT": str(port)},
        port,
        "/invocations",
        "/ping",
    )


def _text(soaked: Soaked) -> str:
    rows = [
        f"{name:>10}: " + " ".join(f"{mib:.0f}" for mib in curve[:: max(1, len(curve) // 10)])
        for name, curve in soaked.by_process_mib.items()
    ]
    counted = ", ".join(f"{count} x {status}" for status, count in sorted(soaked.statuses.items()))
    verdict = f"{soaked.verdict} ({soaked.growth_mib:+.1f} MiB)"
    return "\n".join(["MiB over time", *rows, f"{counted}; {verdict}", ""])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL, help="folder of a model")
    parser.add_argument("--picture", type=Path, help="what is sent; else one is made up")
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--port", type=int, default=18_080)
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
