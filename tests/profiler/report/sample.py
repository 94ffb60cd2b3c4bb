"""Made runs for the page: on a CPU, on several GPUs, with little or evil content."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.report.given import Judged
from imageclf.profiler.rules import catalogue
from imageclf.profiler.run import Profile
from imageclf.rules.engine import Engine
from tests.profiler.made import Made
from tests.profiler.traces.written import Written

HOSTILE = "</script><img src=x onerror=alert(1)><b>\"'&amp;%{x}"
"""A name that tries to leave the place where it is written."""

LONGEST_MS = 987.6
"""Of a step in `cpu_run` and `long_run` that stands out."""

_BEGAN_S = 6.0


def cpu_run(folder: Path, steps: int = 600, host: str = "algo-1") -> None:
    """Two processes on four cores whose loader cannot keep up, with evaluation and outliers."""
    made = Made(folder)
    rng = np.random.default_rng(5)
    took_s = 0.0
    for rank in range(2):
        took_s = max(took_s, _steps(made, f"{host}-{rank}", rng, steps, slow=1.0 + 0.15 * rank))
        _worker(made, f"{host}-{rank}", rank, world_size=2)
        _reads(made, f"{host}-{rank}", rng, took_s, steps)
    end_s = _BEGAN_S + took_s
    _system(made, host, rng, end_s + 4.0)
    made.spans(
        f"{host}-0",
        [
            (names.INITIALISATION, 0.0, _BEGAN_S),
            ("imports", 0.0, 3.1),
            (names.TRAINING_LOOP, _BEGAN_S, took_s),
            (names.CHECKPOINT, _BEGAN_S + took_s / 2, 0.8),
            (names.EVALUATION, _BEGAN_S + took_s / 2 + 1, 1.9),
            (names.FINALISATION, end_s, 3.6),
        ],
    )
    (folder / names.MACHINE).write_text(json.dumps(_MACHINE))
    made.end()


def gpu_run(folder: Path, minutes: float = 3.0, gpus: int = 4) -> None:
    """Four GPUs on one node, the last of them less busy, with waits for data now and then."""
    made = Made(folder)
    rng = np.random.default_rng(6)
    end_s = 60 * minutes
    at_s = np.arange(0.0, end_s, 0.1)
    busy = np.where((at_s > 30) & (np.sin(at_s / 3) > -0.8), 94.0, 6.0)
    columns = _cores(rng, at_s, 8, busy=45.0)
    for gpu in range(gpus):
        use = np.clip(
            busy * (0.6 if gpu == gpus - 1 else 1.0) + rng.normal(0, 3, len(at_s)), 0, 100
        )
        columns |= {
            names.gpu_column(gpu, names.GPU_UTILIZATION): use,
            names.gpu_column(gpu, names.GPU_MEMORY): np.clip(20 + at_s / end_s * 55, 0, 100),
            names.gpu_column(gpu, "power_w"): 60 + use * 2.4,
            names.gpu_column(gpu, "temperature_c"): 38 + use * 0.3,
            names.gpu_column(gpu, "sm_clock_mhz"): 1410 - rng.integers(0, 60, len(at_s)),
        }
    columns[names.CPU] = np.where(busy < 10, 96.0, columns[names.CPU])
    made.system("algo-1", at_s, columns)
    for gpu in range(gpus):
        worker = f"algo-1-{gpu}"
        count = int((end_s - 40) / 0.12)
        took = 118 + rng.gamma(2.0, 2.0, count)
        made.steps(
            worker,
            30 + np.cumsum(took) / 1000 - took / 1000,
            {
                names.IMAGES: 256,
                names.EPOCH: 1,
                names.TOOK: took,
                names.host_column(names.DATA): 4.0,
                names.host_column(names.COPY): 2.0,
                names.host_column(names.FORWARD): 21.0,
                names.host_column(names.BACKWARD): 30.0,
                names.host_column(names.OPTIMISER): took - 60.0,
                names.host_column(names.OTHER): 3.0,
                names.device_column(names.COPY): 3.5,
                names.device_column(names.FORWARD): 36.0,
                names.device_column(names.BACKWARD): 68.0,
                names.device_column(names.OPTIMISER): 6.0,
            },
        )
        made.worker(
            worker,
            host="algo-1",
            world_size=gpus,
            device="cuda",
            device_name="NVIDIA A100-SXM4-40GB",
            architecture="resnet50",
            batch_size=256,
            global_batch_size=256 * gpus,
            cores=8,
            workers=2,
            precision="bf16",
            dollars_an_hour=32.77,
            instance_type="ml.p4d.24xlarge",
        )
    _trace(folder, "algo-1-0", "aten::conv2d")
    made.end()


def long_run(folder: Path, steps: int = 100_000) -> None:
    """So many steps of 30 ms, and 50 minutes of samples."""
    made = Made(folder)
    rng = np.random.default_rng(7)
    _steps(made, "algo-1-0", rng, steps, every=10**9)
    _worker(made, "algo-1-0", 0, world_size=1)
    _reads(made, "algo-1-0", rng, steps * 0.03, steps)
    _system(made, "algo-1", rng, steps * 0.03 + 10, cores=8)
    made.end()


def hostile(folder: Path) -> None:
    """A host whose name is markup; a slash cannot be in a file's name."""
    made = Made(folder)
    host = HOSTILE.replace("/", "\N{FRACTION SLASH}")
    rng = np.random.default_rng(8)
    took_s = _steps(made, f"{host}-0", rng, 200)
    _worker(made, f"{host}-0", 0, world_size=1, architecture=HOSTILE, device_name=HOSTILE * 5)
    _system(made, host, rng, took_s + 8)
    _system(made, f"{host}2", rng, took_s + 8)
    made.spans(f"{host}-0", [(HOSTILE, 1.0, 2.0)])
    _trace(folder, f"{host}-0", HOSTILE)
    made.end()


def empty(folder: Path) -> None:
    """A run of which nothing was recorded but that it ended."""
    Made(folder).end()


def system_only(folder: Path) -> None:
    """Samples of the machine, as of a program that is not ours."""
    made = Made(folder)
    _system(made, "algo-1", np.random.default_rng(9), 90)
    made.end()


def steps_only(folder: Path) -> None:
    """Steps of a process whose sampler could not start, and that did not come to its end."""
    made = Made(folder)
    _steps(made, "algo-1-0", np.random.default_rng(10), 150)


def damaged(folder: Path) -> None:
    """A whole run whose files were cut or overwritten."""
    cpu_run(folder, steps=200)
    for kind in (names.SYSTEM, names.STEPS):
        path = next((folder / kind).iterdir())
        content = bytearray(path.read_bytes())
        content[len(content) // 2 : len(content) // 2 + 100] = b"?" * 100
        path.write_bytes(content)
    next((folder / names.WORKERS).glob("*-0.json")).write_text("{")
    (folder / names.MACHINE).write_text("[")


def profile(folder: Path) -> Profile:
    """The profile in `folder`, refreshed."""
    found = Profile(folder)
    found.refresh()
    return found


def judged(run: Profile) -> Judged:
    """All rules with how they stand at the end, by their documented parameters."""
    rules = [
        (configuration, catalogue.make(configuration))
        for configuration in (catalogue.of(name) for name in catalogue.RULES)
        if configuration.rule != "ProfilerReport"
    ]
    engine = Engine(rules)
    engine.look(run.stretches())
    engine.finish()
    return list(zip((rule for _, rule in rules), engine.states, strict=True))


def _worker(made: Made, name: str, rank: int, world_size: int, **facts: object) -> None:
    usual = {
        "host": "algo-1",
        "rank": rank,
        "world_size": world_size,
        "device": "cpu",
        "device_name": "Intel(R) Xeon(R) Platinum 8488C",
        "architecture": "resnet18",
        "batch_size": 16,
        "global_batch_size": 16 * world_size,
        "image_size": 224,
        "cores": 4,
        "threads": 2,
        "workers": 1,
        "precision": "fp32",
        "train": "all",
        "epochs": 4,
        "train_images": 4000,
        "dollars_an_hour": 0.204,
        "instance_type": "ml.m5.xlarge",
        "interval_ms": 500,
    }
    made.worker(name, **{**usual, **facts})


def _steps(
    made: Made,
    worker: str,
    rng: np.random.Generator,
    count: int,
    *,
    slow: float = 1.0,
    every: int = 300,
) -> float:
    """Training steps, with an evaluation after each `every`; returns how long all took."""
    data = rng.gamma(2.0, 5.0, count)
    forward, backward = 14 + rng.normal(0, 0.6, count), 26 * slow + rng.normal(0, 0.9, count)
    rest = {names.COPY: 0.4, names.OPTIMISER: 2.2, names.HOOK: 0.0, names.OTHER: 0.9}
    data[rng.choice(count, max(1, count // 200), replace=False)] += 260
    data[count // 2] = LONGEST_MS - forward[count // 2] - backward[count // 2] - sum(rest.values())
    took = data + forward + backward + sum(rest.values())
    breaks = np.where(np.arange(count) % every == every - 1, 2500.0, 0.0)
    ends_s = _BEGAN_S + (np.cumsum(took) + np.concatenate([[0], np.cumsum(breaks)[:-1]])) / 1000
    columns: dict[str, Any] = {
        names.STEP: np.arange(count),
        names.EPOCH: np.arange(count) // every,
        names.MODE: names.TRAIN,
        names.IMAGES: 16,
        names.TOOK: took,
        names.host_column(names.DATA): data,
        names.host_column(names.FORWARD): forward,
        names.host_column(names.BACKWARD): backward,
        **{names.host_column(name): value for name, value in rest.items()},
    }
    at_s = ends_s - took / 1000
    evaluations = np.flatnonzero(breaks[:-1])
    if len(evaluations):
        rows = (ends_s[evaluations][:, None] + 0.3 + 0.04 * np.arange(40)).ravel()
        at_s, columns = _with_evaluation(at_s, columns, rows)
    made.steps(worker, at_s, columns)
    return float(ends_s[-1]) - _BEGAN_S


def _with_evaluation(at_s: Any, columns: dict[str, Any], rows: Any) -> tuple[Any, dict[str, Any]]:
    """The same with evaluation steps at `rows`, in the order of time."""
    every = np.concatenate([at_s, rows])
    order = np.argsort(every, kind="stable")
    evaluation: dict[str, Any] = {
        names.STEP: np.arange(len(rows)),
        names.MODE: names.EVAL,
        names.IMAGES: 16.0,
    }
    evaluation |= {names.TOOK: 38.0, names.host_column(names.FORWARD): 31.0}
    joined = {
        name: np.concatenate(
            [
                np.broadcast_to(value, at_s.shape),
                np.broadcast_to(evaluation.get(name, 0.0), rows.shape),
            ]
        )[order]
        for name, value in columns.items()
    }
    return every[order], dict(joined)


def _reads(made: Made, worker: str, rng: np.random.Generator, took_s: float, steps: int) -> None:
    at_s = _BEGAN_S + np.linspace(0, took_s, steps)
    fetch, decode = rng.gamma(2, 4, steps), 46 + rng.normal(0, 3, steps)
    made.reads(
        worker,
        at_s,
        {
            names.WORKER: np.arange(steps) % 2,
            names.THREADS: 1,
            names.IMAGES: 16,
            names.TOOK: fetch + decode + 1,
            names.FETCH: fetch,
            names.DECODE: decode,
        },
    )


def _system(made: Made, host: str, rng: np.random.Generator, end_s: float, cores: int = 4) -> None:
    at_s = np.arange(0.0, end_s, 0.5)
    made.system(host, at_s, _cores(rng, at_s, cores, busy=62.0))


def _cores(rng: np.random.Generator, at_s: Any, cores: int, busy: float) -> dict[str, Any]:
    use = [
        np.clip(busy * (1.3 if core < 2 else 0.7) + rng.normal(0, 9, len(at_s)), 0, 100)
        for core in range(cores)
    ]
    return {
        names.CPU: np.mean(use, axis=0),
        **{names.core_column(core): values for core, values in enumerate(use)},
        names.IO_WAIT: np.clip(rng.normal(2, 2, len(at_s)), 0, 100),
        names.LOAD: 2.5,
        names.MEMORY: 34 + at_s / max(1.0, float(at_s[-1])) * 6,
        names.MEMORY_MIB: 5500.0,
        names.DISK_READ: np.clip(rng.normal(9, 3, len(at_s)), 0, None),
        names.DISK_WRITE: np.clip(rng.normal(1, 1, len(at_s)), 0, None),
        names.NET_IN: 0.1,
        names.NET_OUT: 0.05,
        names.THROTTLED: np.clip(rng.normal(-4, 4, len(at_s)), 0, 100),
        names.OWN_CPU: np.sum(use, axis=0) * 0.9,
        names.OWN_MEMORY_MIB: 1800 + at_s,
    }


def _trace(folder: Path, worker: str, operator: str) -> None:
    """Two steps of 1 ms on one GPU, with an operator of that name."""
    trace = Written()
    trace.step(12, 0, 1000)
    trace.step(13, 1000, 1000)
    for begin in (0, 1000):
        trace.operator(operator, begin + 10, 300)
        trace.work(f"{operator} kernel", (begin + 20, 30), (begin + 100, 500))
        trace.call("cudaStreamSynchronize", begin + 400, 200)
        trace.work("Memcpy HtoD", (begin + 60, 10), (begin + 700, 90), "gpu_memcpy", bytes=1 << 20)
        trace.memory(begin + 50, 8 << 20, device=0)
    trace.write(folder / names.KERNELS / f"{worker}-12.pt.trace.json.gz")


_MACHINE = {
    "threads": 2,
    "batch_size": 16,
    "precision": "fp32",
    "peak_gflops": {"fp32": 210.0, "bf16": 330.0},
    "layer_gflops": {"fp32": 150.0, "bf16": 260.0},
    "bandwidth_gb_s": 18.0,
    "operator_us": 4.0,
    "step": {"flop": 4.2e9, "bytes": 0.9e9, "memory_bytes": 0.2e9, "operators": 900},
    "faults": [],
}
