"""The hook of one training, made as its settings say."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smdebug import SaveConfig, SaveConfigMode

from imageclf.debugger import statistics
from imageclf.debugger.hook.foreign import ModeKeys, ReductionConfig, subdued
from imageclf.debugger.hook.hook import Hook
from imageclf.debugger.hook.hook_config import When
from imageclf.debugger.hook.settings import Collection, DebugSettings

__all__ = ["ModeKeys", "make_hook"]

_ABSOLUTE = "abs_"
_NORMS = frozenset({"l1", "l2"})


def make_hook(
    settings: DebugSettings,
    folder: Path,
    tensorboard: Path | None,
    steps_before: Mapping[ModeKeys, int],
) -> Hook:
    """A hook that saves to `folder` what `settings` ask for.

    Args:
        tensorboard: folder of TensorBoard's files; None for none.
        steps_before: steps of each mode that an earlier part of the run has done.

    Raises:
        SettingsError: nothing could be saved like that.
    """
    with subdued():
        hook = Hook(
            folder,
            export_tensorboard=tensorboard is not None,
            tensorboard_dir=None if tensorboard is None else str(tensorboard),
            include_collections=[one.name for one in settings.collections],
            include_workers="all" if settings.all_workers else "one",
            statistics={one.name: one.statistics for one in settings.collections},
            steps_before=steps_before,
        )
        for one in settings.collections:
            _set_up(hook.get_collection(one.name), one)
    return hook


def _set_up(collection: Any, asked: Collection) -> None:
    if asked.include_regex:
        collection.include(list(asked.include_regex))
    collection.save_config = SaveConfig(
        {ModeKeys.TRAIN: _mode(asked.train), ModeKeys.EVAL: _mode(asked.evaluation)}
    )
    if asked.reductions:
        collection.reduction_config = _reductions(asked)


def _mode(when: When) -> SaveConfigMode:
    return SaveConfigMode(
        save_interval=when.save_interval,
        start_step=when.start_step,
        end_step=when.end_step,
        save_steps=list(when.save_steps),
    )


def _reductions(asked: Collection) -> ReductionConfig:
    absolute = {name.removeprefix(_ABSOLUTE) for name in asked.reductions if name[:4] == _ABSOLUTE}
    plain = {name for name in asked.reductions if name[:4] != _ABSOLUTE}
    return ReductionConfig(
        reductions=sorted(plain - _NORMS),
        norms=sorted(plain & _NORMS),
        abs_reductions=sorted(absolute - _NORMS),
        abs_norms=sorted(absolute & _NORMS),
        save_raw_tensor=statistics.RAW in asked.statistics,
    )
