"""A run of 100 steps with figures that are easy to reckon with; what is asked of its advice."""

from collections.abc import Callable
from typing import Any

from imageclf.profiler.advice.values import Advised, Prediction

WORKER = "algo-1-0"
STEPS = 100

FACTS: dict[str, Any] = {
    "device": "cpu",
    "cores": 4,
    "threads": 4,
    "workers": 0,
    "batch_size": 16,
    "global_batch_size": 16,
    "train_images": 1600,
    "epochs": 2,
    "image_size": 224,
    "precision": "fp32",
    "train": "all",
}
MACHINE: dict[str, Any] = {
    "precision": "fp32",
    "batch_size": 16,
    "peak_gflops": {"fp32": 200.0, "bf16": 500.0},
    "layer_gflops": {"fp32": 100.0, "bf16": 400.0},
    "bandwidth_gb_s": 20.0,
    "operator_us": 50.0,
    "view_ms": 0.5,
    "step": {
        "flop": 4_000_000_000,
        "forward_flop": 1_400_000_000,
        "bytes": 400_000_000,
        "memory_bytes": 200_000_000,
        "operators": 200,
        "learning_weights": 1000,
    },
    "faults": [],
}
PHASES = {
    "took_ms": 100,
    "data_ms": 20,
    "copy_ms": 1,
    "forward_ms": 26,
    "backward_ms": 48,
    "optimiser_ms": 4,
    "hook_ms": 0,
    "other_ms": 1,
    "images": 16,
    "epoch": 1,
}

Run = Callable[..., Advised]


def shares(advised: Advised) -> dict[str, float]:
    return {loss.name: loss.share for loss in advised.losses}


def changes(advised: Advised, beginning: str) -> list[Prediction]:
    return [one for one in advised.predictions if one.change.startswith(beginning)]
