"""One run of the bench: every contender in turn, round after round."""

import argparse
import http.client
import json
import math
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.peers.environment import ROOT
from bench.serving.contenders import OURS, RAW, Contender, Layout, free_port
from bench.serving.figures import Figures
from bench.serving.photographs import class_name, gather
from bench.serving.server import Running, ServerError, running
from imageclf.machine import cores

_EXTRA_WORKER_CLIENTS = 4
_EXTRA_WORKER_LOAD_S = 3.0


class Bench:
    """One run: a model, photographs, and the figures of the contenders."""

    def __init__(self, options: argparse.Namespace, root: Path) -> None:
        self.figures = {one.title: Figures() for one in options.contenders}
        self.count = 0
        self._options = options
        self._root = root
        self._logs: Path = options.keep_logs or root
        self._model, self._pictures = root / "model", root / "pictures"

    def heading(self) -> str:
        """What was run on what."""
        options = self._options
        source = options.photographs.name if options.photographs else "made up"
        return (
            f"{options.architecture}, {options.image_size} px, {self.count} photographs "
            f"({source}), peers' network {options.peers_network}, rounds: {options.rounds}, "
            f"{options.seconds:g} s each, {cores()} cores"
        )

    def prepare(self) -> None:
        """Gather the photographs and write the model."""
        self._logs.mkdir(parents=True, exist_ok=True)
        gather(self._options.photographs, self._pictures)
        self.count = sum(1 for _ in self._pictures.iterdir())
        shape = [f"--architecture={self._options.architecture}"]
        shape.append(f"--image-size={self._options.image_size}")
        self._python("bench.serving.material", f"--model={self._model}", *shape)

    def measure(self, one: Contender) -> None:
        """One round of one contender; a failure is noted, and the others go on."""
        try:
            if one.name == RAW:
                self._raw(one)
            else:
                self._server(one)
        except (ServerError, subprocess.CalledProcessError) as error:
            reason = getattr(error, "stderr", None) or str(error)
            self.figures[one.title].failure = str(reason).strip()
            say(f"{one.title} failed: {reason}")

    def extra_worker_mib(self) -> float:
        """What a second worker of ours adds in memory, after some load; NaN if ours is not run."""
        if not any(one.name == OURS for one in self._options.contenders):
            return math.nan
        say("memory of one more worker")
        try:
            one, two = (self._loaded_mib(Layout(workers, 1)) for workers in (1, 2))
        except ServerError as error:
            say(f"imageclf failed: {error}")
            return math.nan
        return two - one

    def _raw(self, one: Contender) -> None:
        figures = self.figures[one.title]
        run = self._python(
            "bench.serving.raw", f"--model={self._model}", f"--seconds={self._options.seconds}"
        )
        figures.cell(1).add(run)
        figures.ready_s.append(run["ready_s"])
        figures.pss_mib.append(run["pss_mib"])
        figures.right = _right(run["classes"])

    def _server(self, one: Contender) -> None:
        figures = self.figures[one.title]
        with self._running(one) as server:
            figures.ready_s.append(server.ready_s)
            figures.idle_pss_mib.append(server.pss_mib())
            figures.right = _right([_first_class(server, path) for path in self._paths()])
            for clients in self._options.clients:
                run = self._load(server, clients, self._options.seconds, self._options.warm_up)
                figures.cell(clients).add(run)
            figures.pss_mib.append(server.pss_mib())

    def _loaded_mib(self, layout: Layout) -> float:
        with self._running(Contender(OURS, layout)) as server:
            self._load(server, _EXTRA_WORKER_CLIENTS, _EXTRA_WORKER_LOAD_S, 0)
            return server.pss_mib()

    def _running(self, one: Contender) -> AbstractContextManager[Running]:
        plan = one.plan(self._root, free_port())
        network = {"PEERS_NETWORK": self._options.peers_network}
        plan = replace(plan, environment={**plan.environment, **network})
        log = self._logs / f"{one.title}.log"
        return running(plan, log, self._paths()[0].read_bytes(), ROOT)

    def _load(self, server: Running, clients: int, seconds: float, warm_up_s: float) -> Any:
        return self._python(
            "bench.serving.load",
            f"--port={server.plan.port}",
            f"--path={server.plan.path}",
            f"--clients={clients}",
            f"--seconds={seconds}",
            f"--warm-up={warm_up_s}",
        )

    def _python(self, module: str, *arguments: str) -> Any:
        """The JSON that a module prints, run in a process of its own; None if it prints none."""
        command = [sys.executable, "-m", module, f"--pictures={self._pictures}", *arguments]
        # A session of its own, as the servers have: Linux shares out busy cores by session.
        run = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            start_new_session=True,
        )
        return json.loads(run.stdout) if run.stdout else None

    def _paths(self) -> list[Path]:
        return sorted(self._pictures.iterdir())


def _right(classes: Sequence[str | None]) -> int:
    """How many photographs were taken for themselves."""
    return sum(name == class_name(number) for number, name in enumerate(classes))


def _first_class(server: Running, path: Path) -> str | None:
    """The class that the server names first; None when it refuses the picture or hangs up."""
    try:
        status, body = server.post(path.read_bytes())
    except (OSError, http.client.HTTPException):
        return None
    if status != 200:
        return None
    name: str = json.loads(body)["predictions"][0]["class"]
    return name


def say(text: str) -> None:
    """Tell whoever waits; the table alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)
