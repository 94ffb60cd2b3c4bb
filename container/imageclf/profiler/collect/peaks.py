"""How fast this machine computes and moves bytes: short measurements, the best of a few.

Nothing random is drawn, and nothing of the training is touched. Each figure comes from a second's
fraction, so it is good to some per cent, and less on a machine that is busy with something else.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from imageclf.profiler.collect.counting import Operator

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_LAYERS = 2
_REPEATS, _ENOUGH_S, _LONG_S = 8, 0.03, 0.5
_CHAIN = 12
_OPERATORS_A_LINK = 6
"""Convolution, norm and activation, forth and back."""

_CONVOLUTION, _MATMULS = "aten.convolution", {"aten.addmm": 1, "aten.mm": 0}


@dataclass(frozen=True)
class Layer:
    """A layer of the network that takes much of its arithmetic.

    Args:
        flop: of all its kind in a step's forward pass.
        arguments: of the operator `name`, tensors as shapes.
    """

    name: str
    flop: int
    arguments: tuple[object, ...]


def heaviest(operators: Iterable[Operator]) -> list[Layer]:
    """The kinds of convolutions and matrix products that have most of the forward pass."""
    flop: Counter[tuple[str, str]] = Counter()
    of_kind = {}
    for one in operators:
        if one.forward and one.flop and (one.name == _CONVOLUTION or one.name in _MATMULS):
            kind = (one.name, repr(one.arguments))
            flop[kind] += one.flop
            of_kind[kind] = one
    return [
        Layer(kind[0], count, of_kind[kind].arguments) for kind, count in flop.most_common(_LAYERS)
    ]


class Bench:
    """Measures on one device, with the threads that the process has set.

    Args:
        most_flop: of one pass forward through a layer; pictures are left out until it fits.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        device: torch.device,
        channels_last: bool,
        most_flop: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._device = device
        self._layout = torch.channels_last if channels_last else torch.contiguous_format
        self._most_flop = most_flop
        self._clock = clock

    def matmul_gflops(self, precision: str, side: int) -> float:
        """Rate of a square matrix product."""
        left, right = (self._filled((side, side), precision) for _ in range(2))
        return 2 * side**3 / self.best_s(lambda: left @ right) / 1e9

    def layers_gflops(self, layers: Sequence[Layer], precision: str) -> float:
        """Rate of the heaviest layers, forth and back, weighted by their share of the network."""
        time_s = flop = 0.0
        for layer in layers:
            flop += layer.flop
            time_s += layer.flop / (self._layer_gflops(layer, precision) * 1e9)
        return flop / time_s / 1e9 if time_s else float("nan")

    def bandwidth_gb_s(self, buffer_bytes: int) -> float:
        """Of copies: what is read and what is written both count.

        What a processor reads because it is about to write there does not.
        """
        source = torch.zeros(buffer_bytes, dtype=torch.uint8, device=self._device)
        target = torch.empty_like(source)
        return 2 * buffer_bytes / self.best_s(lambda: target.copy_(source)) / 1e9

    def operator_us(self) -> float:
        """What calling an operator takes beside its arithmetic, forth and back.

        Measured on a chain of convolution, batch norm and activation of almost nothing.
        """
        weight = torch.ones((8, 8, 1, 1), device=self._device, requires_grad=True)
        scale = torch.ones(8, device=self._device, requires_grad=True)
        mean, variance = (torch.ones(8, device=self._device) for _ in range(2))
        start_bchw = torch.ones((2, 8, 2, 2), device=self._device)

        def chain() -> None:
            images_bchw = start_bchw
            for _ in range(_CHAIN):
                images_bchw = functional.conv2d(images_bchw, weight)
                images_bchw = functional.batch_norm(
                    images_bchw, mean, variance, scale, scale, training=True
                )
                images_bchw = functional.relu(images_bchw)
            torch.autograd.grad(images_bchw.sum(), (weight, scale))

        return self.best_s(chain) / (_CHAIN * _OPERATORS_A_LINK) * 1e6

    def best_s(self, work: Callable[[], object], least: int = 1) -> float:
        """Shortest time that `work` took; the first call only counts where it took long.

        Args:
            least: it is called so often again at least, so that other work on the machine spoils
                one time and not the figure.
        """
        began_s = self._clock()
        work()
        self._wait()
        if (first_s := self._clock() - began_s) > _LONG_S:
            return first_s
        spent_s, best_s = 0.0, float("inf")
        for repeats in range(1, _REPEATS + 1):
            began_s = self._clock()
            work()
            self._wait()
            took_s = self._clock() - began_s
            spent_s, best_s = spent_s + took_s, min(best_s, took_s)
            if spent_s > _ENOUGH_S and repeats >= least:
                break
        return max(best_s, 1e-9)

    def _layer_gflops(self, layer: Layer, precision: str) -> float:
        """Forth and both ways back, which take as much each."""
        if layer.name == _CONVOLUTION:
            work, flop = self._convolution(layer, precision)
        else:
            work, flop = self._product(layer, precision)
        return 3 * flop / self.best_s(work) / 1e9

    def _convolution(self, layer: Layer, precision: str) -> tuple[Callable[[], object], float]:
        shape, weight_shape, _, *others = layer.arguments
        assert isinstance(shape, tuple)
        assert isinstance(weight_shape, tuple)
        weight = self._filled(weight_shape, precision).contiguous(memory_format=self._layout)
        images_bchw = self._filled((1, *shape[1:]), precision)
        output = _convolve(images_bchw, weight, tuple(others))
        each = 2 * output.numel() * weight[0].numel()
        count = max(1, min(shape[0], int(self._most_flop / each)))
        images_bchw = self._filled((count, *shape[1:]), precision)
        images_bchw = images_bchw.contiguous(memory_format=self._layout)
        both = (images_bchw.requires_grad_(), weight.requires_grad_())

        def work() -> object:
            result = _convolve(*both, tuple(others))
            return torch.autograd.grad(result, both, torch.ones_like(result))

        return work, float(count * each)

    def _product(self, layer: Layer, precision: str) -> tuple[Callable[[], object], float]:
        first = _MATMULS[layer.name]
        left_shape, right_shape = layer.arguments[first : first + 2]
        assert isinstance(left_shape, tuple)
        assert isinstance(right_shape, tuple)
        each = 2 * left_shape[1] * right_shape[1]
        rows = max(1, min(left_shape[0], int(self._most_flop / each)))
        left = self._filled((rows, left_shape[1]), precision).requires_grad_()
        right = self._filled(right_shape, precision).requires_grad_()

        def work() -> object:
            result = left @ right
            return torch.autograd.grad(result, (left, right), torch.ones_like(result))

        return work, float(rows * each)

    def _filled(self, shape: tuple[int, ...], precision: str) -> Tensor:
        """Small numbers of both signs, without a random draw."""
        count = torch.Size(shape).numel()
        values = torch.arange(count, device=self._device, dtype=torch.float32)
        return (values.remainder_(7).sub_(3) / 8).reshape(shape).to(DTYPES[precision])

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def cache_bytes(device: torch.device, caches: Path = _CACHES) -> int:
    """The last cache before memory; 0 where it is not known. Source: Linux, `sysfs-devices-cpu`."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).L2_cache_size)
    sizes = (_read_size(path) for path in caches.glob("index*/size"))
    return max(sizes, default=0)


def _read_size(path: Path) -> int:
    try:
        text = path.read_text(encoding="ascii").strip()
        return int(text.rstrip("KM")) << {"K": 10, "M": 20}.get(text[-1:], 0)
    except (OSError, ValueError):
        return 0


def _convolve(images_bchw: Tensor, weight: Tensor, arguments: tuple[object, ...]) -> Tensor:
    """As in a network; `arguments` are those of the operator that follow the bias."""
    result: Tensor = torch.ops.aten.convolution(images_bchw, weight, None, *arguments)
    return result
