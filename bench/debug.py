"""What the debugger's hook costs a training: without, with ours, with smdebug's own; side by side.

    python -m bench.debug [--rounds 8] [--batch-size 16] [--architecture resnet50] ...

Full fine-tuning, every tenth step saved. The contenders take turns, step by step, each with a
network of its own; what is compared is the same step of the same round, and of many such
differences the median counts. Ours saves what the rules of `debug=standard` read, and the process
that evaluates them watches; smdebug's hook reduces the same tensors with its own reductions. Prints
a table and writes `bench/results/debug.json`.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor, nn

from bench import learning
from imageclf.data.loading import Batch
from imageclf.debugger import live, names
from imageclf.debugger.hook.foreign import (
    ModeKeys,
    ReductionConfig,
    SaveConfig,
    SmdebugHook,
    subdued,
)
from imageclf.debugger.hook.hook import Hook
from imageclf.debugger.hook.recorder import NoRecorder
from imageclf.debugger.rules import standard
from imageclf.debugger.rules.catalogue import needs_of
from imageclf.machine import cores
from imageclf.rules.watching import Watcher
from imageclf.training.learner import Learner

RESULTS = Path(__file__).parent / "results" / "debug.json"
_WITHOUT, _OURS, _SMDEBUG = "without hook", "our hook", "smdebug's hook"


class _Smdebug(SmdebugHook):  # type: ignore[misc]  # smdebug has no types
    """smdebug's hook, but that it survives activations in bf16."""

    @staticmethod
    def _make_numpy_array(tensor_value: Tensor) -> Any:
        return tensor_value.detach().float().cpu().numpy()


class _Recorder(NoRecorder):
    """Feeds a hook, of either kind, in the steps of a `Learner`."""

    def __init__(self, hook: SmdebugHook, network: nn.Module) -> None:
        self.hook = hook
        hook.register_module(network)
        hook.set_mode(ModeKeys.TRAIN)

    def step_begins(self) -> None:
        if isinstance(self.hook, Hook):
            self.hook.begin_step()

    def computed(self, loss: Tensor, labels_b: Tensor, logits_bk: Tensor) -> None:
        given = {
            names.LOSSES: (names.LOSS_TENSOR, loss.detach()),
            names.LABELS: (names.LABELS_TENSOR, labels_b),
            names.PREDICTIONS: (names.PREDICTIONS_TENSOR, logits_bk.detach().argmax(1)),
        }
        for collection, (name, tensor) in given.items():
            if isinstance(self.hook, Hook):
                self.hook.record(name, tensor, collection)
            else:
                self.hook._save_for_tensor(name, tensor)

    def gradients(self, scaler: torch.amp.GradScaler) -> None:
        if isinstance(self.hook, Hook):
            self.hook.gradients_ready(scaler)

    def step_ends(self) -> None:
        if isinstance(self.hook, Hook):
            self.hook.end_step()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch) / name.replace(" ", "-") for name in (_OURS, _SMDEBUG)}
        hooks = _hooks(options, folders, _needs())
        learners = _learners(options, hooks)
        watcher = Watcher(
            live.PROGRAM, folders[_OURS], Path(scratch) / "data", standard.configurations()
        )
        watcher.start()
        rounds = _measure(options, learners)
        busy_s = _processor_s_of_children()
        for hook in hooks.values():
            hook.close()
        watcher.finish(60.0)
        written = {name: _bytes_of_a_step(folder) for name, folder in folders.items()}
    figures = _figures(rounds, written)
    figures[_OURS]["rules_share"] = busy_s / (sum(map(sum, rounds[_OURS])) / 1e3)
    _write(options, figures, rounds)
    print(_table(options, figures))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    learning.add_options(parser)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--interval", type=int, default=10, help="steps of a round; one is saved")
    parser.add_argument("--without-smdebug", action="store_true", help="leave smdebug's hook out")
    return parser.parse_args(arguments)


def _needs() -> dict[str, frozenset[str]]:
    """What the rules of the standard set read."""
    found: dict[str, frozenset[str]] = defaultdict(frozenset)
    for configuration in standard.configurations():
        for collection, wanted in needs_of(configuration).items():
            found[collection] |= wanted
    return dict(found)


def _hooks(
    options: argparse.Namespace, folders: Mapping[str, Path], needs: Mapping[str, frozenset[str]]
) -> dict[str, SmdebugHook]:
    every = SaveConfig(save_interval=options.interval)
    found = {_OURS: Hook(folders[_OURS], save_config=every, statistics=needs)}
    if not options.without_smdebug:
        found[_SMDEBUG] = _smdebug_hook(folders[_SMDEBUG], every, needs)
    return found


def _learners(
    options: argparse.Namespace, hooks: Mapping[str, SmdebugHook]
) -> dict[str, tuple[Learner, Batch]]:
    settings = learning.settings(options)
    recorders = {name: partial(_Recorder, hook) for name, hook in hooks.items()}
    learners = {_WITHOUT: learning.learner(settings)} | {
        name: learning.learner(settings, recorder) for name, recorder in recorders.items()
    }
    return {
        name: (learner, learning.pictures(settings, options.batch_size))
        for name, learner in learners.items()
    }


def _smdebug_hook(
    folder: Path, every: SaveConfig, needs: Mapping[str, frozenset[str]]
) -> SmdebugHook:
    """smdebug's hook on the same tensors, with one of its reductions for each statistic."""
    with subdued():
        hook = _Smdebug(str(folder), save_config=every, include_collections=sorted(needs))
        for collection, regex in _REGEXES.items():
            if collection in needs:
                hook.get_collection(collection).include(regex)
        for collection, wanted in needs.items():
            if wanted - {"raw"}:
                hook.get_collection(collection).reduction_config = _twins(wanted - {"raw"})
    return hook


def _twins(wanted: frozenset[str]) -> ReductionConfig:
    return ReductionConfig(
        reductions=[_TWINS[one] for one in sorted(wanted) if one in _TWINS],
        abs_reductions=["mean"] if "abs_mean" in wanted else [],
        norms=["l2"] if wanted & {"l2", "q95"} else [],
    )


_TWINS = {
    "mean": "mean",
    "variance": "variance",
    "nans": "max",
    "infs": "min",
    "q05": "std",
    "activity": "mean",
    "channel_means": "mean",
    "count": "sum",
}
"""Reductions of smdebug's: the same statistic, or one that costs a pass over the tensor too."""

_REGEXES = {
    names.RELU_OUTPUT: "relu_output",
    names.RELU_INPUT: "relu_input",
    names.INPUTS: "^[A-Z][A-Za-z]*_input_0",
    names.LABELS: "^labels$",
    names.PREDICTIONS: "^predictions$",
}
"""smdebug puts tensors into collections by their names alone."""


def _measure(
    options: argparse.Namespace, learners: Mapping[str, tuple[Learner, Batch]]
) -> dict[str, list[list[float]]]:
    """Milliseconds of each step by round; a first round warms up and is not counted."""
    rounds: dict[str, list[list[float]]] = defaultdict(list)
    for number in range(options.rounds + 1):
        times_ms: dict[str, list[float]] = {name: [] for name in learners}
        for _ in range(options.interval):
            for name, (learner, batch) in learners.items():
                times_ms[name].append(_step_ms(learner, batch))
        if number:
            for name, mine in times_ms.items():
                rounds[name].append(mine)
            print(f"round {number} of {options.rounds}", file=sys.stderr)
    return rounds


def _step_ms(learner: Learner, batch: Batch) -> float:
    """One step; the first of each round is the one that is saved."""
    _wait()
    began = time.perf_counter()
    learner.step(batch, len(batch.labels_b), 0.5)
    _wait()
    return (time.perf_counter() - began) * 1e3


def _processor_s_of_children() -> float:
    times = [child.cpu_times() for child in psutil.Process().children()]
    return sum(one.user + one.system for one in times)


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _bytes_of_a_step(folder: Path) -> float:
    """Bytes of all files of a step; the median."""
    sizes: dict[str, int] = defaultdict(int)
    for path in (*folder.glob("events/*/*.tfevents"), *folder.glob("index/*/*.json")):
        sizes[path.name.partition("_")[0]] += path.stat().st_size
    return statistics.median(sizes.values()) if sizes else 0.0


def _figures(
    rounds: Mapping[str, list[list[float]]], written: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    found = {}
    for name, mine in rounds.items():
        saving_ms = _more(mine, rounds[_WITHOUT], slice(0, 1))
        other_ms = _more(mine, rounds[_WITHOUT], slice(1, None))
        steps = len(mine[0])
        step_ms = statistics.median(one for steps_ms in rounds[_WITHOUT] for one in steps_ms)
        extra_ms = saving_ms + (steps - 1) * other_ms
        found[name] = {
            "step_ms": step_ms + extra_ms / steps,
            "saving_ms": saving_ms,
            "other_ms": other_ms,
            "share": extra_ms / (steps * step_ms),
            "bytes": written.get(name, 0.0),
        }
    return found


def _more(mine: list[list[float]], plain: list[list[float]], which: slice) -> float:
    """Median of what these steps of a round took longer than the same ones without hook, ms."""
    pairs = zip(mine, plain, strict=True)
    return statistics.median(
        a - b for one, other in pairs for a, b in zip(one[which], other[which], strict=True)
    )


def _write(
    options: argparse.Namespace,
    figures: Mapping[str, Mapping[str, float]],
    rounds: Mapping[str, list[list[float]]],
) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    machine = {"cores": cores(), "gpu": _gpu(), "torch": torch.__version__}
    content = {
        "settings": vars(options),
        "machine": machine,
        "figures": figures,
        "rounds_ms": rounds,
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")


def _gpu() -> str | None:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def _table(options: argparse.Namespace, figures: Mapping[str, Mapping[str, float]]) -> str:
    rows = [
        f"{options.architecture}, {options.image_size} px, batch {options.batch_size}, every "
        f"{options.interval}th step saved, {options.rounds} rounds, {_gpu() or f'{cores()} cores'}",
        f"{'':16}{'ms a step':>11}{'more ms: saved':>16}{'others':>9}{'on top':>9}{'KB saved':>10}",
    ]
    for name, one in figures.items():
        rows.append(
            f"{name:16}{one['step_ms']:11.1f}{one['saving_ms']:16.1f}{one['other_ms']:9.1f}"
            f"{one['share']:9.1%}{one['bytes'] / 1e3:10.0f}"
        )
    share = figures[_OURS]["rules_share"]
    rows.append(f"The process that evaluates the rules took {share:.2%} of one core.")
    if _SMDEBUG in figures:
        rows.append(_verdict(figures[_OURS]["saving_ms"], figures[_SMDEBUG]["saving_ms"]))
    return "\n".join(rows)


def _verdict(ours_ms: float, smdebug_ms: float) -> str:
    if ours_ms <= 0 or smdebug_ms <= 0:
        return "The machine was too busy to tell what a saving step costs."
    return f"A saving step costs {smdebug_ms / ours_ms:.1f} times more with smdebug's hook."


if __name__ == "__main__":
    sys.exit(main())
