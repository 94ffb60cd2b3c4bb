"""One step of learning: forward, backward, update, and what is counted meanwhile."""

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from imageclf.config import Hyperparameters
from imageclf.data.loading import Batch
from imageclf.debugger.hook.recorder import NoRecorder
from imageclf.model import architecture as architectures
from imageclf.profiler import names
from imageclf.profiler.collect.clock import NO_CLOCK, NoClock
from imageclf.training import optimisation
from imageclf.training.checkpoint import Sums
from imageclf.training.evaluation import Input
from imageclf.training.processes import World


class Learner:
    """A network and all that changes its weights.

    Args:
        network: on its device, in its memory layout.
        class_counts: training images of each class.
        recorder: is told what happens in each step.
        clock: is told when its phases begin.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: Hyperparameters,
        prepare: Input,
        world: World,
        class_counts: list[int],
        *,
        recorder: NoRecorder,
        clock: NoClock = NO_CLOCK,
    ) -> None:
        device = prepare.hardware.device
        balanced = settings.class_weights == "balanced"
        weights_k = optimisation.balanced_weights(class_counts).to(device) if balanced else None
        self.network = network
        self.optimizer = optimisation.make_optimizer(network, settings)
        self.scaler = torch.amp.GradScaler(device.type, enabled=settings.precision == "fp16")
        self._settings = settings
        self._prepare = prepare
        self._world = world
        self._recorder = recorder
        self._clock = clock
        self._mixup = optimisation.Mixup(settings.mixup)
        self._criterion = optimisation.Criterion(settings, weights_k)
        self._model: nn.Module = network
        self._sums_3 = torch.zeros(3, dtype=torch.float64, device=device)

    def connect(self) -> None:
        """Let the processes average the gradients of the weights that learn now."""
        if self._world.size > 1:
            self._model = DistributedDataParallel(self.network, gradient_as_bucket_view=True)

    def step(self, batch: Batch, global_size: int, epochs_done: float) -> None:
        """Learn from this process's part of a global batch of `global_size` pictures.

        The gradient is that of the mean over the global batch, whatever the parts' sizes.
        """
        clock = self._clock
        clock.enter(names.COPY)
        lr = optimisation.learning_rate(self._settings, epochs_done)
        optimisation.set_learning_rate(self.optimizer, lr)
        labels_b = batch.labels_b.to(self._prepare.hardware.device, non_blocking=True)
        images_bchw, share = self._mixup(self._prepare(batch.images_u8_bchw))
        clock.enter(names.HOOK)
        self._recorder.step_begins()
        self._recorder.given(images_bchw)
        clock.enter(names.FORWARD)
        with self._prepare.autocast():
            output = self._model(images_bchw)
        main_bk, auxiliary = architectures.all_logits(output)
        loss = self._criterion(main_bk, auxiliary, labels_b, share)
        shown_b = labels_b if share >= 0.5 else labels_b.roll(1, 0)
        clock.enter(names.HOOK)
        self._recorder.computed(loss, shown_b, main_bk)
        self._update(loss * (self._world.size / global_size))
        clock.enter(names.OTHER)
        self._count(loss, main_bk, shown_b)
        clock.enter(names.HOOK)
        self._recorder.step_ends()
        clock.enter(names.OTHER)

    def loss(self) -> float:
        """Sum of this process's losses since `clear`; waits for the device."""
        return float(self._sums_3[0])

    def sums(self, before: Sums, seconds: float) -> Sums:
        """What all processes added up since `clear`, and `before`. All must call it."""
        loss, right, images = self._world.sum(self._sums_3).tolist()
        return Sums(
            loss=before.loss + loss,
            right=before.right + right,
            images=before.images + images,
            seconds=seconds,
        )

    def clear(self) -> None:
        """Begin to count anew."""
        self._sums_3.zero_()

    def _update(self, loss: Tensor) -> None:
        self._clock.enter(names.OPTIMISER)
        self.optimizer.zero_grad(set_to_none=True)
        self._clock.enter(names.BACKWARD)
        self.scaler.scale(loss).backward()
        self._clock.enter(names.HOOK)
        self._recorder.gradients(self.scaler)
        self._clock.enter(names.OPTIMISER)
        if self._settings.clip_norm:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.network.parameters(), self._settings.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def _count(self, loss: Tensor, logits_bk: Tensor, labels_b: Tensor) -> None:
        right = (logits_bk.detach().argmax(1) == labels_b).sum()
        self._sums_3[0] += loss.detach()
        self._sums_3[1] += right
        self._sums_3[2] += len(labels_b)
