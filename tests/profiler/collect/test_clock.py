"""The clock of the training loop: phases add up to steps, and nothing else is counted as a step."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from imageclf.data.loading import Batch, Read
from imageclf.profiler import names
from imageclf.profiler.collect.clock import NO_CLOCK, Clock
from imageclf.profiler.collect.device_time import DeviceTime
from imageclf.profiler.collect.kernels import NoWindows
from imageclf.profiler.collect.recording import Recording
from imageclf.profiler.recorded import Stretch, Table
from imageclf.profiler.run import Profile

WORKER = "host-0"
MS = 1_000_000


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns

    def spend(self, ms: float) -> None:
        self.now_ns += int(ms * MS)


@dataclass
class Bench:
    """A clock, its recording and what becomes of it."""

    folder: Path
    hand: Hand = field(default_factory=Hand)
    windows: NoWindows = field(default_factory=NoWindows)
    device: DeviceTime | None = None

    def __post_init__(self) -> None:
        self.recording = Recording(self.folder, WORKER, flush_s=0.05)
        self.recording.facts({"rank": 0, "began_ns": 0})
        self.clock = Clock(self.recording, self.device, self.windows, now_ns=self.hand)

    def done(self) -> Stretch:
        self.clock.close()
        self.recording.close()
        profile = Profile(self.folder)
        profile.refresh()
        assert not profile.notes
        return profile.whole()

    def steps(self, mode: int = names.TRAIN) -> Table:
        table = self.done().steps[WORKER]
        return table.where(table[names.MODE] == mode)


def batches(hand: Hand, waits_ms: list[float]) -> Iterator[Batch]:
    for number, wait_ms in enumerate(waits_ms):
        hand.spend(wait_ms)
        yield batch(Read(hand.now_ns - MS, MS, 100_000, 900_000, 4, number, 1))


def batch(read: Read | None = None) -> Batch:
    empty = torch.empty(0)
    return Batch(empty, empty, empty, read)


def step(bench: Bench, **spent_ms: float) -> None:
    """What the learner does in a step."""
    for phase, ms in spent_ms.items():
        bench.clock.enter(phase)
        bench.hand.spend(ms)
    bench.clock.enter(names.OTHER)
    bench.clock.step_ends(images=4)


def milliseconds(table: Table, *phases: str) -> list[list[float]]:
    return [[round(float(one), 2) for one in table[names.host_column(phase)]] for phase in phases]


def test_phases_are_timed_and_add_up_to_the_step(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.clock.begins(epoch=1, steps=2)
    for _ in bench.clock.waiting(batches(bench.hand, [30, 5])):
        step(bench, copy=1, forward=10, hook=2, optimiser=1, backward=20)
        bench.hand.spend(3)
    steps = bench.steps()
    assert steps[names.STEP].tolist() == [0, 1]
    assert steps[names.EPOCH].tolist() == [1, 1]
    assert steps[names.IMAGES].tolist() == [4, 4]
    assert milliseconds(steps, "data", "copy", "forward", "backward") == [
        [30, 5],
        [1, 1],
        [10, 10],
        [20, 20],
    ]
    assert milliseconds(steps, "optimiser", "hook", "other") == [[1, 1], [2, 2], [0, 3]]
    total = sum(steps[names.host_column(phase)] for phase in names.PHASES)
    assert np.allclose(total, steps[names.TOOK], rtol=1e-4)


def test_a_phase_that_comes_twice_in_a_step_is_added_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.clock.begins(epoch=1, steps=1)
    for ms in (1, 4):
        bench.clock.enter(names.OPTIMISER)
        bench.hand.spend(ms)
        bench.clock.enter(names.BACKWARD)
        bench.hand.spend(10)
    bench.clock.step_ends(images=4)
    assert milliseconds(bench.steps(), "optimiser", "backward") == [[5], [20]]


def test_a_checkpoint_between_steps_is_a_span_and_belongs_to_no_step(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.clock.begins(epoch=1, steps=2)
    for _ in bench.clock.waiting(batches(bench.hand, [1, 1])):
        step(bench, forward=10)
        with bench.clock.aside(names.CHECKPOINT):
            bench.hand.spend(500)
    whole = bench.done()
    assert np.allclose(whole.steps[WORKER][names.TOOK], [11, 11], rtol=1e-4)
    assert np.allclose(whole.steps[WORKER].at_s, [0, 0.511])
    assert [(one.name, round(one.at_s, 3), one.took_s) for one in whole.spans] == [
        (names.CHECKPOINT, 0.011, 0.5),
        (names.CHECKPOINT, 0.522, 0.5),
    ]


def test_evaluation_has_steps_of_its_own_and_training_goes_on_counting(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for epoch in (1, 2):
        bench.clock.begins(epoch, steps=1)
        for _ in bench.clock.waiting(batches(bench.hand, [1])):
            step(bench, forward=10)
        bench.hand.spend(1000)
        with bench.clock.evaluating(epoch):
            for _ in bench.clock.waiting(batches(bench.hand, [2, 2])):
                step(bench, copy=1, forward=5)
    whole = bench.done()
    table = whole.steps[WORKER]
    train, seen = (table.where(table[names.MODE] == mode) for mode in (names.TRAIN, names.EVAL))
    assert train[names.STEP].tolist() == [0, 1]
    assert np.allclose(train[names.TOOK], 11, rtol=1e-4)
    assert seen[names.STEP].tolist() == [0, 1, 2, 3]
    assert np.allclose(seen[names.TOOK], 8, rtol=1e-4)
    assert seen[names.EPOCH].tolist() == [1, 1, 2, 2]
    passes = [one for one in whole.spans if one.name == names.EVALUATION]
    assert [one.took_s for one in passes] == [0.016, 0.016]


def test_what_the_readers_measured_is_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.clock.begins(epoch=1, steps=2)
    for _ in bench.clock.waiting(batches(bench.hand, [30, 5])):
        step(bench, forward=1)
    reads = bench.done().reads[WORKER]
    assert reads[names.WORKER].tolist() == [0, 1]
    assert np.allclose(reads[names.TOOK], 1, rtol=1e-4)
    assert np.allclose(reads[names.FETCH], 0.1, rtol=1e-4)
    assert np.allclose(reads[names.DECODE], 0.9, rtol=1e-4)


def test_batches_that_say_nothing_of_their_reading_are_fine(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.clock.begins(epoch=1, steps=1)
    assert len(list(bench.clock.waiting([batch(), torch.empty(0)]))) == 2
    bench.recording.close()


class Noted(NoWindows):
    """Takes down what it is told."""

    def __init__(self, hand: Hand) -> None:
        self.told: list[str] = []
        self._hand = hand

    def step_begins(self, step: int, left: int) -> None:  # noqa: ARG002
        self.told.append(f"begins {step}")

    def step_ends(self, step: int) -> None:
        self.told.append(f"ends {step}")
        self._hand.spend(700)


def test_windows_are_told_of_steps_in_order_never_across_an_evaluation(tmp_path: Path) -> None:
    hand = Hand()
    windows = Noted(hand)
    bench = Bench(tmp_path, hand, windows)
    for epoch in (1, 2):
        bench.clock.begins(epoch, steps=2)
        for _ in bench.clock.waiting(batches(hand, [1, 1])):
            step(bench, forward=1)
        windows.told.append("evaluation")
        with bench.clock.evaluating(epoch):
            step(bench, forward=1)
    one_epoch = ["begins 0", "ends 0", "begins 1", "ends 1", "evaluation"]
    assert windows.told[:5] == one_epoch
    assert windows.told[5:] == ["begins 2", "ends 2", "begins 3", "ends 3", "evaluation"]


def test_what_looking_closely_takes_is_counted_in_no_step(tmp_path: Path) -> None:
    hand = Hand()
    bench = Bench(tmp_path, hand, Noted(hand))
    bench.clock.begins(epoch=1, steps=2)
    for _ in bench.clock.waiting(batches(hand, [1, 1])):
        step(bench, forward=10)
    whole = bench.done()
    assert np.allclose(whole.steps[WORKER][names.TOOK], 11, rtol=1e-4)
    assert [one.name for one in whole.spans] == [names.KERNELS, names.KERNELS]


class FakeGpu:
    """A stream on which each phase takes so long after it was asked for."""

    def __init__(self, hand: Hand, late_ms: float) -> None:
        self.hand, self.late_ms = hand, late_ms
        self.made = 0

    def event(self) -> "FakeEvent":
        self.made += 1
        return FakeEvent(self)


class FakeEvent:
    """As torch's: recorded at once on the host, reached by the GPU later."""

    def __init__(self, gpu: FakeGpu) -> None:
        self._gpu = gpu
        self.at_ns = -1

    def record(self) -> None:
        self.at_ns = self._gpu.hand.now_ns

    def query(self) -> bool:
        return self._gpu.hand.now_ns >= self.at_ns + self._gpu.late_ms * MS

    def synchronize(self) -> None:
        self._gpu.hand.now_ns = max(self._gpu.hand.now_ns, self.at_ns + int(self._gpu.late_ms * MS))

    def elapsed_time(self, end_event: "FakeEvent", /) -> float:
        assert self.query() and end_event.query(), "asked before the GPU was there"
        return (end_event.at_ns - self.at_ns) / MS


@pytest.mark.parametrize("late_ms", [0.0, 25.0, 1e6], ids=["in-step", "behind", "far-behind"])
def test_the_times_of_a_gpu_come_without_waiting_for_it(tmp_path: Path, late_ms: float) -> None:
    hand = Hand()
    gpu = FakeGpu(hand, late_ms)
    bench = Bench(tmp_path, hand, device=DeviceTime(gpu.event))
    bench.clock.begins(epoch=1, steps=20)
    before_ns = hand.now_ns
    for _ in bench.clock.waiting(batches(hand, [2.0] * 20)):
        step(bench, copy=1, hook=3, forward=4, backward=5, optimiser=6)
    assert hand.now_ns - before_ns == 20 * 21 * MS, "the training waited for the GPU"
    steps = bench.steps()
    assert len(steps) == 20
    for phase, ms in {"copy": 1, "forward": 4, "backward": 5, "optimiser": 6}.items():
        assert np.allclose(steps[names.device_column(phase)], ms, rtol=1e-4)


def test_events_of_a_gpu_are_used_again(tmp_path: Path) -> None:
    hand = Hand()
    gpu = FakeGpu(hand, late_ms=25.0)
    bench = Bench(tmp_path, hand, device=DeviceTime(gpu.event))
    bench.clock.begins(epoch=1, steps=100)
    for _ in bench.clock.waiting(batches(hand, [2.0] * 100)):
        step(bench, copy=1, forward=4, backward=5, optimiser=6)
    bench.done()
    assert gpu.made < 30


def test_without_a_profiler_nothing_is_taken_down(tmp_path: Path) -> None:
    given = [batch(), batch()]
    assert NO_CLOCK.waiting(given) is given
    with NO_CLOCK.evaluating(1), NO_CLOCK.aside(names.CHECKPOINT):
        NO_CLOCK.enter(names.FORWARD)
        NO_CLOCK.step_ends(images=1)
    assert not list(tmp_path.iterdir())
