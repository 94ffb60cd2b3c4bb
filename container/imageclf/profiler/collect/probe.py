"""What the machine can do and what the model asks of it, measured once before the first step.

Advice stands on these figures. The network is left as it was: weights, gradients, buffers, modes,
and the state of every random generator.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from imageclf.profiler.collect import counting
from imageclf.profiler.collect.counting import Operator
from imageclf.profiler.collect.passes import Passes, numbers_of_pictures
from imageclf.profiler.collect.peaks import Bench, cache_bytes, heaviest

log = logging.getLogger(__name__)

_OPTIMISER_BYTES = 28
"""For each learning weight: it, its gradient and two moments are read, all but the gradient
written, in 32 bits (AdamW)."""

_CPU_MOST_FLOP, _GPU_MOST_FLOP = 4e8, 1e13
_CPU_PASS_FLOP, _GPU_PASS_FLOP = 2.5e10, 1e14
_CPU_MATMUL_SIDE, _GPU_MATMUL_SIDE = 768, 8192
_CPU_BUFFER_BYTES, _GPU_BUFFER_BYTES = 1 << 26, 1 << 29
_RAW_SHARE = 0.875

# Whatever an operator raises that this build, this device or `meta` does not have; and no room.
_FAULTS = (
    RuntimeError,
    TypeError,
    ValueError,
    AttributeError,
    AssertionError,
    LookupError,
    MemoryError,
)


def measure(
    network: nn.Module,
    *,
    device: torch.device,
    precision: str,
    batch_size: int,
    image_size: int,
    channels_last: bool,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """The content of `machine.json`; takes a second or two on a CPU.

    Args:
        network: as it is trained, on its device.
        precision: `fp32`, `bf16` or `fp16`, the arithmetic of the training.
        batch_size: of this process.
        clock: seconds that only go forward.

    Returns:
        - `peak_gflops`: for each precision the best of a matrix product and of the network's own
          heaviest layers, `matmul_gflops` and `layer_gflops`; the latter forth and back.
        - `bandwidth_gb_s`: of copies, read and written bytes both counted.
        - `operator_us`: what calling an operator takes beside its arithmetic.
        - `view_ms`: making one picture out of raw pixels, on one thread.
        - `passes_ms`: for each precision what passes forth and back took, by number of pictures.
        - `step`: `flop` and `bytes` of a step, see `asked_of`.
        - `faults`: a sentence for each figure that is missing.
    """
    began_s = time.perf_counter()
    # cuDNN would try out every way to compute each shape, for seconds.
    with torch.backends.cudnn.flags(
        benchmark=False,
        deterministic=torch.backends.cudnn.deterministic,
        allow_tf32=torch.backends.cudnn.allow_tf32,
    ):
        found = _measure(
            network,
            device,
            precision=precision,
            batch_size=batch_size,
            image_size=image_size,
            channels_last=channels_last,
            clock=clock,
        )
    if device.type == "cuda":
        torch.cuda.empty_cache()
    found["took_s"] = time.perf_counter() - began_s
    return found


def _measure(
    network: nn.Module,
    device: torch.device,
    *,
    precision: str,
    batch_size: int,
    image_size: int,
    channels_last: bool,
    clock: Callable[[], float],
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "device": device.type,
        "threads": torch.get_num_threads(),
        "precision": precision,
        "batch_size": batch_size,
        "image_size": image_size,
        "channels_last": channels_last,
        "faults": [],
    }
    operators: list[Operator] = []
    try:
        operators = counting.operators_of_a_step(
            network, precision=precision, batch_size=batch_size, image_size=image_size
        )
    except _FAULTS as error:
        _note(found, "The operations of a step were not counted", error)
    is_cuda = device.type == "cuda"
    bench = Bench(device, channels_last, _GPU_MOST_FLOP if is_cuda else _CPU_MOST_FLOP, clock)
    try:
        _measure_memory(bench, found, device)
    except _FAULTS as error:
        _note(found, "The speed of the memory was not measured", error)
    for kind in dict.fromkeys((precision, "bf16")):
        try:
            _measure_arithmetic(bench, found, kind, operators, is_cuda)
        except _FAULTS as error:
            _note(found, f"The speed of {kind} was not measured", error)
    if operators:
        found["step"] = asked_of(network, operators, found)
        try:
            _measure_passes(bench, found, network, device)
        except _FAULTS as error:
            _note(found, "Passes of the network were not measured", error)
    return found


def asked_of(
    network: nn.Module, operators: list[Operator], measured: dict[str, Any]
) -> dict[str, int]:
    """What one step asks of the machine.

    `bytes` are those of operators whose tensors do not fit into the cache together, and of the
    optimiser; `all_bytes` those of every operator. `memory_bytes` are of the operators that the
    memory bounds: moving takes longer there than computing, by the peaks in `measured`.
    """
    cache = int(measured.get("cache_bytes", 0))
    learning = sum(one.numel() for one in network.parameters() if one.requires_grad)
    optimiser = _OPTIMISER_BYTES * learning
    peak = measured.get("peak_gflops", {}).get(measured["precision"], float("inf"))
    bandwidth = measured.get("bandwidth_gb_s", float("inf"))
    far = [one for one in operators if one.moved_bytes > cache]
    bound = [one for one in far if one.moved_bytes / bandwidth > one.flop / peak]
    forward = [one for one in operators if one.forward]
    weights = sum(one.numel() for one in network.parameters())
    return {
        "flop": sum(one.flop for one in operators),
        "forward_flop": sum(one.flop for one in forward),
        "bytes": sum(one.moved_bytes for one in far) + optimiser,
        "all_bytes": sum(one.moved_bytes for one in operators) + optimiser,
        "memory_bytes": sum(one.moved_bytes for one in bound),
        "operators": len(operators),
        "forward_operators": len(forward),
        "weights": weights,
        "learning_weights": learning,
    }


def _measure_memory(bench: Bench, found: dict[str, Any], device: torch.device) -> None:
    is_cuda = device.type == "cuda"
    found["cache_bytes"] = cache_bytes(device)
    buffer = _GPU_BUFFER_BYTES if is_cuda else _CPU_BUFFER_BYTES
    found["bandwidth_gb_s"] = bench.bandwidth_gb_s(max(buffer, 2 * found["cache_bytes"]))
    found["operator_us"] = bench.operator_us()
    found["view_ms"] = _view_ms(int(found["image_size"]))


def _measure_arithmetic(
    bench: Bench, found: dict[str, Any], kind: str, operators: list[Operator], is_cuda: bool
) -> None:
    side = _GPU_MATMUL_SIDE if is_cuda else _CPU_MATMUL_SIDE
    matmul = bench.matmul_gflops(kind, side)
    found.setdefault("matmul_gflops", {})[kind] = matmul
    found.setdefault("peak_gflops", {})[kind] = matmul
    if layers := heaviest(operators):
        rate = bench.layers_gflops(layers, kind)
        found.setdefault("layer_gflops", {})[kind] = rate
        found["peak_gflops"][kind] = max(matmul, rate)


def _measure_passes(
    bench: Bench, found: dict[str, Any], network: nn.Module, device: torch.device
) -> None:
    """With few pictures in the arithmetic in use; with more, in bf16 too."""
    enough_flop = _GPU_PASS_FLOP if device.type == "cuda" else _CPU_PASS_FLOP
    size, batch_size = int(found["image_size"]), int(found["batch_size"])
    numbers = numbers_of_pictures(batch_size, found["step"]["flop"] / batch_size, enough_flop)
    if not numbers:
        return
    passes = Passes(network, device, size, bool(found["channels_last"]))
    for kind in dict.fromkeys((str(found["precision"]), "bf16")):
        counts = numbers if kind == found["precision"] else numbers[-1:]
        times = {str(count): passes.ms(bench, kind, count) for count in counts}
        found.setdefault("passes_ms", {})[kind] = times


def _view_ms(image_size: int) -> float:
    """Making a view out of the raw pixels of a picture somewhat larger, on one thread."""
    side = round(image_size / _RAW_SHARE)
    raw_hwc = torch.zeros((side, side, 3), dtype=torch.uint8)
    bench = Bench(torch.device("cpu"), channels_last=False, most_flop=0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        took_s = bench.best_s(
            lambda: nn.functional.interpolate(
                raw_hwc[None].permute(0, 3, 1, 2),
                (image_size, image_size),
                mode="bilinear",
                antialias=True,
            )
        )
    finally:
        torch.set_num_threads(threads)
    return took_s * 1e3


def _note(found: dict[str, Any], what: str, error: BaseException) -> None:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    sentence = f"{what} ({reason}); advice leaves out what needs it."
    found["faults"].append(sentence)
    log.warning("%s", sentence)
