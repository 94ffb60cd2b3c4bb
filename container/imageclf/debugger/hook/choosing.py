"""smdebug's hook as far as it decides: which tensors are saved, how, and at which steps."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imageclf.debugger import names
from imageclf.debugger.hook import plans
from imageclf.debugger.hook.claim import Claim
from imageclf.debugger.hook.foreign import (
    CollectionKeys,
    ModeKeys,
    ReductionConfig,
    SMDebugError,
    SmdebugHook,
    subdued,
)
from imageclf.debugger.hook.plans import Plan, Statistics
from imageclf.debugger.statistics import RAW
from imageclf.errors import SettingsError

log = logging.getLogger(__name__)

_FILLED_BY_KIND = frozenset(
    {
        names.INPUTS,
        CollectionKeys.OUTPUTS,
        names.RELU_INPUT,
        names.RELU_OUTPUT,
        names.SATURATING_INPUT,
        names.LABELS,
        names.PREDICTIONS,
    }
)
"""Collections that are filled by kinds of layers or by `record`: they need no expression."""

_ONLY_TRAINING = frozenset({CollectionKeys.GRADIENTS, CollectionKeys.OPTIMIZER_VARIABLES})


class ChoosingHook(SmdebugHook):  # type: ignore[misc]  # smdebug has no types
    """What `Hook` needs to know before it looks at any tensor; see there for the arguments."""

    def __init__(
        self,
        out_dir: str | Path | None,
        statistics: Statistics | None,
        steps_before: Mapping[ModeKeys, int] | None,
        include_collections: list[str] | None,
        **others: Any,
    ) -> None:
        self._statistics: Statistics = dict(statistics or {})
        plans.check(self._statistics)
        self._plans: dict[tuple[str, frozenset[str]], Plan] = {}
        self._folder = _usable(out_dir, used=steps_before is not None)
        self._claim = Claim(self._folder)
        if statistics is not None:
            include_collections = sorted({*(include_collections or ()), *statistics})
        with subdued(), _told():
            # Past smdebug's decorator, which swallows errors.
            SmdebugHook.__init__.__wrapped__(
                self,
                out_dir=str(self._folder),
                include_collections=include_collections,
                **others,
            )
        self.timeline_writer.close()  # its thread would wait for a profiler's events
        self._go_on_after(steps_before or {})

    def will_save(self) -> bool:
        """Whether the coming step is to be saved."""
        self._prepare()
        return self._writes() and bool(self._due(self.mode_steps[self.mode] + 1))

    def _prepare(self) -> None:
        if not self.prepared_collections:
            with subdued(), _told():
                self._prepare_collections()

    def _prepare_collections(self) -> None:
        for name, wanted in self._statistics.items():
            collection = self.get_collection(name)
            if collection.reduction_config is None:
                collection.reduction_config = ReductionConfig(save_raw_tensor=RAW in wanted)
        super()._prepare_collections()

    def _get_default_collections(self) -> set[str]:
        known: set[str] = super()._get_default_collections()
        return known | _FILLED_BY_KIND | set(self._statistics)

    def _due(self, mode_step: int) -> frozenset[str]:
        """The collections to save at this step of the current mode."""
        training = self.mode in {ModeKeys.TRAIN, ModeKeys.GLOBAL}
        return frozenset(
            one.name
            for one in self._get_all_collections_to_save()
            if (training or one.name not in _ONLY_TRAINING)
            and one.save_config.should_save_step(self.mode, mode_step)
        )

    def _join(self, name: str, collection_name: str) -> None:
        """Let tensor `name` be in a collection that no regular expression puts it into."""
        collection = self.get_collection(collection_name)
        if collection.has_tensor_name(name):
            return
        collection.add_tensor_name(name)
        self.tensor_to_collections.pop(name, None)
        self._plans = {key: plan for key, plan in self._plans.items() if key[0] != name}

    def _plan(self, name: str, due: frozenset[str]) -> Plan:
        """What is saved of tensor `name` when these collections are due."""
        found = self._plans.get((name, due))
        if found is None:
            collections = [c for c in self._get_collections_with_tensor(name) if c.name in due]
            found = plans.plan(collections, self._statistics)
            self._plans[name, due] = found
        return found

    def _writes(self) -> bool:
        """Whether this process is one that writes."""
        if self.dry_run or not (self.save_all_workers or self.worker == self.chief_worker):
            return False
        self.first_process: bool | None
        if self.first_process is None and self._get_num_workers() == 1:
            self.first_process = self._claim.take()
            if not self.first_process:
                log.warning("another process saves tensors to %s; this one does not", self._folder)
        return self.first_process is not False

    def _go_on_after(self, steps_before: Mapping[ModeKeys, int]) -> None:
        for mode, count in steps_before.items():
            self.mode_steps[mode] = count - 1
        if steps_before:
            self.step = sum(steps_before.values()) - 1
            self.mode_steps[ModeKeys.GLOBAL] = self.step

    def _write_state(self) -> None:
        """Nothing: smdebug would look through all checkpoints at each step, and add a file."""


def _usable(out_dir: str | Path | None, used: bool) -> Path:
    if out_dir is None:
        raise SettingsError("The hook needs a folder to save tensors in; give it as out_dir.")
    if str(out_dir).startswith("s3://"):
        raise SettingsError(
            f"The hook saves tensors on this machine, and {out_dir} is not; give a folder here "
            "and let SageMaker upload it (S3OutputPath)."
        )
    folder = Path(out_dir).expanduser()
    parts = ("events", "index", "collections", names.END_OF_JOB)
    if not used and any((folder / part).exists() for part in parts):
        raise SettingsError(
            f"{folder} holds the tensors of an earlier run; empty it or give another folder."
        )
    (folder / names.END_OF_JOB).unlink(missing_ok=True)
    return folder


@contextmanager
def _told() -> Iterator[None]:
    """smdebug's complaints about its settings as errors of our own."""
    try:
        yield
    except (SMDebugError, RuntimeError, ValueError, TypeError, OSError) as error:
        raise SettingsError(f"smdebug's hook cannot be set up: {error}.") from error
