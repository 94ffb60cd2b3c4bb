"""The training loop: epochs, validation, the best epoch, checkpoints, the stop signal.

All that is random in a step follows from (seed, epoch, batch, rank), so a training that was
stopped anywhere and resumed goes the very way it would have gone.
"""

import hashlib
import logging
import math
import struct
import time
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
import numpy.typing as npt
import psutil
import torch

from imageclf import metrics
from imageclf.config import Hyperparameters
from imageclf.data.loading import Batch
from imageclf.errors import TrainingError
from imageclf.model.layers import Freezer
from imageclf.model.scores import Scores
from imageclf.profiler import names
from imageclf.rules.watching import Asked
from imageclf.training import optimisation
from imageclf.training.checkpoint import Best, CheckpointFolder, State, Sums, restore
from imageclf.training.evaluation import Input, Predictions, predict
from imageclf.training.learner import Learner
from imageclf.training.processes import Agreement, World
from imageclf.training.progress import Progress
from imageclf.training.stop import StopRequested, StopSignal
from imageclf.training.watch import Watch

log = logging.getLogger(__name__)

_EPOCH_CHECKPOINT_S = 30.0
_LOSS_CHECK_STEPS = 20

Record = Callable[[list[dict[str, float]]], None]
"""Takes the history, one entry an epoch, whenever it has grown."""


class Feed(Protocol):
    """Where the pictures come from; each process gets its own part of each global batch."""

    @property
    def global_sizes(self) -> list[int]: ...

    @property
    def validation_labels_n(self) -> npt.NDArray[np.int64]: ...

    def training(self, epoch: int, first_batch: int) -> Iterable[Batch]: ...

    def validation(self) -> Iterable[Batch]: ...


class Trainer:
    """Trains one network from `state` on, or from a checkpoint, to the last epoch."""

    def __init__(
        self,
        learner: Learner,
        freezer: Freezer,
        feed: Feed,
        state: State,
        *,
        settings: Hyperparameters,
        prepare: Input,
        world: World,
        stop: StopSignal,
        checkpoints: CheckpointFolder,
        record: Record,
        watch: Watch,
    ) -> None:
        self.state = state
        self.ended_by: Asked | None = None
        """The rule that ended the training, known in the first process."""
        self._learner = learner
        self._freezer = freezer
        self._feed = feed
        self._settings = settings
        self._prepare = prepare
        self._world = world
        self._stop = stop
        self._checkpoints = checkpoints
        self._record = record
        self._watch = watch
        self._recorder = watch.debugging.recorder
        self._clock = watch.profiling.clock
        self._rule_stop = False
        self._agreement = Agreement(world, choices=3)
        self._interval_s = settings.checkpoint_minutes * 60
        self._checkpoint_s = self._began_s = time.monotonic()
        self._seconds_before = state.seconds
        self._stepped = False

    def restore(self, checkpoint: bytes) -> None:
        """Go on from the content of a checkpoint."""
        self.state = restore(checkpoint, self._learner.network, self._learner.optimizer)
        self._seconds_before = self.state.seconds
        if self.state.scaler:
            self._learner.scaler.load_state_dict(self.state.scaler)

    def fit(self) -> None:
        """Train to the last epoch, to an early stop, or until a rule ends it.

        Raises:
            StopRequested: a stop signal came; a checkpoint was written.
            TrainingError: the loss is no longer a number.
            CheckpointError: the disk did not take a checkpoint.
        """
        with self._stop.deferred():
            while not self.finished:
                on = self._epoch()
                if not on and not self._rule_stop:
                    self._save()
                if not on:
                    raise StopRequested
                if self._rule_stop:
                    return  # with the checkpoint that was written where the rule spoke
                if self.finished or self._checkpoint_due(_EPOCH_CHECKPOINT_S):
                    self._save()

    @property
    def finished(self) -> bool:
        """Whether no epoch is left, or the last ones were in vain."""
        patience = self._settings.early_stop_patience
        in_vain = patience > 0 and self.state.waiting >= patience
        return self.state.epoch > self._settings.epochs or in_vain

    def _epoch(self) -> bool:
        """Train and validate what is left of an epoch; False when a stop signal came.

        When a rule ends the training, the epoch ends where it stands, so that there is a model.
        """
        state = self.state
        if self._freezer.apply(state.epoch):
            self._learner.connect()
            log.info("epoch %d: %s", state.epoch, self._freezer.describe())
        began_s = time.monotonic() - state.sums.seconds
        before = state.sums
        if not self._train(before, began_s):
            return False
        state.sums = self._learner.sums(before, state.sums.seconds)
        self._learner.clear()
        predictions = self._validate()
        if predictions is None:
            return False
        self._conclude(predictions, time.monotonic() - began_s)
        return self._go_on()

    def _go_on(self) -> bool:
        """After an epoch: False when a stop signal came to anyone; a rule may end the training."""
        rule = self._watch.asked_to_stop() is not None
        stop, rule = map(any, zip(*self._world.agree((self._stop.requested, rule)), strict=True))
        if rule and not stop and not self._rule_stop and not self.finished:
            self._end_by_rule()
        return not stop

    def _train(self, before: Sums, began_s: float) -> bool:
        """The batches that are left of the epoch; False when a stop signal came."""
        state, feed = self.state, self._feed
        self._freezer.train_mode(frozen_batch_norm=self._settings.batch_norm == "frozen")
        total = len(feed.global_sizes)
        shown = self._world.leads
        with Progress(state.epoch, self._settings.epochs, total, state.batch, shown) as progress:
            self._clock.begins(state.epoch, total - state.batch)
            for batch in self._clock.waiting(feed.training(state.epoch, state.batch)):
                stop, save, rule = self._step(batch)
                state.sums.seconds = time.monotonic() - began_s
                progress.advance()
                if stop or save or rule:
                    self._keep_sums(before)
                if stop:
                    return False
                if rule:
                    self._end_by_rule()
                    return True
                if save:
                    self._save()
        return True

    def _end_by_rule(self) -> None:
        """Take note that a rule ends the training; a run with numbers can go on from here."""
        self._check_loss(self.state.sums.loss)
        self._rule_stop = True
        self.ended_by = self._watch.asked_to_stop()
        log.info("%s", self.ended_by)
        self._save()

    def _keep_sums(self, before: Sums) -> None:
        """Move what was counted since `before` into the state, for a checkpoint within an epoch."""
        sums = self._learner.sums(before, self.state.sums.seconds)
        self._learner.clear()
        self.state.sums = sums
        before.loss, before.right, before.images = sums.loss, sums.right, sums.images

    def _step(self, batch: Batch) -> list[bool]:
        """One step; whether to stop, to write a checkpoint, to end by a rule, as all agreed."""
        state = self.state
        due = self._world.leads and self._checkpoint_due(self._interval_s)
        rule = self._watch.asked_to_stop() is not None
        self._agreement.propose(self._stop.requested, due, rule)
        torch.manual_seed(_step_seed(self._settings.seed, state, self._world.rank))
        sizes = self._feed.global_sizes
        epochs_done = state.epoch - 1 + state.batch / len(sizes)
        self._learner.step(batch, sizes[state.batch], epochs_done)
        self._note_first_step()
        state.batch += 1
        state.step += 1
        if not self._prepare.hardware.is_cuda or state.step % _LOSS_CHECK_STEPS == 0:
            self._check_loss(self._learner.loss())
        decided = self._agreement.decide()
        self._clock.step_ends(len(batch.labels_b))
        return decided

    def _note_first_step(self) -> None:
        if not self._stepped:
            self._stepped = True
            began_s = psutil.Process().create_time()
            log.info("first step done %.1f s after the program started", time.time() - began_s)

    def _validate(self) -> Predictions | None:
        with self._recorder.validating(), self._clock.evaluating(self.state.epoch):
            return predict(
                self._learner.network,
                self._feed.validation(),
                self._feed.validation_labels_n,
                prepare=self._prepare,
                world=self._world,
                stop=self._stop,
                clock=self._clock,
            )

    def _conclude(self, predictions: Predictions, epoch_s: float) -> None:
        """Write down the epoch that has ended, and step to the next."""
        state, validation = self.state, predictions.scores()
        self._check_loss(state.sums.loss)
        self._recorder.validated(validation.loss, predictions.labels_n, predictions.logits_nk)
        entry = self._figures(validation, epoch_s)
        state.history.append(entry)
        self._judge(validation)
        if self._world.leads:
            log.info(metrics.line(entry))
            self._record(state.history)
        state.epoch, state.batch, state.sums = state.epoch + 1, 0, Sums()

    def _figures(self, validation: Scores, epoch_s: float) -> dict[str, float]:
        state, sums = self.state, self.state.sums
        last_step = state.epoch - 1 / len(self._feed.global_sizes)
        return {
            metrics.EPOCH.name: state.epoch,
            metrics.TRAIN_LOSS.name: sums.loss / sums.images,
            metrics.TRAIN_TOP1.name: sums.right / sums.images,
            metrics.VALIDATION_LOSS.name: validation.loss,
            metrics.VALIDATION_TOP1.name: validation.top1,
            metrics.VALIDATION_TOP5.name: validation.top5,
            metrics.VALIDATION_F1.name: validation.f1,
            metrics.IMAGES_PER_S.name: sums.images / max(sums.seconds, 1e-9),
            metrics.LEARNING_RATE.name: optimisation.learning_rate(self._settings, last_step),
            metrics.EPOCH_S.name: epoch_s,
        }

    def _judge(self, validation: Scores) -> None:
        """Keep the epoch's weights if it is the best so far."""
        state = self.state
        value = {"top1": validation.top1, "f1": validation.f1, "loss": -validation.loss}
        now = Best(epoch=state.epoch, value=value[self._settings.select_by], loss=validation.loss)
        if state.best and (now.value, -now.loss) <= (state.best.value, -state.best.loss):
            state.waiting += 1
            return
        if self._world.leads:
            self._checkpoints.save_best(state.epoch, self._learner.network)
        state.best, state.waiting = now, 0

    def _checkpoint_due(self, interval_s: float) -> bool:
        return time.monotonic() - self._checkpoint_s > min(interval_s, self._interval_s)

    def _save(self) -> None:
        """Write a checkpoint of where the training stands; the others wait for it."""
        self._checkpoint_s = time.monotonic()
        self.state.seconds = self._seconds_before + self._checkpoint_s - self._began_s
        self.state.scaler = self._learner.scaler.state_dict()
        with self._clock.aside(names.CHECKPOINT):
            self._world.once_per_training(self._write)

    def _write(self) -> None:
        path = self._checkpoints.save(self.state, self._learner.network, self._learner.optimizer)
        log.info(
            "checkpoint %s (epoch %d, batch %d)", path.name, self.state.epoch, self.state.batch
        )

    def _check_loss(self, loss: float) -> None:
        if not math.isfinite(loss):
            state = self.state
            raise TrainingError(
                f"The loss is no longer a number (epoch {state.epoch}, batch {state.batch}): "
                f"lower lr, which is {self._settings.lr:g}, or set clip-norm; "
                "the last good checkpoint is untouched."
            )


def _step_seed(seed: int, state: State, rank: int) -> int:
    """The seed of all that is random in one step: dropout, stochastic depth, mixup."""
    place = struct.pack("<4q", seed, state.epoch, state.batch, rank)
    return int.from_bytes(hashlib.blake2b(place, digest_size=8).digest(), "little") >> 1
