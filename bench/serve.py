"""Serving against its peers: requests a second, latency, memory, start; side by side in one run.

    python -m bench.serve [--contenders raw,imageclf,mms@2x1] [--clients 1,8] [--seconds 10] ...

All serve the same network and answer the same photographs on the same cores, in turn, round after
round. Prints a table and writes `bench/results/serve.json`. The peers live in `.venv-peers`, which
is made when it is not there.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.peers import environment as peers
from bench.serving.contenders import NAMES, PEERS, Contender, contender
from bench.serving.figures import known
from bench.serving.rounds import Bench, say
from bench.serving.table import table
from imageclf.errors import SettingsError
from imageclf.machine import cores

PHOTOGRAPHS = peers.ROOT.parent / "shared" / "data" / "hymenoptera"
RESULTS = Path(__file__).parent / "results" / "serve.json"

_BOTH_LAYOUTS = ("mms", "torchserve")
"""Peers that one worker with all threads serves best at one client, a worker a core at many."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    options = _options(arguments)
    if any(one.name in PEERS for one in options.contenders):
        peers.ready()
    # Unix sockets lie in it, and their paths may not be long.
    with tempfile.TemporaryDirectory(prefix="bench", dir="/tmp") as folder:
        bench = Bench(options, Path(folder))
        bench.prepare()
        for number in range(options.rounds):
            for one in options.contenders:
                say(f"round {number + 1} of {options.rounds}: {one.title}")
                bench.measure(one)
        extra_mib = bench.extra_worker_mib()
        _write(options, bench, extra_mib)
        print(table(bench.heading(), bench.figures, options.clients, bench.count, extra_mib))
    return 0


def _contenders(text: str) -> list[Contender]:
    try:
        return list(dict.fromkeys(contender(part, cores()) for part in text.split(",")))
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--contenders",
        type=_contenders,
        default=",".join([*NAMES, *(f"{name}@{cores()}x1" for name in _BOTH_LAYOUTS)]),
        help=f"of {', '.join(NAMES)}; mms@2x1 is mms with 2 workers of 1 thread",
    )
    parser.add_argument(
        "--clients",
        "--concurrency",
        type=lambda text: [int(part) for part in text.split(",")],
        default="1,2,4,8,32",
        help="how many ask at a time",
    )
    there = PHOTOGRAPHS if PHOTOGRAPHS.is_dir() else None
    parser.add_argument("--photographs", type=Path, default=there, help="folder of folders")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument("--warm-up", type=float, default=2, help="seconds before it, not counted")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--architecture",
        default="resnet50",
        help="of torchvision, with one dense layer as its head",
    )
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument(
        "--peers-network",
        choices=("eager", "torchscript"),
        default="eager",
        help="what the peers run: torchvision's network, or the same traced and optimised",
    )
    parser.add_argument("--keep-logs", type=Path, help="folder for the logs of the servers")
    return parser.parse_args(arguments)


def _write(options: argparse.Namespace, bench: Bench, extra_worker_mib: float) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    content = {
        "heading": bench.heading(),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "cores": cores(),
        "extra_worker_mib": known(extra_worker_mib),
        "figures": {title: one.summary() for title, one in bench.figures.items()},
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
