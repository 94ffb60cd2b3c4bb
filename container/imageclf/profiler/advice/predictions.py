"""What the run would take and cost with one change, each by the model that its `basis` states."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from imageclf.profiler import names
from imageclf.profiler.advice.batch import batch_cost
from imageclf.profiler.advice.measured import Measured
from imageclf.profiler.advice.model import StepModel
from imageclf.profiler.advice.numbers import known, number, or_zero, positive, shown
from imageclf.profiler.advice.values import Prediction
from imageclf.profiler.advice.work import Work, passes_ms
from imageclf.report.figures import data_size, percent

PAYS = 0.03
"""Share of the run's time that a change must save to be advised."""

MOST_READERS = 16
_AS_GOOD = 0.02
_BATCHES = (0.5, 2.0, 4.0)
_RAW_SHARE = 0.875
"""Pictures are kept decoded somewhat larger than the network sees them, so that views differ."""

_ERRORS = {
    "precision": 0.15,
    "batch-size": 0.22,
    "workers": 0.12,
    "cached decoding": 0.04,
    "cached features": 0.10,
}
"""The largest that was seen when such advice was followed, by `bench.profile advice` on two
networks, and with `--alone` on three (docs/performance.md)."""

_NARROW = {"bf16", "fp16"}


@dataclass(frozen=True)
class Run:
    """What all predictions are made from."""

    measured: Measured
    model: StepModel
    parts: Work
    price_an_hour: float

    def predict(
        self, change: str, said: str, basis: str, step_ms: float, steps: float | None = None
    ) -> Prediction:
        """The run with `steps` whole batches of `step_ms`, all else as it was."""
        times, was = self.measured.times, self.measured.batches * self.measured.step_ms / 1e3
        becomes = (self.measured.batches if steps is None else steps) * step_ms / 1e3
        run_s = max(0.0, times.loop_s - was) + becomes
        return Prediction(
            change=change,
            said=said,
            basis=basis,
            step_ms=step_ms,
            run_s=run_s,
            saved_share=1 - run_s / max(times.loop_s, was) if was else 0.0,
            run_cost=self.cost(times.total_s - times.loop_s + run_s),
            error=_ERRORS.get(change.partition("=")[0]),
        )

    def cost(self, seconds: float) -> float | None:
        """Dollars for all hosts; None without a price."""
        if math.isnan(self.price_an_hour):
            return None
        return self.price_an_hour * self.measured.hosts * seconds / 3600


def predictions(run: Run) -> tuple[Prediction, ...]:
    """All changes that can be predicted, what saves most first."""
    kinds: tuple[Callable[[Run], Iterator[Prediction]], ...] = (
        _readers,
        _batches,
        _bf16,
        _cached_decoding,
        _cached_features,
    )
    found = [one for kind in kinds for one in _worth(list(kind(run)))]
    return tuple(sorted(found, key=lambda one: -one.saved_share))


def _worth(alternatives: Sequence[Prediction]) -> Iterator[Prediction]:
    """Of several values of one setting the first that is about as good as the best pays."""
    best = max((one.saved_share for one in alternatives), default=0.0)
    chosen = next((one for one in alternatives if one.saved_share >= best - _AS_GOOD), None)
    for one in alternatives:
        yield replace(one, pays=one is chosen and one.saved_share >= PAYS)


def _readers(run: Run) -> Iterator[Prediction]:
    measured = run.measured
    if not run.model.reading_ms:
        return
    basis = (
        f"A picture takes {shown(run.model.reading_ms)} ms to read, as measured; with N processes "
        "a step takes the longest of computing, reading / N, and the work of all cores / cores."
    )
    most = min(MOST_READERS, 2 * run.model.cores)
    for count in (1, 2, 4, 8, 16):
        if count <= most and count != measured.readers:
            step_ms = run.model.with_readers(count).step_ms
            rate = measured.images_per_s(step_ms)
            readers = "one process that reads" if count == 1 else f"{count} processes that read"
            said = f"With {readers} pictures beside the model: {shown(rate)} images/s."
            yield run.predict(f"workers={count}", said, basis, step_ms)


def _batches(run: Run) -> Iterator[Prediction]:
    measured, cost = run.measured, batch_cost(run.measured, run.parts)
    size = or_zero(positive(measured.facts, "global_batch_size")) or measured.images
    if not size or cost is None:
        return
    basis = (
        f"Of a step's computing {shown(cost.fixed_ms)} ms stay whatever the batch and "
        f"{shown(cost.growing_ms)} ms grow with it, by {cost.source}."
    )
    most = or_zero(positive(measured.facts, "train_images")) / 2
    for factor in _BATCHES:
        asked = round(size * factor)
        if not 2 <= asked <= most or factor > measured.batch_room:
            continue
        step_ms = run.model.with_images(factor, cost.compute_ms(factor)).step_ms
        rate = measured.images_per_s(step_ms) * factor
        said = (
            f"With {asked} pictures a step: {shown(rate)} images/s. It learns otherwise then: "
            "look at lr and at the accuracy."
        )
        steps = measured.batches / factor
        yield run.predict(f"batch-size={asked}", said, basis, step_ms, steps)


def _bf16(run: Run) -> Iterator[Prediction]:
    measured = run.measured
    found = _passes_in_bf16(run) or _layers_in_bf16(run)
    if measured.precision in _NARROW or found is None:
        return
    compute_ms, basis = found
    said = (
        f"Computing in bf16 takes {shown(compute_ms)} instead of {shown(measured.compute_ms)} ms "
        "a step; accuracy is mostly the same, look at it once."
    )
    yield run.predict("precision=bf16", said, basis, run.model.with_compute(compute_ms).step_ms)


def _passes_in_bf16(run: Run) -> tuple[float, str] | None:
    """Computing as passes of the network itself say, that were tried in both."""
    measured, tried = run.measured, run.measured.machine.get("passes_ms")
    then = tried.get("bf16") if isinstance(tried, Mapping) else None
    for count in then if isinstance(then, Mapping) else ():
        was = positive(measured.machine, "passes_ms", measured.precision, count)
        becomes = positive(measured.machine, "passes_ms", "bf16", count)
        if known(was, becomes):
            saved_ms = passes_ms(measured) * (1 - becomes / was)
            basis = (
                f"Forth and back with {count} pictures this network took {shown(becomes)} ms in "
                f"bf16 and {shown(was)} in {measured.precision} here; forward and backward pass "
                "change by that, all else stays."
            )
            return measured.compute_ms - saved_ms, basis
    return None


def _layers_in_bf16(run: Run) -> tuple[float, str] | None:
    """Computing as the heaviest layers say, where the network was too large to be tried."""
    measured, parts = run.measured, run.parts
    now = positive(measured.machine, "layer_gflops", measured.precision)
    then = positive(measured.machine, "layer_gflops", "bf16")
    if not known(now, then, parts.arithmetic_ms):
        return None
    memory = or_zero(parts.memory_ms)
    saved_ms = parts.arithmetic_ms * (1 - now / then) + memory / 2
    basis = (
        f"The model's heaviest layers reach {shown(then)} GFLOP/s in bf16 and {shown(now)} in "
        f"{measured.precision} here; the arithmetic of a step becomes faster by that, bytes are "
        "halved, all else stays."
    )
    floor_ms = min(or_zero(parts.calls_ms), measured.compute_ms) if measured.is_cuda else 0.0
    return max(measured.compute_ms - saved_ms, floor_ms), basis


def _cached_decoding(run: Run) -> Iterator[Prediction]:
    measured = run.measured
    view_ms = positive(measured.machine, "view_ms")
    bandwidth = positive(measured.machine, "bandwidth_gb_s")
    size = positive(measured.facts, "image_size")
    if measured.reading is None or not known(view_ms, bandwidth, size):
        return
    raw_mb = 3 * (size / _RAW_SHARE) ** 2 / 1e6
    reading_ms = min(run.model.reading_ms, raw_mb / bandwidth + view_ms)
    step_ms = run.model.with_reading(reading_ms).step_ms
    basis = (
        f"Decoding falls away ({shown(measured.reading.decode_ms)} ms a picture, as measured); "
        f"{data_size(raw_mb * 1e6)} of raw pixels are read at {shown(bandwidth)} GB/s from memory, "
        f"and a view of them takes {shown(view_ms)} ms."
    )
    need = raw_mb * 1e6 * or_zero(positive(measured.facts, "train_images"))
    said = (
        f"With pictures kept decoded, in {data_size(need)}: {shown(step_ms)} ms a step. No setting "
        "does that; files that are stored no larger than the network sees them come near."
    )
    yield run.predict("cached decoding", said, basis, step_ms)


def _cached_features(run: Run) -> Iterator[Prediction]:
    """A frozen backbone gives the same features for the same view in each epoch."""
    measured = run.measured
    forward = positive(measured.machine, "step", "forward_flop")
    learning = number(measured.machine, "step", "learning_weights")
    batch = positive(measured.machine, "batch_size")
    first = _first_epoch(measured)
    if measured.facts.get("train") != "head" or not known(forward, learning, batch, first):
        return
    head = min(1.0, 2 * learning * batch / forward)
    later_ms = _compute_ms_of_features(measured, head)
    basis = (
        "The backbone is frozen: after the first epoch its part of the forward pass "
        f"({percent(1 - head)} of the operations) and the reading and copying of pictures fall "
        "away; reading features is neglected. The step is the mean of all epochs."
    )
    said = (
        f"With features kept from the first epoch, later steps take {shown(later_ms)} ms; each "
        "picture is then seen in one view only. No setting does that; it is what a head trained on "
        "saved features would take."
    )
    mean_ms = first * measured.step_ms + (1 - first) * later_ms
    yield run.predict("cached features", said, basis, mean_ms)


def _compute_ms_of_features(measured: Measured, head: float) -> float:
    """Computing of a step that begins at the head, which has this share of the forward pass.

    Where a GPU is busier than its process, its times are those that fall away; what remains at
    least is the calling of the operators of backward pass and optimiser.
    """
    copy_ms, forward_ms = (
        max(measured.phase_ms[phase], measured.device_ms.get(phase, 0.0))
        for phase in (names.COPY, names.FORWARD)
    )
    of_pass = [number(measured.machine, "step", f"{part}operators") for part in ("", "forward_")]
    calls_ms = (of_pass[0] - of_pass[1]) * positive(measured.machine, "operator_us") / 1e3
    least_ms = min(or_zero(calls_ms), measured.compute_ms)
    return max(measured.compute_ms - copy_ms - forward_ms * (1 - head), least_ms)


def _first_epoch(measured: Measured) -> float:
    """Its share of the steps that were taken; NaN when there was no second one."""
    epochs = measured.steps / positive(measured.facts, "steps_per_epoch")
    if math.isnan(epochs):
        epochs = positive(measured.facts, "epochs")
    return 1 / epochs if epochs > 1 else math.nan
