import math

import numpy as np

from imageclf.debugger.names import WEIGHTS
from imageclf.debugger.report.reading import MAX_STEPS, WHOLE_STEPS, Reader
from imageclf.debugger.saved import Mode, Saved
from imageclf.debugger.statistics import Values
from imageclf.debugger.tensors.run import StoredStep
from imageclf.errors import TensorsError
from tests.debugger.report.sample import steps


def mean(tensor: Saved) -> float | None:
    return tensor.statistic("abs_mean")


def of_weights(reader: Reader) -> tuple[tuple[int, ...], list[float]]:
    wish = reader.ask(lambda step: step.select(WEIGHTS), mean)
    reader.read()
    history = wish.history()
    return history.steps, history.values[0].tolist() if len(history.values) else []


def weight(worker: str = "worker_0", **more: float) -> Saved:
    known = {name: np.asarray(value) for name, value in more.items()}
    return Saved("w", frozenset({WEIGHTS}), worker=worker, shape=(9, 9), saved_statistics=known)


def whole(load: object) -> Saved:
    return Saved("w", frozenset({WEIGHTS}), shape=(100, 100), load=load)  # type: ignore[arg-type]


def test_figures_of_several_workers_are_averaged_unless_one_of_them_exploded() -> None:
    run = steps(2, lambda n: [weight("a", abs_mean=1), weight("b", abs_mean=math.nan if n else 3)])
    assert of_weights(Reader(run)) == ((0, 10), [2.0, math.inf])


def test_a_damaged_tensor_is_left_out_and_told_once() -> None:
    def damaged() -> Values:
        raise TensorsError("The file is cut off.")

    reader = Reader(steps(5, lambda n: [whole(damaged if n else lambda: np.ones((100, 100)))]))
    assert of_weights(reader) == ((0,), [1.0])
    assert reader.faults == ["The file is cut off."]


def test_tensors_that_were_saved_whole_are_read_at_few_steps_and_not_kept() -> None:
    loaded: list[int] = []

    def load(number: int) -> Values:
        loaded.append(number)
        return np.ones((100, 100))

    run = steps(500, lambda n: [whole(lambda: load(n))])
    reader = Reader(run, wanted=[1230])
    numbers, _ = of_weights(reader)
    assert WHOLE_STEPS <= len(numbers) == len(loaded) <= WHOLE_STEPS + 1
    assert {0, 1230, 4990} <= set(numbers)
    assert all("values" not in vars(tensor) for step in run for tensor in step.tensors)


def test_of_a_very_long_run_the_steps_with_findings_are_read_in_any_case() -> None:
    run = steps(5 * MAX_STEPS, lambda n: [weight(abs_mean=n)], every=1)
    numbers, _ = of_weights(Reader(run, wanted=[17, 4242]))
    assert len(numbers) <= MAX_STEPS + 2
    assert {0, 17, 4242, 5 * MAX_STEPS - 1} <= set(numbers)


def test_steps_are_read_once_for_all_pictures() -> None:
    opened: list[int] = []

    def stored(number: int) -> StoredStep:
        def read() -> tuple[Saved, ...]:
            opened.append(number)
            return (weight(abs_mean=1),)

        return StoredStep(number, Mode.TRAIN, number, 0.0, read)

    reader = Reader([stored(number) for number in range(3)])
    wishes = [reader.ask(lambda step: step.select(WEIGHTS), mean) for _ in range(5)]
    reader.read()
    assert opened == [0, 1, 2]
    assert [wish.history().values.tolist() for wish in wishes] == [[[1.0] * 3]] * 5


def test_a_second_choice_is_not_measured_where_there_is_a_first() -> None:
    asked: list[str] = []

    def second(tensor: Saved) -> float:
        asked.append(tensor.name)
        return 1.0

    reader = Reader(steps(9, lambda n: [weight(abs_mean=n)]))
    first = reader.ask(lambda step: step.select(WEIGHTS), mean)
    reader.ask(lambda step: step.select(WEIGHTS), second, [first])
    reader.read()
    assert asked == []


def test_a_mode_without_steps_and_a_run_without_tensors_give_nothing() -> None:
    assert of_weights(Reader([])) == ((), [])
    assert of_weights(Reader(steps(3, lambda _: [], mode=Mode.EVAL))) == ((), [])
