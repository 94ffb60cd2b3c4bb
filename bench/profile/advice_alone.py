"""Steps of the learner alone, on pictures that are there, in time of the processor.

One thread computes, and what counts is the time that it has on a core, not the time that passes:
so predictions of batch size and arithmetic can be held against what happens also on a machine that
is busy with other things.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from bench import learning
from imageclf.profiler import names
from imageclf.profiler.advice.advise import advise
from imageclf.profiler.advice.values import Advised
from imageclf.profiler.collect import probe
from imageclf.profiler.collect.clock import Clock
from imageclf.profiler.collect.kernels import NoWindows
from imageclf.profiler.collect.recording import Recording
from imageclf.profiler.run import Profile
from imageclf.training import hardware

STEPS = 6


def train(settings: dict[str, Any], folder: Path) -> Advised:
    """Advice on some steps with these hyperparameters, recorded in `folder`."""
    os.environ["OMP_NUM_THREADS"] = "1"
    options = argparse.Namespace(**{key.replace("-", "_"): one for key, one in settings.items()})
    chosen = learning.settings(options).model_copy(update={"precision": options.precision})
    size = int(settings["batch-size"])
    batch = learning.pictures(chosen, size)
    recording = Recording(folder, "algo-1-0")
    clock = Clock(recording, None, NoWindows(), now_ns=time.process_time_ns)
    learner = learning.learner(chosen, clock=clock)
    recording.facts(
        {
            "began_ns": 0,
            "device": "cpu",
            "threads": 1,
            "workers": 0,
            "global_batch_size": size,
            "train_images": size * 1000,
            "precision": options.precision,
        }
    )
    found = probe.measure(
        learner.network,
        device=hardware.choose(chosen).device,
        precision=options.precision,
        batch_size=size,
        image_size=int(settings["image-size"]),
        channels_last=True,
        clock=time.process_time,
    )
    (folder / names.MACHINE).write_text(json.dumps(found))
    clock.begins(1, STEPS)
    for _ in range(STEPS):
        learner.step(batch, size, 0.5)
        clock.step_ends(size)
    clock.close()
    recording.close()
    profile = Profile(folder)
    profile.refresh()
    return advise(profile)
