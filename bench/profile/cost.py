"""What the profiler costs a training: the phases of its steps, the samples of the machine, rules.

    python -m bench.profile cost [--rounds 8] [--batch-size 16] [--architecture resnet50] ...

Full fine-tuning on JPEG files that are read and decoded. Two contenders take turns, step by step,
each with a network and a reader of its own; what is compared is the same step of the same round,
and of many such differences the median counts: that is what the clock of the phases costs. The
processes that sample the machine and evaluate the rules run meanwhile; what they take of all cores
is added in full, though they give way to the training. In every other round they are held still,
which shows what they cost both contenders, noise included. A window of kernels is measured apart.
Prints a table and writes `bench/results/profile_cost.json`.
"""

import argparse
import json
import math
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import torch

from bench import learning
from bench.profile.cost_table import table
from bench.serving import photographs
from imageclf.config import Hyperparameters
from imageclf.data.augment import TrainTransform
from imageclf.data.dataset import Item
from imageclf.data.files import MeasuredFile
from imageclf.data.loading import Batch, PictureLoader
from imageclf.data.transforms import EvalTransform
from imageclf.machine import cores
from imageclf.profiler import live, names
from imageclf.profiler.collect import kernels
from imageclf.profiler.collect.clock import NO_CLOCK, Clock, NoClock
from imageclf.profiler.collect.device_time import DeviceTime
from imageclf.profiler.collect.recording import Recording
from imageclf.profiler.collect.sampler import Sampler
from imageclf.profiler.rules import standard
from imageclf.profiler.settings import Window
from imageclf.rules.files import PROFILER
from imageclf.rules.watching import Watcher
from imageclf.training.learner import Learner

RESULTS = Path(__file__).parents[1] / "results" / "profile_cost.json"

_HOST, _WORKER = "host", "host-0"
_MARKS = (
    names.COPY,
    names.HOOK,
    names.FORWARD,
    names.HOOK,
    names.OPTIMISER,
    names.BACKWARD,
    names.HOOK,
    names.OPTIMISER,
    names.OTHER,
    names.HOOK,
    names.OTHER,
)
"""The phases as a learner goes through them."""

_INTERVAL_MS = 500
_PATIENCE_S = 30.0


@dataclass
class Contender:
    """A training that goes on by a step when it is told to."""

    learner: Learner
    clock: NoClock
    batches: Iterator[Batch]
    steps_ms: list[list[float]] = field(default_factory=list)

    def step(self) -> float:
        """One step, reading included; milliseconds."""
        _wait()
        began = time.perf_counter()
        batch = next(self.batches)
        self.learner.step(batch, len(batch.labels_b), 0.5)
        self.clock.step_ends(len(batch.labels_b))
        _wait()
        return (time.perf_counter() - began) * 1e3


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        pictures, profile = Path(scratch) / "pictures", Path(scratch) / "profile"
        photographs.gather(None, pictures)
        items = [Item(path, place % 2) for place, path in enumerate(sorted(pictures.iterdir()))]
        figures = _measure(options, items, profile, Path(scratch) / "data")
        figures |= _measure_clock(Path(scratch) / "clock") | _measure_reading(items)
        figures |= _measure_window(options, items, profile)
    _write(options, figures)
    print(table(options, figures, _machine()))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    learning.add_options(parser)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10, help="steps of a round")
    return parser.parse_args(arguments)


def _measure(
    options: argparse.Namespace, items: Sequence[Item], profile: Path, data: Path
) -> dict[str, float]:
    settings = learning.settings(options)
    recording = Recording(profile, _WORKER)
    recording.facts({"rank": 0, "began_ns": time.monotonic_ns(), "cores": cores()})
    clock = Clock(recording, DeviceTime() if _is_cuda() else None, kernels.NoWindows())
    plain, profiled = _contender(settings, items), _contender(settings, items, clock)
    with _processes(profile, data) as helpers:
        spent_s, wall_s = _take_turns(options, plain, profiled, helpers)
        clock.close()
        recording.close()
    return _figures(plain, profiled, spent_s / (wall_s * cores())) | _sizes(profile, plain)


@contextmanager
def _processes(profile: Path, data: Path) -> Iterator[list[psutil.Process]]:
    """What samples the machine and what evaluates the rules."""
    pid = psutil.Process().pid
    sampler = Sampler(profile, _HOST, _INTERVAL_MS, [pid])
    watcher = Watcher(live.PROGRAM, profile, data / "data", standard.configurations())
    sampler.start()
    watcher.start()
    helpers = psutil.Process().children()
    _wait_for(profile / names.SYSTEM / _HOST, data / "data" / PROFILER.status)
    try:
        yield helpers
    finally:
        _signal(helpers, signal.SIGCONT)
        sampler.stop()
        (profile / names.END_OF_JOB).write_text("{}")
        watcher.finish(60.0)


def _take_turns(
    options: argparse.Namespace,
    plain: Contender,
    profiled: Contender,
    helpers: Sequence[psutil.Process],
) -> tuple[float, float]:
    """Steps by round, a first round not counted; seconds of the helpers' processors, and of all."""
    spent_s = wall_s = 0.0
    for number in range(2 * options.rounds + 1):
        runs = number % 2 == 1
        _signal(helpers, signal.SIGCONT if runs else signal.SIGSTOP)
        before_s, began_s = _processor_s(helpers), time.perf_counter()
        found = [
            [one.step() for one in _in_turn(plain, profiled, place)]
            for place in range(options.steps)
        ]
        if runs:
            spent_s += _processor_s(helpers) - before_s
            wall_s += time.perf_counter() - began_s
        if number:
            plain.steps_ms.append([pair[place % 2] for place, pair in enumerate(found)])
            profiled.steps_ms.append([pair[1 - place % 2] for place, pair in enumerate(found)])
            print(f"round {number} of {2 * options.rounds}", file=sys.stderr)
    return spent_s, wall_s


def _in_turn(plain: Contender, profiled: Contender, place: int) -> tuple[Contender, Contender]:
    """Each goes first every other time."""
    return (plain, profiled) if place % 2 == 0 else (profiled, plain)


def _figures(plain: Contender, profiled: Contender, processes_share: float) -> dict[str, float]:
    """Rounds with an even place in the lists are those in which the processes ran."""
    step_ms = statistics.median(one for steps in plain.steps_ms for one in steps)
    more_ms = [
        more - less
        for steps, others in zip(profiled.steps_ms, plain.steps_ms, strict=True)
        for more, less in zip(steps, others, strict=True)
    ]
    clock_ms = statistics.median(more_ms)
    medians = [statistics.median(steps) for steps in plain.steps_ms]
    held = statistics.median(
        runs - still for runs, still in zip(medians[::2], medians[1::2], strict=True)
    )
    return {
        "step_ms": step_ms,
        "clock_ms": clock_ms,
        "clock_share": clock_ms / step_ms,
        "error_share": _error_of_median(more_ms) / step_ms,
        "processes_share": processes_share,
        "processes_seen_share": held / step_ms,
        "share": clock_ms / step_ms + processes_share,
    }


def _error_of_median(values: Sequence[float]) -> float:
    """Its standard error, by the median absolute deviation: of a normal spread, 1.25 * 1.48 times
    that over the root of their number."""
    middle = statistics.median(values)
    spread = statistics.median(abs(value - middle) for value in values)
    return 1.2533 * 1.4826 * spread / math.sqrt(len(values))


def _sizes(profile: Path, plain: Contender) -> dict[str, float]:
    """Megabytes an hour, at the rate of a training that steps without a pause."""
    counted = sum(len(steps) for steps in plain.steps_ms) + len(plain.steps_ms[0])
    step_ms = statistics.median(one for steps in plain.steps_ms for one in steps)
    of_steps = sum((profile / kind / _WORKER).stat().st_size for kind in (names.STEPS, names.READS))
    samples = (profile / names.SYSTEM / _HOST).stat().st_size
    sampled_s = _sampled_s(profile / names.SYSTEM / _HOST)
    return {
        "steps_mb_an_hour": of_steps / counted * 3600e3 / step_ms / 1e6,
        "samples_mb_an_hour": samples / sampled_s * 3600 / 1e6,
    }


def _sampled_s(path: Path) -> float:
    from imageclf.profiler.files.reading import Reader  # noqa: PLC0415  (only here)

    rows = sum(len(block.at_ns) for block in Reader(path).fresh())
    return max(1, rows) * _INTERVAL_MS / 1e3


def _measure_clock(profile: Path, steps: int = 5000) -> dict[str, float]:
    """What the clock takes by itself: all marks of a step, and the row, with nothing between."""
    recording = Recording(profile, _WORKER)
    clock = Clock(recording, None, kernels.NoWindows())
    clock.begins(1, steps=0)
    began = time.perf_counter()
    for _ in clock.waiting(range(steps)):
        for phase in _MARKS:
            clock.enter(phase)
        clock.step_ends(1)
    took_s = time.perf_counter() - began
    recording.close()
    return {"clock_alone_us": took_s / steps * 1e6}


def _measure_reading(items: Sequence[Item], times: int = 6) -> dict[str, float]:
    """What measuring the reading of a picture adds, of both the same pictures in turn."""
    view = EvalTransform(224)
    took_ms: list[list[float]] = []
    for _ in range(times):
        for item in items:
            pair = []
            for source in (item.path, MeasuredFile(item.path)):
                began = time.perf_counter()
                view(source)
                pair.append((time.perf_counter() - began) * 1e3)
            took_ms.append(pair)
    return {
        "picture_ms": statistics.median(one for one, _ in took_ms),
        "measuring_ms": statistics.median(more - less for less, more in took_ms),
    }


def _measure_window(
    options: argparse.Namespace, items: Sequence[Item], profile: Path
) -> dict[str, float]:
    """Steps inside and outside of a window of kernels, and what starting and writing it takes."""
    window = Window(first_step=3, steps=3)
    recording = Recording(profile / "window", _WORKER)
    looking = kernels.make(window, profile / "window", _WORKER, None, is_cuda=_is_cuda())
    clock = Clock(recording, None, looking)
    one = _contender(learning.settings(options), items, clock)
    clock.begins(1, steps=100)
    took_ms = [one.step() for _ in range(12)]
    clock.close()
    recording.close()
    inside, outside = took_ms[3:6], took_ms[7:]
    written = (profile / "window" / names.KERNELS).glob("*")
    return {
        "window_steps": window.steps,
        "window_step_ms": statistics.median(inside[:2]),
        "outside_step_ms": statistics.median(outside),
        "window_mb": sum(path.stat().st_size for path in written) / 1e6,
        "window_extra_s": (sum(took_ms[2:6]) - 4 * statistics.median(outside)) / 1e3,
    }


def _contender(
    settings: Hyperparameters, items: Sequence[Item], clock: NoClock = NO_CLOCK
) -> Contender:
    learner = learning.learner(settings, clock=clock)
    clock.begins(1, steps=0)
    return Contender(learner, clock, iter(clock.waiting(_batches(settings, items))))


def _batches(settings: Hyperparameters, items: Sequence[Item]) -> Iterator[Batch]:
    """Batches without an end, read in the threads of this process as on a CPU."""
    count, size = settings.batch_size or 1, settings.image_size or 1
    with PictureLoader(
        items,
        TrainTransform(size),
        seed=0,
        max_megapixels=100,
        workers=0,
        threads=torch.get_num_threads(),
        pin_memory=_is_cuda(),
    ) as loader:
        epoch = 0
        while True:
            epoch += 1
            places = [place % len(items) for place in range(count * 64)]
            parts = [places[first : first + count] for first in range(0, len(places), count)]
            yield from loader.epoch(parts, epoch)


def _wait_for(*paths: Path) -> None:
    """What starting costs is no cost of a step."""
    until = time.monotonic() + _PATIENCE_S
    while not all(path.exists() for path in paths) and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1)


def _signal(processes: Sequence[psutil.Process], number: int) -> None:
    for process in processes:
        if process.is_running():
            process.send_signal(number)


def _processor_s(processes: Sequence[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes if process.is_running()]
    return sum(one.user + one.system for one in times)


def _is_cuda() -> bool:
    return torch.cuda.is_available()


def _wait() -> None:
    if _is_cuda():
        torch.cuda.synchronize()


def _write(options: argparse.Namespace, figures: Mapping[str, float]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    content = {
        "settings": vars(options),
        "machine": {"name": _machine(), "torch": torch.__version__},
        "figures": dict(figures),
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")


def _machine() -> str:
    return str(torch.cuda.get_device_name()) if _is_cuda() else f"{cores()} cores"
