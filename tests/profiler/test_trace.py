import gzip
import json
import math
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imageclf.profiler import names
from imageclf.profiler.files.blocks import clocks
from imageclf.profiler.run import Profile
from imageclf.profiler.settings import Window
from imageclf.profiler.trace import write_trace
from tests.profiler.collect.limits import largest_file
from tests.profiler.collect.test_kernels import Training
from tests.profiler.collect.test_kernels import made as windows_of
from tests.profiler.made import BEGAN_NS, Made
from tests.profiler.traces.written import BASE_NS, Written

WALL_S = 1.8e9
WORKER = "algo-1-0"


def written(folder: Path, **options: Any) -> dict[str, Any]:
    """The trace of the profile in the folder, found to be in order."""
    profile = Profile(folder)
    profile.refresh()
    path = write_trace(profile, folder / "out.json.gz", **options)
    with gzip.open(path) as file:
        content: dict[str, Any] = json.loads(file.read(), parse_constant=pytest.fail)
    check(content["traceEvents"])
    return content


def check(events: list[dict[str, Any]]) -> None:
    """What Perfetto asks of the format; slices of one track lie in or beside each other."""
    tracks = defaultdict(list)
    for event in events:
        assert {"ph", "ts", "pid", "tid", "name"} <= set(event)
        assert isinstance(event["pid"], int) and isinstance(event["tid"], int)
        assert event["ph"] in {"M", "X", "C"} and math.isfinite(event["ts"])
        if event["ph"] == "X":
            assert event["dur"] >= 0
            begin = round(event["ts"] * 1000)
            tracks[event["pid"], event["tid"]].append((begin, -round(event["dur"] * 1000)))
        if event["ph"] == "C":
            assert event["args"] and all(map(math.isfinite, event["args"].values()))
    for slices in tracks.values():
        ends: list[int] = []
        for begin, length in sorted(slices):
            while ends and ends[-1] <= begin:
                ends.pop()
            assert not ends or begin - length <= ends[-1]
            ends.append(begin - length)


def named(trace: dict[str, Any], process: str, track: str) -> list[dict[str, Any]]:
    """The slices on a track, in the order of their times."""
    events = trace["traceEvents"]
    metas = [one for one in events if one["ph"] == "M" and "name" in one["args"]]
    (pid,) = [
        one["pid"]
        for one in metas
        if one["name"] == "process_name" and one["args"]["name"] == process
    ]
    (tid,) = [
        one["tid"]
        for one in metas
        if one["name"] == "thread_name" and (one["pid"], one["args"]["name"]) == (pid, track)
    ]
    found = [one for one in events if one["ph"] == "X" and (one["pid"], one["tid"]) == (pid, tid)]
    return sorted(found, key=lambda one: (one["ts"], -one["dur"]))


def tracks_of(trace: dict[str, Any]) -> list[str]:
    events = trace["traceEvents"]
    return [one["args"]["name"] for one in events if one["name"] == "thread_name"]


def counters(trace: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [one for one in trace["traceEvents"] if one["ph"] == "C" and one["name"] == name]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path / "profile", WALL_S)


def steps(made: Made, count: int, took_ms: Any = 40.0) -> None:
    made.worker(WORKER)
    at_s = 1.0 + np.concatenate([[0], np.cumsum(np.broadcast_to(took_ms, count))[:-1]]) / 1e3
    made.steps(
        WORKER,
        at_s,
        {
            names.TOOK: took_ms,
            names.EPOCH: 0,
            names.IMAGES: 8,
            "data_ms": 10,
            "forward_ms": 12.5,
            "backward_ms": 15,
            "forward_device_ms": 11,
            "hook_ms": np.nan,
        },
    )


def test_phases_lie_in_their_steps_one_after_the_other(made: Made) -> None:
    steps(made, 3)
    track = named(written(made.folder), f"training {WORKER}", "steps and phases")
    first = [(one["name"], one["ts"], one["dur"]) for one in track[:4]]
    assert first == [
        ("step 0", 1e6, 40_000),
        ("data", 1e6, 10_000),
        ("forward", 1.01e6, 12_500),
        ("backward", 1.0225e6, 15_000),
    ]
    assert track[0]["args"] == {"epoch": 0, "images": 8}
    assert track[2]["args"] == {"device_ms": 11}
    assert [one["name"] for one in track if "step" in one["name"]] == ["step 0", "step 1", "step 2"]


def test_a_machine_has_counters(made: Made) -> None:
    at_s = np.arange(5.0)
    made.system(
        "algo-1",
        at_s,
        {
            names.CPU: [10, 20, np.nan, 40, 50],
            names.IO_WAIT: 1,
            names.MEMORY_MIB: 1000 + at_s,
            names.gpu_column(0, names.GPU_UTILIZATION): 90,
            names.gpu_column(0, "power_w"): 300,
        },
    )
    trace = written(made.folder)
    cores = counters(trace, "cores, %")
    assert [one["ts"] for one in cores] == [0, 1e6, 2e6, 3e6, 4e6]
    assert cores[1]["args"] == {"working": 20, "waiting for disks": 1}
    assert cores[2]["args"] == {"waiting for disks": 1}
    assert counters(trace, "GPU 0 %")[0]["args"] == {"utilisation": 90}
    assert len(counters(trace, "GPU 0 power, W")) == 5
    assert not counters(trace, "network, MiB/s")


def test_readers_have_tracks_of_their_own(made: Made) -> None:
    made.worker(WORKER)
    made.reads(
        WORKER,
        [1.0, 1.0, 1.2, 1.25],
        {names.WORKER: [0, 1, 0, -1], names.TOOK: 150, names.FETCH: 20, names.DECODE: 100},
    )
    trace = written(made.folder)
    assert tracks_of(trace) == ["reading threads", "reader 0", "reader 1"]
    batches = named(trace, f"training {WORKER}", "reader 0")
    assert [(one["ts"], one["dur"]) for one in batches] == [(1e6, 150_000), (1.2e6, 150_000)]
    assert batches[0]["args"] == {"fetch_ms": 20, "decode_ms": 100}


def test_batches_of_one_reader_that_overlap_get_a_second_track(made: Made) -> None:
    made.worker(WORKER)
    made.reads(WORKER, [1.0, 1.1, 1.3], {names.WORKER: -1, names.TOOK: [150, 250, 10]})
    trace = written(made.folder)
    assert tracks_of(trace) == ["reading threads", "reading threads (2)"]


def test_spans_show_what_took_its_time_once(made: Made) -> None:
    made.worker(WORKER)
    made.spans(
        WORKER,
        [
            (names.INITIALISATION, 0.0, 2.0),
            (names.TRAINING_LOOP, 2.0, 10.0),
            (names.EVALUATION, 5.0, 1.0),
        ],
    )
    spans = named(written(made.folder), f"training {WORKER}", "spans")
    assert [(one["name"], one["ts"], one["dur"]) for one in spans] == [
        (names.INITIALISATION, 0, 2e6),
        (names.TRAINING_LOOP, 2e6, 10e6),
        (names.EVALUATION, 5e6, 1e6),
    ]


def test_operators_lie_in_the_steps_that_they_were_called_in(tmp_path: Path) -> None:
    """A real window of a real training, beside steps whose times the monotonic clock took."""
    windows = windows_of(tmp_path, Window(2, 3))
    training, times = Training(), []
    for step in range(6):
        began_ns = time.monotonic_ns()
        windows.step_begins(step, left=100)
        training.step()
        ended_ns = time.monotonic_ns()
        times.append((began_ns, ended_ns))
        windows.step_ends(step)
    made = Made(tmp_path, began_ns=times[0][0])
    made._clocks = dict(clocks())
    made.worker(WORKER, began_ns=times[0][0])
    at_s = [(began - times[0][0]) / 1e9 for began, _ in times]
    made.steps(WORKER, at_s, {names.TOOK: [(end - begin) / 1e6 for begin, end in times]})

    trace = written(tmp_path)
    process = f"training {WORKER}"
    own = {one["name"]: one for one in named(trace, process, "steps and phases")}
    (thread,) = [one for one in tracks_of(trace) if one.startswith("thread")]
    slices = named(trace, process, thread)
    convolutions = [one for one in slices if one["name"] == "aten::conv2d"]
    assert len(convolutions) == 3
    for step, found in zip((2, 3, 4), convolutions, strict=True):
        around = own[f"step {step}"]
        assert around["ts"] < found["ts"]
        assert found["ts"] + found["dur"] < around["ts"] + around["dur"]


def test_a_wall_clock_that_was_set_moves_no_window(made: Made) -> None:
    """The trace was recorded when the wall clock was an hour ahead of where it had begun."""
    made.worker(WORKER)
    steps(made, 2)
    window = Written(at_us=0)
    window.operator("aten::to", 1_010_000, 5)
    hour_ns = 3600 * 10**9
    facts = {
        "worker": WORKER,
        "machine": "made",
        "monotonic_ns": BEGAN_NS + 7 * 10**9,
        "wall_ns": BASE_NS + 7 * 10**9,
    }
    window.write(made.folder / "kernels" / f"{WORKER}-0.pt.trace.json.gz", imageclf=facts)
    assert abs(BASE_NS - WALL_S * 1e9) > hour_ns
    trace = written(made.folder)
    (found,) = named(trace, f"training {WORKER}", "thread 4711: operators and calls")
    assert (found["ts"], found["dur"]) == (1.01e6, 5)


def test_a_window_without_our_facts_is_placed_by_the_wall_clock(made: Made) -> None:
    steps(made, 2)
    began_us = (WALL_S * 1e9 - BASE_NS) / 1e3
    window = Written(at_us=began_us)
    window.work("conv", (1_010_000, 5), (1_010_020, 100))
    window.memory(1_010_030, 3 << 20, device=0)
    window.write(made.folder / "kernels" / f"{WORKER}-0.pt.trace.json.gz")
    trace = written(made.folder)
    (found,) = named(trace, f"training {WORKER}", "GPU 0, stream 7")
    assert found["ts"] == pytest.approx(1.01002e6, abs=0.01) and found["name"] == "conv"
    (memory,) = counters(trace, "allocated on cuda:0, MiB")
    assert memory["ts"] == pytest.approx(1.01003e6, abs=0.01) and memory["args"]["allocated"] == 3


@pytest.mark.parametrize("odd", [2**61, -(2**61), 10**25, 0, 1.5, "1", None, True], ids=str)
@pytest.mark.parametrize("member", ["monotonic_ns", "wall_ns", "base"])
def test_a_window_with_odd_clocks_does_no_harm(made: Made, member: str, odd: Any) -> None:
    steps(made, 2)
    window = Written(at_us=2.1e15)
    window.operator("aten::to", 1_010_000, 2e15)
    facts = {"machine": "made", "monotonic_ns": BEGAN_NS, "wall_ns": BASE_NS}
    header = (
        {"baseTimeNanoseconds": odd} if member == "base" else {"imageclf": facts | {member: odd}}
    )
    window.write(made.folder / "kernels" / f"{WORKER}-0.pt.trace.json.gz", **header)
    assert named(written(made.folder), f"training {WORKER}", "steps and phases")


def test_of_a_large_window_the_longest_events_are_shown(made: Made) -> None:
    made.worker(WORKER)
    window = Written()
    for place in range(500):
        window.operator(f"operator {place}", 10 * place, 1 + place / 100)
    window.write(made.folder / "kernels" / f"{WORKER}-0.pt.trace.json.gz")
    trace = written(made.folder, most_events=400)
    shown = named(trace, f"training {WORKER}", "thread 4711: operators and calls")
    assert [one["name"] for one in shown] == [f"operator {place}" for place in range(400, 500)]
    assert "400 of 500 events" in trace["otherData"]["left out"]


def test_a_long_run_is_shown_by_its_extremes_and_says_so(made: Made) -> None:
    count = 20_000
    took_ms = np.full(count, 40.0)
    took_ms[[123, 17_000]] = 900, 700
    steps(made, count, took_ms)
    cpu = np.full(count, 50.0)
    cpu[[777, 12_345]] = 99, 1
    made.system("algo-1", np.arange(count) / 10, {names.CPU: cpu})
    made.reads(WORKER, 1 + np.arange(count) / 20, {names.WORKER: 0, names.TOOK: 30})
    trace = written(made.folder, most_events=4000)
    assert len(trace["traceEvents"]) < 4000
    track = named(trace, f"training {WORKER}", "steps and phases")
    assert {"step 123", "step 17000", "step 0", "step 19999"} <= {one["name"] for one in track}
    values = [one["args"]["working"] for one in counters(trace, "cores, %")]
    assert (min(values), max(values)) == (1, 99)
    said = trace["otherData"]["left out"]
    assert "steps of a process" in said and "batches" in said and "20000 samples" in said


def test_a_short_run_leaves_nothing_out(made: Made) -> None:
    steps(made, 50)
    assert written(made.folder)["otherData"]["left out"] == "Nothing."


def test_a_profile_with_nothing_in_it_makes_an_empty_trace(tmp_path: Path) -> None:
    assert written(tmp_path)["traceEvents"] == []


def test_names_from_outside_stay_text(made: Made) -> None:
    window = Written()
    window.operator('</script>"\\\n\u0000\ud800' + "x" * 10_000, 1, 5)
    made.worker(WORKER)
    window.write(made.folder / "kernels" / f"{WORKER}-0.pt.trace.json.gz")
    (event,) = [one for one in written(made.folder)["traceEvents"] if one["ph"] == "X"]
    assert event["name"].startswith("</script>") and len(event["name"]) <= 200


def test_a_trace_that_cannot_be_written_leaves_the_old_one(made: Made) -> None:
    steps(made, 5)
    written(made.folder)
    before = (made.folder / "out.json.gz").read_bytes()
    profile = Profile(made.folder)
    profile.refresh()
    with pytest.raises(OSError), largest_file(100):
        write_trace(profile, made.folder / "out.json.gz")
    assert (made.folder / "out.json.gz").read_bytes() == before
    assert not list(made.folder.glob(".*"))
