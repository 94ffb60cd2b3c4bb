"""Going on from a checkpoint: which one, whether it belongs to this job, what is said of it."""

import logging

from imageclf.config import Hyperparameters, parse
from imageclf.data.dataset import DataSet
from imageclf.errors import CheckpointError
from imageclf.training.checkpoint import CheckpointFolder, State, decode
from imageclf.training.processes import World

log = logging.getLogger(__name__)

FREE = frozenset(
    {
        "epochs",
        "early-stop-patience",
        "checkpoint-minutes",
        "device",
        "precision",
        "channels-last",
        "debug",
        "debug-interval",
        "profile",
        "profile-interval",
        "profile-rules",
        "profile-actions",
        "debug-actions",
        "processes",
        "workers",
        "max-bad-share",
        "onnx",
    }
)
"""Hyperparameters that may change between a checkpoint and the run that goes on from it."""


def find(checkpoints: CheckpointFolder, world: World) -> bytes | None:
    """The newest whole checkpoint, the same in every process; None to begin anew.

    Raises:
        CheckpointError: there are some, and none can be read.
    """
    found: tuple[bytes, list[str]] | None = None

    def look() -> None:
        nonlocal found
        found = checkpoints.newest()

    world.once_per_training(look)
    for sentence in found[1] if found else []:
        log.warning("%s; going on from the one before", sentence)
    return world.share_bytes(found[0] if found else None)


def settings(
    checkpoint: bytes | None, given: Hyperparameters, chosen: Hyperparameters, data: DataSet
) -> Hyperparameters:
    """What the job works with: `chosen`, or what the checkpoint began with.

    Raises:
        CheckpointError: the checkpoint belongs to other data or other hyperparameters.
    """
    if checkpoint is None:
        return chosen
    state = decode(checkpoint)
    if state.data_fingerprint != data.fingerprint:
        raise CheckpointError(
            "The checkpoints belong to other data (its content or split has changed since); "
            "restore the data, or begin anew with an empty checkpoint folder."
        )
    before, now = state.given, given.as_strings()
    changed = [name for name in now if name not in FREE and before.get(name) != now[name]]
    if changed:
        words = ", ".join(f"{name} {before.get(name)} (now {now[name]})" for name in changed)
        raise CheckpointError(
            f"The checkpoints belong to a training with {words}; set it back, or begin anew with "
            "an empty checkpoint folder."
        )
    fixed = {name: value for name, value in state.resolved.items() if name not in FREE}
    return parse({**chosen.as_strings(), **fixed})


def start(given: Hyperparameters, chosen: Hyperparameters, data: DataSet) -> State:
    """The state of a training that has not begun."""
    return State(
        given=given.as_strings(),
        resolved=chosen.as_strings(),
        data_fingerprint=data.fingerprint,
        classes=data.classes,
    )


def note(state: State, batches: int) -> None:
    """Say, in the log and in the state, from where the training goes on."""
    place = f"epoch {state.epoch}, batch {state.batch} of {batches}"
    state.resumed.append(f"resumed from {place} (step {state.step})")
    log.info(state.resumed[-1])
