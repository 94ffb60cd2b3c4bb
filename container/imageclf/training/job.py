"""A training job from its settings to its artifact, in each of its processes."""

import logging
from collections.abc import Iterable

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from imageclf import driver
from imageclf.artifact import NetworkSpec, Normalisation
from imageclf.config import Hyperparameters, parse
from imageclf.contract import Tree
from imageclf.data.checked import load_data
from imageclf.data.dataset import DataSet, Item
from imageclf.data.loading import Batch
from imageclf.data.transforms import EvalTransform, normalise
from imageclf.debugger.hook import settings as debug_settings
from imageclf.errors import CheckpointError, DataError, TrainingError
from imageclf.model import architecture as architectures
from imageclf.model import defaults, pretrained, scores, weights
from imageclf.model.layers import Freezer
from imageclf.profiler import settings as profile_settings
from imageclf.profiler.collect.clock import NoClock
from imageclf.rules.watching import Statuses
from imageclf.training import account, hardware, results, resume
from imageclf.training.account import Account, Plan
from imageclf.training.checkpoint import CheckpointFolder, State, restore_network
from imageclf.training.debugging import STOPPED_PATIENCE_S, Debugging
from imageclf.training.evaluation import Input, Predictions, predict
from imageclf.training.feed import Feed, labels
from imageclf.training.learner import Learner
from imageclf.training.processes import World
from imageclf.training.profiling import Profiling
from imageclf.training.stop import StopRequested, StopSignal
from imageclf.training.trainer import Trainer
from imageclf.training.watch import Watch

log = logging.getLogger(__name__)

_COMPARED = 8
"""Pictures on which the ONNX graph is compared with torch."""


class Job:
    """One training: `run` trains, evaluates and writes what is left behind."""

    def __init__(self, tree: Tree, world: World, stop: StopSignal, name: str = "") -> None:
        self._tree = tree
        self._name = name
        self._world = world
        self._stop = stop
        self._results = results.Results(tree.output_data)
        self._checkpoints = CheckpointFolder(tree.checkpoints)

    def run(self) -> None:
        """Train from the newest checkpoint, or from the start, to the artifact.

        Raises:
            StopRequested: stopped in good order; what is needed to go on is in `checkpoints`.
            ImageclfError: the job cannot be done; the message says why and what to do.
        """
        started = account.now()
        given = parse(self._tree.read_config("hyperparameters"))
        architectures.check_name(given.architecture)
        watched = debug_settings.read(self._tree, given)
        profiled = profile_settings.read(self._tree, given)
        machine = self._hardware(given)
        self._world.join(machine.is_cuda)
        hardware.prepare(machine)
        with Profiling(
            profiled, self._tree, self._world, is_cuda=machine.is_cuda, board=watched.tensorboard
        ) as profiling:
            with profiling.part("data check"):
                data = self._load_data(given)
            checkpoint = resume.find(self._checkpoints, self._world)
            plan = self._plan(given, data, machine, started, checkpoint)
            with profiling.part("network"):
                network = self._network(plan, fresh=checkpoint is None)
            with (
                Feed(data, plan.settings, self._world, machine) as feed,
                Debugging(watched, self._tree, self._world) as debugging,
            ):
                watch = Watch(debugging, profiling)
                trainer = self._trainer(plan, network, feed, watch)
                if checkpoint is not None:
                    trainer.restore(checkpoint)
                    resume.note(trainer.state, len(feed.global_sizes))
                del checkpoint  # as large as the network and its optimiser
                watch.begin(plan, network, feed, trainer.state)
                self._train(plan, network, feed, trainer, watch)

    def _plan(
        self,
        given: Hyperparameters,
        data: DataSet,
        machine: hardware.Hardware,
        started: str,
        checkpoint: bytes | None,
    ) -> Plan:
        chosen = defaults.resolve(given, machine.machine)
        settings = resume.settings(checkpoint, given, chosen, data)
        spec = NetworkSpec(
            architecture=settings.architecture,
            classes=len(data.classes),
            image_size=settings.image_size or 1,
            units=settings.units,
            dropout=settings.dropout,
        )
        return Plan(given, settings, data, spec, machine, self._world.size, started, self._name)

    def _hardware(self, given: Hyperparameters) -> hardware.Hardware:
        driver.require_gpu_or_explain(
            given.device, available=torch.cuda.is_available(), cuda=torch.version.cuda
        )
        return hardware.choose(given, self._world.local_rank, self._world.local_size)

    def _load_data(self, given: Hyperparameters) -> DataSet:
        data = self._world.once_per_host(lambda: load_data(self._tree.data, given))
        if len(set(self._world.agree(data.fingerprint))) > 1:
            raise DataError(
                "The hosts have different data; give every host all of it "
                "(S3DataDistributionType FullyReplicated)."
            )
        if self._world.leads:
            self._results.data(data)
            for line in data.summary_lines():
                log.info(line)
        return data

    def _network(self, plan: Plan, fresh: bool) -> nn.Module:
        """The network on its device, with its first weights unless a checkpoint brings them."""
        settings = plan.settings
        torch.manual_seed(settings.seed)
        whole = settings.train in {"all", "gradual"}
        network = architectures.build(plan.network, auxiliary=whole)
        if fresh:
            name, source = settings.architecture, settings.pretrained
            origin = self._world.host_by_host(
                lambda: pretrained.load(network, name, source, self._tree)
            )
            log.info("%s, %s", name, origin)
        if settings.batch_norm == "sync" and self._world.size > 1 and plan.hardware.is_cuda:
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        layout = torch.channels_last if settings.channels_last else torch.contiguous_format
        network = network.to(plan.hardware.device)
        return network.to(memory_format=layout)  # type: ignore[no-any-return, call-overload]

    def _train(
        self,
        plan: Plan,
        network: nn.Module,
        feed: Feed,
        trainer: Trainer,
        watch: Watch,
    ) -> None:
        try:
            with watch.profiling.loop():
                trainer.fit()
        except StopRequested:
            watch.debugging.end()
            self._write_stopped(plan, network, trainer.state, watch)
            raise
        except (CheckpointError, TrainingError) as error:
            watch.profiling.end()
            raise watch.debugging.explained(error) from error
        watch.debugging.end()
        self._conclude(plan, network, feed, trainer, watch)

    def _trainer(self, plan: Plan, network: nn.Module, feed: Feed, watch: Watch) -> Trainer:
        settings, prepare = plan.settings, _input(plan)
        words = ", ".join(f"{name}={value}" for name, value in settings.as_strings().items())
        log.info("settings: %s", words)
        where = plan.hardware.name
        log.info("%d process(es) on %s, %s", self._world.size, where, settings.precision)
        counts = list(plan.data.class_counts())
        return Trainer(
            Learner(
                network,
                settings,
                prepare,
                self._world,
                counts,
                recorder=watch.debugging.recorder,
                clock=watch.profiling.clock,
            ),
            Freezer(network, settings.architecture, settings.train, settings.unfreeze_every),
            feed,
            resume.start(plan.given, settings, plan.data),
            settings=settings,
            prepare=prepare,
            world=self._world,
            stop=self._stop,
            checkpoints=self._checkpoints,
            record=self._results.history,
            watch=watch,
        )

    def _write_stopped(self, plan: Plan, network: nn.Module, state: State, watch: Watch) -> None:
        """What a stopped training leaves: the best epoch so far, not evaluated anew."""
        if self._world.leads and state.best:
            content = self._checkpoints.read_best(state.best.epoch)
            restore_network(safetensors.torch.load(content), network)
            told = Account(plan, state, stopped=True)
            self._write(told, network)
            self._add_rules(told, watch.statuses(STOPPED_PATIENCE_S))

    def _conclude(
        self,
        plan: Plan,
        network: nn.Module,
        feed: Feed,
        trainer: Trainer,
        watch: Watch,
    ) -> None:
        """Evaluate the best epoch, calibrate it, and write the artifact and the results."""
        state = trainer.state
        self._take_best(state, network)
        data = plan.data
        clock = watch.profiling.clock
        shown = self._predict(plan, network, feed.validation(), data.validation, clock)
        temperature = scores.fit_temperature(shown.logits_nk, shown.labels_n)
        split, items, test = "validation", data.validation, {}
        if data.test:
            shown = self._predict(plan, network, feed.once(data.test), data.test, clock)
            split, items, test = "test", data.test, account.test_metrics(shown.scores())
        if self._world.leads:
            self._results.evaluation(results.evaluation(split, items, shown, temperature, data))
            told = Account(plan, state, temperature, test, ended_by=trainer.ended_by)
            self._write(told, network)
            if plan.settings.onnx:
                self._export(plan)
        watch.profiling.gather()
        watch.profiling.end()
        if self._world.leads:
            self._add_rules(told, watch.statuses())
        self._world.wait()

    def _take_best(self, state: State, network: nn.Module) -> None:
        """Put the weights of the best epoch into the network of every process."""
        assert state.best is not None
        own = self._checkpoints.read_best(state.best.epoch) if self._world.leads else None
        content = self._world.share_bytes(own)
        assert content is not None
        restore_network(safetensors.torch.load(content), network)

    def _predict(
        self,
        plan: Plan,
        network: nn.Module,
        batches: Iterable[Batch],
        items: tuple[Item, ...],
        clock: NoClock,
    ) -> Predictions:
        with clock.evaluating(epoch=0):
            predictions = predict(
                network,
                batches,
                labels(items),
                prepare=_input(plan),
                world=self._world,
                stop=self._stop,
                clock=clock,
            )
        if predictions is None:
            raise StopRequested
        return predictions

    def _write(self, told: Account, network: nn.Module) -> None:
        """Write the artifact, the summary and the report."""
        log.info(told.last_line())
        architecture = told.plan.network.architecture
        weights.write_model(self._tree.model, network.state_dict(), architecture, told.manifest)
        report = self._results.summary(told.summary())
        log.info("model in %s, report in %s", self._tree.model, report)

    def _add_rules(self, told: Account, rules: dict[str, Statuses]) -> None:
        """Say in the summary and the report what the rules of both kinds found."""
        if rules:
            self._results.summary(told.summary() | rules)

    def _export(self, plan: Plan) -> None:
        """Add the ONNX graph to the artifact, compared with torch on pictures of validation."""
        from imageclf.model import export  # noqa: PLC0415  (half a second before the first step)

        view = EvalTransform(plan.network.image_size, plan.settings.crop_share)
        every = max(1, len(plan.data.validation) // _COMPARED)
        shown = plan.data.validation[::every][:_COMPARED]
        limit = plan.data.max_megapixels
        images = [view(item.path, max_megapixels=limit).numpy() for item in shown]
        manifest = export.add_graph(self._tree.model, np.stack(images), _prepared)
        if manifest.onnx:
            difference = manifest.onnx.max_difference
            log.info(
                "ONNX graph: logits within %.1g of torch's, %d images", difference, len(images)
            )


def _prepared(images_u8_bchw: Tensor) -> Tensor:
    """The normalisation as the artifact says it, in fp32 on the CPU."""
    said = Normalisation()
    return normalise(images_u8_bchw, said.mean, said.std, torch.float32, channels_last=False)


def _input(plan: Plan) -> Input:
    settings = plan.settings
    return Input(plan.hardware, settings.precision, bool(settings.channels_last), Normalisation())
