"""The debugger of one training: the recorder, the process that watches, and what it said.

It ends in every way a training ends; a checkpoint and the artifact come before it.
"""

import hashlib
import json
import logging
import shutil
from types import TracebackType
from typing import Any, Self

from torch import nn

from imageclf.contract import Tree
from imageclf.debugger import live
from imageclf.debugger.hook import tensor_folder
from imageclf.debugger.hook.recorder import NoRecorder, Recorder
from imageclf.debugger.hook.settings import DebugSettings
from imageclf.errors import ImageclfError, TensorsError
from imageclf.rules.finding import Status
from imageclf.rules.watching import Asked, Statuses, Watcher
from imageclf.training import resume
from imageclf.training.checkpoint import State
from imageclf.training.processes import World
from imageclf.training.stop import StopRequested

log = logging.getLogger(__name__)

PATIENCE_S = 30.0
"""So long the rules have, after the training, to judge the last steps."""

STOPPED_PATIENCE_S = 15.0
"""The same when the platform wants the job to end."""


class Debugging:
    """Whether on or off; a context manager: on leaving, nothing of it runs any more."""

    def __init__(self, settings: DebugSettings, tree: Tree, world: World) -> None:
        self._settings = settings
        self._tree = tree
        self._world = world
        self._folder = tree.place(settings.folder) if settings.folder else tree.tensors
        board = settings.tensorboard
        self._board = tree.place(board) if board is not None else None
        self._watcher: Watcher | None = None
        self.recorder: NoRecorder = self._make_recorder()

    def begin(self, network: nn.Module, state: State) -> None:
        """Record `network`, and watch it, from where the training stands.

        Raises:
            SettingsError: tensors cannot be saved as it is set.
        """
        if not self._settings.on:
            return
        try:
            self._world.once_per_host(lambda: self._prepare(state))
            self.recorder.begin(network, state.step, len(state.history))
        except TensorsError as error:
            log.warning("the debugger is off: %s", error)
            self.recorder.fault = str(error)
        if self._world.leads and self._settings.rules:
            self._watcher = Watcher(
                live.PROGRAM, self._folder, self._tree.output_data, self._settings.rules
            )
            if not self.recorder.fault:
                self._watcher.start()

    def asked_to_stop(self) -> Asked | None:
        """What a rule said when it asked this training to end; known in the first process only."""
        return None if self._watcher is None else self._watcher.asked_to_stop()

    def end(self) -> None:
        """Nothing more will be recorded; the rules go on with what is there. All must call it."""
        if self._settings.all_workers and not self._world.leads:
            self.recorder.close()
        if self._settings.all_workers:
            self._world.wait()  # the first process says that it was the last
        self.recorder.close()

    def statuses(self, patience_s: float = PATIENCE_S) -> Statuses:
        """How the rules stand at the end; waits for them, at most so long."""
        self.recorder.close()
        if self._watcher is None:
            return []
        return self._watcher.finish(patience_s, self.recorder.fault)

    def explained(self, error: ImageclfError) -> ImageclfError:
        """`error`, which ends the training, with what the rules say of its last step."""
        self.recorder.last_step()
        issues = [one for one in self.statuses() if _found(one)]
        said = (
            f"Rule {one['RuleConfigurationName']} found: {one['StatusDetails']}" for one in issues
        )
        return type(error)(" ".join([str(error), *said]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stopped = isinstance(error, StopRequested)
        self.statuses(STOPPED_PATIENCE_S if stopped else PATIENCE_S)

    def _make_recorder(self) -> NoRecorder:
        settings, leads = self._settings, self._world.leads
        if not settings.on or not (leads or settings.all_workers):
            return NoRecorder()
        return Recorder(settings, self._folder, self._board, ends=leads)

    def _prepare(self, state: State) -> None:
        behind = state.step + len(state.history) if state.resumed else None
        own = self._folder.is_relative_to(self._tree.output)
        tensor_folder.prepare(self._folder, _run_id(state), behind, own=own)
        if behind is None and self._board and self._board.is_relative_to(self._tree.output):
            shutil.rmtree(self._board, ignore_errors=True)


def _found(status: dict[str, Any]) -> bool:
    return bool(status["RuleEvaluationStatus"] == Status.ISSUES.value)


def _run_id(state: State) -> str:
    """The same for a training and all that go on from its checkpoints."""
    given = {name: value for name, value in state.given.items() if name not in resume.FREE}
    content = json.dumps([given, state.data_fingerprint], sort_keys=True)
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
