import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imageclf.profiler import names
from imageclf.profiler.advice.advise import advise
from imageclf.profiler.advice.values import Advised
from imageclf.profiler.kernels import Kernels
from imageclf.profiler.run import Profile
from tests.profiler.advice.runs import FACTS, MACHINE, PHASES, STEPS, WORKER, Run
from tests.profiler.made import Made


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Advice on a run of 100 steps; what is given replaces what is usual."""

    def make(
        *,
        facts: dict[str, Any] | None = None,
        machine: dict[str, Any] | None = None,
        steps: dict[str, Any] | None = None,
        reads: dict[str, Any] | None = None,
        system: dict[str, Any] | None = None,
        kernels: Kernels | None = None,
        price: float | None = None,
    ) -> Advised:
        made = Made(tmp_path)
        at_s = 10 + np.arange(STEPS) * 0.1
        made.worker(WORKER, **{**FACTS, **(facts or {})})
        made.steps(WORKER, at_s, {**PHASES, **(steps or {})})
        if reads is not None:
            made.reads(WORKER, at_s, {"worker": -1, "threads": 4, "images": 16, **reads})
        made.system("algo-1", np.arange(0, 24, 0.5), {"own_cpu": 320, **(system or {})})
        spans = [("initialisation", 0, 10), ("training loop", 10, 12), ("finalisation", 22, 2)]
        made.spans(WORKER, [*spans, ("evaluation", 15, 1.5), ("checkpoint", 16, 0.5)])
        content = MACHINE if machine is None else machine
        (tmp_path / names.MACHINE).write_text(json.dumps(content))
        profile = Profile(tmp_path)
        profile.refresh()
        return advise(profile, kernels, price)

    return make
