import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import torch

from imageclf.config import parse
from imageclf.data.augment import Augment, TrainTransform
from imageclf.data.checked import load_data
from imageclf.data.dataset import DataSet
from imageclf.data.loading import Batch, PictureLoader, default_workers, make_loader
from imageclf.data.sampling import epoch_batches
from imageclf.data.transforms import EvalTransform
from imageclf.errors import DataError
from tests.data.pictures import make_folder

SIDE = 24


@pytest.fixture(name="data")
def _data(tmp_path: Path) -> DataSet:
    return load_data(make_folder(tmp_path / "data", {"a": 20, "b": 17}), parse({}))


def loader(
    data: DataSet, workers: int, seed: int = 5, threads: int = 1, augment: Augment = "medium"
) -> PictureLoader:
    return PictureLoader(
        data.train,
        TrainTransform(SIDE, augment),
        seed=seed,
        max_megapixels=data.max_megapixels,
        workers=workers,
        threads=threads,
    )


def batches(data: DataSet, epoch: int) -> list[list[int]]:
    return epoch_batches(len(data.train), 8, seed=5, epoch=epoch)


def two_epochs(data: DataSet, workers: int) -> list[Batch]:
    with loader(data, workers) as views:
        return [batch for epoch in (0, 1) for batch in views.epoch(batches(data, epoch), epoch)]


def same(first: Batch, second: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first[:3], second[:3], strict=True))


def test_batches_hold_the_pictures_asked_for_with_their_labels(data: DataSet) -> None:
    wanted = [[3, 1], [], [0]]
    found = list(
        make_loader(data, data.train, EvalTransform(SIDE), wanted, seed=0, epoch=0, workers=0)
    )
    assert [batch.indices_b.tolist() for batch in found] == wanted
    assert [batch.images_u8_bchw.shape for batch in found] == [
        (len(batch), 3, SIDE, SIDE) for batch in wanted
    ]
    assert found[0].images_u8_bchw.dtype == torch.uint8
    assert found[0].images_u8_bchw.is_contiguous(memory_format=torch.channels_last)
    for batch in found:
        assert batch.labels_b.tolist() == [data.train[i].label for i in batch.indices_b.tolist()]
        for view, index in zip(batch.images_u8_bchw, batch.indices_b.tolist(), strict=True):
            assert torch.equal(view, EvalTransform(SIDE)(data.train[index].path))


def test_the_pictures_are_the_same_bit_for_bit_on_any_number_of_workers(data: DataSet) -> None:
    alone = two_epochs(data, workers=0)
    for workers in (1, 2):
        others = two_epochs(data, workers)
        assert len(others) == len(alone)
        assert all(same(a, b) for a, b in zip(alone, others, strict=True))


@pytest.mark.parametrize("augment", ["light", "strong"])
def test_the_pictures_are_the_same_bit_for_bit_on_any_number_of_threads(
    data: DataSet, augment: Augment
) -> None:
    for epoch in range(3):
        with loader(data, 0, augment=augment) as alone, loader(data, 0, 5, 4, augment) as threaded:
            pairs = zip(
                alone.epoch(batches(data, epoch), epoch),
                threaded.epoch(batches(data, epoch), epoch),
                strict=True,
            )
            assert all(same(a, b) for a, b in pairs)


def test_reading_threads_leave_the_models_threads_alone(data: DataSet) -> None:
    before = torch.get_num_threads()
    with loader(data, workers=0, threads=2) as views:
        list(views.epoch(batches(data, 0), 0))
    assert torch.get_num_threads() == before


def test_an_epoch_that_starts_in_the_middle_gives_the_rest_of_it(data: DataSet) -> None:
    with loader(data, workers=0) as views:
        whole = list(views.epoch(batches(data, 3), 3))
        rest = list(views.epoch(batches(data, 3)[2:], 3))
    assert all(same(a, b) for a, b in zip(whole[2:], rest, strict=True))


def test_views_differ_from_epoch_to_epoch(data: DataSet) -> None:
    with loader(data, workers=0) as views:
        first, second = (next(iter(views.epoch([[0, 1]], epoch))) for epoch in (0, 1))
    assert not torch.equal(first.images_u8_bchw, second.images_u8_bchw)


@pytest.mark.parametrize("workers", [0, 1])
def test_the_global_random_state_is_left_alone(data: DataSet, workers: int) -> None:
    before = torch.get_rng_state()
    two_epochs(data, workers)
    assert torch.equal(torch.get_rng_state(), before)


def test_workers_stay_for_the_next_epoch_and_go_with_the_loader(data: DataSet) -> None:
    with loader(data, workers=2) as views:
        list(views.epoch(batches(data, 0), 0))
        first = children()
        list(views.epoch(batches(data, 1), 1))
        assert children() == first
        assert len(first) == 2
    assert not children() & first


def test_an_epoch_left_in_the_middle_does_not_leak_into_the_next(data: DataSet) -> None:
    with loader(data, workers=2) as views:
        for _ in views.epoch(batches(data, 0), 0):
            break
        found = list(views.epoch(batches(data, 1), 1))
    assert [batch.indices_b.tolist() for batch in found] == batches(data, 1)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("harm", ["removed", "cut"])
def test_a_picture_that_breaks_in_the_middle_of_a_run_is_named(
    data: DataSet, workers: int, harm: str
) -> None:
    path = data.train[1].path
    with loader(data, workers) as views:
        list(views.epoch(batches(data, 0), 0))
        if harm == "removed":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(DataError) as failure:
            list(views.epoch(batches(data, 1), 1))
    assert str(path) in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_worker_that_is_killed_is_a_data_error(data: DataSet) -> None:
    with loader(data, workers=1) as views:
        epoch = views.epoch(batches(data, 0) * 50, 0)
        next(epoch)
        for worker in children():
            os.kill(worker, signal.SIGKILL)
        with pytest.raises(DataError, match="was killed"):
            list(epoch)


def test_stop_signals_to_workers_are_ignored(data: DataSet) -> None:
    with loader(data, workers=2) as views:
        epoch = views.epoch(batches(data, 0) * 20, 0)
        next(epoch)
        for worker in children():
            os.kill(worker, signal.SIGTERM)
            os.kill(worker, signal.SIGINT)
        assert len(list(epoch)) == len(batches(data, 0)) * 20 - 1
    handlers = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert not handlers & {signal.SIGTERM, signal.SIGINT}


PROGRAM = """
import signal, sys, time
from pathlib import Path
from imageclf.config import parse
from imageclf.data.checked import load_data
from imageclf.data.loading import PictureLoader
from imageclf.data.augment import Augment
from imageclf.data.transforms import EvalTransform

stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
data = load_data(Path(sys.argv[1]), parse({}))
with PictureLoader(
    data.train, EvalTransform(16), seed=0, max_megapixels=1, workers=2
) as loader:
    count = 0
    for batch in loader.epoch([[0, 1]] * 10**6, 0):
        count += 1
        if count == 3:
            print("ready", flush=True)
        if stopped:
            after = count if len(stopped) == 1 else after
            stopped.append(True)
            if len(stopped) > 50:
                break
print("stopped by itself", flush=True)
"""


@pytest.fixture(name="program")
def _program(data: DataSet) -> Iterator["subprocess.Popen[str]"]:
    folder = data.train[0].path.parents[1]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stdout.close()


def test_a_stop_signal_to_the_whole_group_leaves_the_batches_flowing(
    program: "subprocess.Popen[str]",
) -> None:
    os.killpg(program.pid, signal.SIGTERM)
    output, _ = program.communicate(timeout=60)
    assert output == "stopped by itself\n"
    assert program.returncode == 0


def test_workers_end_with_a_parent_that_is_killed(program: "subprocess.Popen[str]") -> None:
    workers = psutil.Process(program.pid).children(recursive=True)
    assert len(workers) == 2
    program.kill()
    program.wait()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive


def test_the_process_is_told_of_its_other_children_as_before(data: DataSet) -> None:
    before = signal.getsignal(signal.SIGCHLD)
    with loader(data, workers=1) as views:
        list(views.epoch(batches(data, 0), 0))
        assert signal.getsignal(signal.SIGCHLD) == before


def test_default_workers_leave_cores_to_the_model() -> None:
    assert default_workers(cores=2, processes=1, accelerator=False) == 0
    assert default_workers(cores=8, processes=1, accelerator=True) == 7
    assert default_workers(cores=96, processes=8, accelerator=True) == 11
    assert default_workers(cores=2, processes=4, accelerator=True) == 1
    assert default_workers(cores=192, processes=1, accelerator=True) == 16


def children() -> set[int]:
    """Processes that this one started and that still run."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        found = psutil.Process().children()
        if all(child.status() != psutil.STATUS_ZOMBIE for child in found):
            break
    return {child.pid for child in found}
