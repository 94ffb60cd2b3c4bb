import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile, record_function

from imageclf.profiler import kernels as reading
from imageclf.profiler.collect import kernels as collecting
from imageclf.profiler.kernels import Kernels, Operator, summarise
from imageclf.profiler.settings import Window
from imageclf.profiler.traces.scanning import Scan
from tests.profiler.traces.written import Written

NAME = "algo-1-0-12.pt.trace.json.gz"


def summed(folder: Path) -> Kernels:
    found = summarise(folder)
    assert found is not None
    return found


def operator(kernels: Kernels, name: str) -> Operator:
    (found,) = [one for one in kernels.operators if one.name == name]
    return found


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4)
        )

    def forward(self, images_bchw: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.layers(images_bchw)
        return logits


def train(network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    images, labels = torch.randn(8, 3, 8, 8), torch.randint(0, 4, (8,))
    optimiser.zero_grad()
    nn.functional.cross_entropy(network(images), labels).backward()
    optimiser.step()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Kernels, Any]:
    """A window as we sum it up, and as torch does."""
    folder = tmp_path_factory.mktemp("profile")
    network = Net()
    optimiser = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9)
    train(network, optimiser)
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as recorded:
        for step in range(12, 15):
            with record_function(f"ProfilerStep#{step}"):
                train(network, optimiser)
    (folder / "kernels").mkdir()
    recorded.export_chrome_trace(str(folder / "kernels" / NAME))
    return summed(folder), recorded.key_averages()


def test_operators_take_what_torchs_own_table_says(both: tuple[Kernels, Any]) -> None:
    kernels, table = both
    theirs = {one.key: one for one in table if not one.key.startswith("ProfilerStep")}
    assert {one.name for one in kernels.operators} == set(theirs)
    for one in kernels.operators:
        other = theirs[one.name]
        assert one.calls == other.count
        # torch has whole nanoseconds where the file has microseconds with three digits.
        assert one.total_ms * 1e3 == pytest.approx(other.cpu_time_total, rel=1e-3, abs=0.1)
        assert one.self_ms * 1e3 == pytest.approx(other.self_cpu_time_total, rel=1e-3, abs=0.1)


def test_self_times_and_what_lies_outside_make_up_the_steps(both: tuple[Kernels, Any]) -> None:
    kernels, table = both
    steps_ms = sum(one.cpu_time_total for one in table if one.key.startswith("ProfilerStep")) / 1e3
    self_ms = sum(one.self_ms for one in kernels.operators)
    assert self_ms + kernels.outside_ms == pytest.approx(steps_ms, rel=1e-3)
    assert 0 < kernels.outside_ms < steps_ms
    assert kernels.took_ms == pytest.approx(steps_ms, rel=0.2) and kernels.took_ms > steps_ms * 0.99
    (window,) = kernels.windows
    assert (window.first_step, window.steps) == (12, 3)
    assert operator(kernels, "aten::convolution_backward").share == pytest.approx(
        operator(kernels, "aten::convolution_backward").self_ms / kernels.took_ms
    )


def test_on_a_processor_nothing_is_said_of_gpus(both: tuple[Kernels, Any]) -> None:
    kernels, _ = both
    assert kernels.launches is None
    assert not (kernels.by_gpu or kernels.kernels or kernels.copies or kernels.synchronisations)


def test_memory_of_a_collected_window_rises_and_falls(tmp_path: Path) -> None:
    network = Net()
    optimiser = torch.optim.SGD(network.parameters(), 0.1)
    windows = collecting.make(Window(1, 2), tmp_path, "algo-1-0", None, is_cuda=False)
    for step in range(4):
        windows.step_begins(step, left=100)
        train(network, optimiser)
        windows.step_ends(step)
    kernels = summed(tmp_path)
    (line,) = kernels.memory
    assert (line.worker, line.device) == ("algo-1-0", "cpu")
    assert np.all(np.diff(line.t_s) >= 0)
    images_mib = 8 * 3 * 8 * 8 * 4 / (1 << 20)
    assert images_mib < line.peak_mib < 2 and line.allocated_mib[-1] < line.peak_mib
    assert [(one.worker, one.first_step, one.steps) for one in kernels.windows] == [
        ("algo-1-0", 1, 2)
    ]


def gpu_trace() -> Written:
    """Two steps of 1000 us on one GPU; all figures below are worked out by hand from these.

    The GPU works from 100 to 400 (copy 100 to 150, two kernels that overlap on 150 to 400), from
    450 to 500, and from 1600 to 1900.
    """
    trace = Written()
    trace.step(12, 0, 1000)
    trace.step(13, 1000, 1000)
    trace.operator("aten::to", 10, 60)
    copied: dict[str, Any] = {"category": "gpu_memcpy", "call": "cudaMemcpyAsync", "bytes": 3 << 20}
    trace.work("Memcpy HtoD (Pinned -> Device)", (20, 30), (100, 50), **copied)
    trace.operator("aten::conv2d", 100, 200)
    trace.operator("aten::cudnn_convolution", 120, 100)
    trace.work("conv_kernel", (130, 20), (150, 150))  # called within the inner operator
    trace.work("add_kernel", (240, 10), (250, 150))  # within the outer one alone
    trace.work("late_kernel", (410, 30), (450, 50))  # 50 us idle; its launch ended at 440
    trace.operator("aten::item", 500, 400)
    trace.operator("aten::_local_scalar_dense", 510, 380)
    trace.call("cudaStreamSynchronize", 520, 360)
    trace.operator("aten::conv2d", 1300, 100)
    trace.work("conv_kernel", (1350, 40), (1600, 300))  # idle from 500; launched at 1390
    trace.memory(50, 8 << 20, device=0)
    trace.memory(700, 2 << 20, device=0)
    return trace


@pytest.fixture(scope="module")
def on_gpu(tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    folder = tmp_path_factory.mktemp("profile")
    gpu_trace().write(folder / "kernels" / NAME)
    return summed(folder)


def test_work_of_the_gpu_counts_for_the_operator_that_asked_for_it(on_gpu: Kernels) -> None:
    assert [one.name for one in on_gpu.by_gpu] == [
        "aten::conv2d",
        "aten::cudnn_convolution",
        "aten::to",
    ]
    convolution = operator(on_gpu, "aten::conv2d")
    assert convolution.calls == 2
    assert convolution.device_self_ms == pytest.approx(0.150 + 0.300)
    assert convolution.device_total_ms == pytest.approx(0.150 + 0.150 + 0.300)
    assert convolution.total_ms == pytest.approx(0.300)
    assert convolution.self_ms == pytest.approx(0.200)
    assert convolution.device_share == pytest.approx(0.450 / 2)
    assert operator(on_gpu, "aten::cudnn_convolution").device_self_ms == pytest.approx(0.150)


def test_kernels_come_longest_first(on_gpu: Kernels) -> None:
    found = [(one.name, one.calls, round(one.total_ms, 6)) for one in on_gpu.kernels]
    assert found == [("conv_kernel", 2, 0.45), ("add_kernel", 1, 0.15), ("late_kernel", 1, 0.05)]
    assert on_gpu.kernels[0].mean_us == pytest.approx(225)
    assert on_gpu.kernels[0].share == pytest.approx(0.225)


def test_an_idle_gpu_is_told_from_one_that_was_given_nothing(on_gpu: Kernels) -> None:
    assert on_gpu.launches is not None
    assert on_gpu.launches.count == 4  # the copy was no launch
    assert on_gpu.launches.call_ms == pytest.approx(0.100)
    # 0 to 100, 400 to 450, 500 to 1600, 1900 to 2000.
    assert on_gpu.launches.idle_ms == pytest.approx(0.1 + 0.05 + 1.1 + 0.1)
    # What came next was launched after the GPU had come to rest, but for the time after the last.
    assert on_gpu.launches.gap_ms == pytest.approx(0.1 + 0.05 + 1.1)
    assert on_gpu.launches.gap_share == pytest.approx(1.25 / 2)


def test_work_that_was_launched_early_leaves_no_launch_gap(tmp_path: Path) -> None:
    trace = Written()
    trace.step(0, 0, 100)
    trace.work("a", (-20, 10), (0, 40))
    trace.work("b", (5, 10), (50, 50))  # launched at 15; the GPU came to rest at 40
    trace.write(tmp_path / "kernels" / NAME)
    launches = summed(tmp_path).launches
    assert launches is not None
    assert launches.idle_ms == pytest.approx(0.01) and launches.gap_ms == 0


def test_two_gpus_of_one_process_are_idle_each_by_itself(tmp_path: Path) -> None:
    trace = Written()
    trace.step(0, 0, 100)
    trace.work("a", (-20, 10), (0, 100))
    trace.slice("kernel", "b", 50, 50, pid=1, tid=7, args={"correlation": 99})
    trace.write(tmp_path / "kernels" / NAME)
    launches = summed(tmp_path).launches
    assert launches is not None and launches.idle_share == pytest.approx(50 / 200)


def test_synchronisations_say_in_which_operator_they_were(on_gpu: Kernels) -> None:
    (wait,) = on_gpu.synchronisations
    assert wait.name == "cudaStreamSynchronize (aten::_local_scalar_dense)"
    assert wait.calls == 1 and wait.total_ms == pytest.approx(0.36)
    assert wait.share == pytest.approx(0.18)


def test_copies_have_their_rate(on_gpu: Kernels) -> None:
    (copy,) = on_gpu.copies
    assert (copy.kind, copy.calls, copy.mib) == ("HtoD (Pinned -> Device)", 1, 3.0)
    assert copy.gib_s == pytest.approx(3 / 1024 / 50e-6)


def test_memory_of_the_gpu_is_in_seconds_of_the_window(on_gpu: Kernels) -> None:
    (line,) = on_gpu.memory
    assert (line.device, line.peak_mib) == ("cuda:0", 8.0)
    assert line.t_s.tolist() == pytest.approx([50e-6, 700e-6])
    assert line.allocated_mib.tolist() == [8.0, 2.0]


def test_windows_of_several_processes_are_added_up(tmp_path: Path, on_gpu: Kernels) -> None:
    for rank in range(3):
        path = tmp_path / "kernels" / f"algo-1-{rank}-12.pt.trace.json.gz"
        gpu_trace().write(path, imageclf={"worker": f"algo-1-{rank}"})
    kernels = summed(tmp_path)
    assert [one.worker for one in kernels.windows] == ["algo-1-0", "algo-1-1", "algo-1-2"]
    assert kernels.took_ms == pytest.approx(6)
    assert kernels.launches is not None and on_gpu.launches is not None
    assert kernels.launches.gap_share == pytest.approx(on_gpu.launches.gap_share)
    assert operator(kernels, "aten::conv2d").calls == 6


def test_a_run_without_windows_has_no_kernels(tmp_path: Path) -> None:
    assert summarise(tmp_path) is None
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / ".half.pt.trace.json.gz").write_bytes(b"being written")
    assert summarise(tmp_path) is None


def test_a_trace_that_was_cut_off_counts_as_far_as_it_goes(tmp_path: Path) -> None:
    trace = Written()
    for number in range(3000):
        trace.operator("aten::to", number, 0.5)
    path = trace.write(tmp_path / "kernels" / NAME)
    path.write_bytes(path.read_bytes()[:-300])
    kernels = summed(tmp_path)
    assert kernels.notes == (f"{NAME} ends early; what there is of it was read.",)
    assert 1000 < operator(kernels, "aten::to").calls < 3000


HOSTILE: dict[str, Any] = {
    "no JSON": b"kernels",
    "a list": b"[1, 2]",
    "events that are none": b'{"traceEvents": {"a": 1}}',
    "nothing": b"",
    "deep": b'{"traceEvents": [' + b"[" * 100_000,
    "a number without end": b'{"traceEvents": [{"ts": ' + b"9" * 10_000 + b"}]}",
    "a string without end": b'{"traceEvents": ["' + b"x" * (5 << 20),
    "bytes": bytes(range(256)) * 100,
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_file_that_is_no_trace_is_said_and_harms_nothing(tmp_path: Path, content: bytes) -> None:
    gpu_trace().write(tmp_path / "kernels" / NAME)
    (tmp_path / "kernels" / "other.pt.trace.json.gz").write_bytes(gzip.compress(content, 1))
    (tmp_path / "kernels" / "plain.pt.trace.json").write_bytes(content)
    kernels = summed(tmp_path)
    assert operator(kernels, "aten::to").calls == 1 and len(kernels.windows) == 1
    assert any("other" in note for note in kernels.notes)
    assert any("plain" in note for note in kernels.notes)


ODD: list[Any] = [None, 1e300, float("nan"), float("inf"), -1, True, "12", [], {}, 10**30, 2**63]


@pytest.mark.parametrize("member", ["ts", "dur", "name", "pid", "tid", "args", "cat", "ph"])
def test_events_with_odd_members_are_left_out_or_do_no_harm(tmp_path: Path, member: str) -> None:
    trace = gpu_trace()
    usual = {"ph": "X", "cat": "cpu_op", "name": "odd", "ts": 1, "dur": 1, "pid": 1, "tid": 1}
    for odd in ODD:
        trace.events.append({**usual, member: odd})
        trace.events.append({**usual, "cat": "kernel", "args": {"correlation": odd, "bytes": odd}})
        given = {"Total Allocated": odd, "Device Id": odd, "Device Type": odd}
        trace.events.append({**usual, "ph": "i", "name": "[memory]", "args": given})
    trace.write(tmp_path / "kernels" / NAME, imageclf=ODD)
    kernels = summed(tmp_path)
    assert operator(kernels, "aten::to").calls == 1
    json.dumps([one.self_ms for one in kernels.operators], allow_nan=False)


def test_a_trace_of_a_gpu_that_holds_nothing_of_it_says_so(tmp_path: Path) -> None:
    trace = Written()
    trace.operator("aten::to", 1, 5)
    trace.write(tmp_path / "kernels" / NAME, imageclf={"gpu": True})
    (note,) = summed(tmp_path).notes
    assert "nothing of the GPU" in note and NAME in note


def test_more_events_than_are_read_are_counted_up_to_there(
    tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(reading, "_MOST_EVENTS", 12)
    for number in range(3):
        trace = Written()
        for place in range(10):
            trace.operator("aten::to", place, 0.5)
        trace.write(tmp_path / "kernels" / f"{number}.pt.trace.json.gz")
    kernels = summed(tmp_path)
    assert operator(kernels, "aten::to").calls == 12
    assert any("more than 2 events" in note for note in kernels.notes)
    assert any("1 more traces" in note for note in kernels.notes)


def test_a_file_that_unpacks_without_end_is_read_up_to_a_bound(tmp_path: Path) -> None:
    path = tmp_path / NAME
    operator = b'{"ph": "X", "cat": "cpu_op", "name": "a", "ts": 1, "dur": 1},'
    path.write_bytes(gzip.compress(b'{"traceEvents": [' + operator * 100_000, 1))
    scan = Scan(path, largest=1 << 20)
    assert 10_000 < len(list(scan.events())) < (1 << 20) / len(operator)
    assert scan.fault == f"{NAME} is too large; what comes late in it was left out."


def test_text_of_more_than_one_byte_is_read_whole_wherever_it_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "plain.pt.trace.json"
    events = [{"name": "größe → 漢字 😀" * 40, "ts": number} for number in range(500)]
    path.write_text(json.dumps({"traceEvents": events, "after": 1}, ensure_ascii=False))
    scan = Scan(path)
    assert list(scan.events()) == events and scan.header == {"after": 1} and not scan.fault


def test_links_and_pipes_are_not_read(tmp_path: Path) -> None:
    outside = gpu_trace().write(tmp_path / "outside" / NAME)
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / NAME).symlink_to(outside)
    os.mkfifo(tmp_path / "kernels" / "pipe.pt.trace.json")
    assert summarise(tmp_path) is None
