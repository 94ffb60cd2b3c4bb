"""A training job from its settings to its artifact, in each of its processes."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import safetensors.torch
import torch
from torch import nn

from imageclf import driver, metrics
from imageclf.artifact import Manifest, NetworkSpec, Normalisation
from imageclf.config import Hyperparameters, parse
from imageclf.contract import Tree
from imageclf.data.checked import load_data
from imageclf.data.dataset import DataSet
from imageclf.errors import DataError
from imageclf.model import architecture as architectures
from imageclf.model import defaults, pretrained, scores, weights
from imageclf.model.layers import Freezer
from imageclf.training import hardware as machines
from imageclf.training import results as outputs
from imageclf.training import resume
from imageclf.training.checkpoint import CheckpointFolder, State, restore_network
from imageclf.training.evaluation import Input, Predictions, predict
from imageclf.training.feed import Feed, labels
from imageclf.training.learner import Learner
from imageclf.training.processes import World
from imageclf.training.results import Results
from imageclf.training.stop import StopRequested, StopSignal
from imageclf.training.trainer import Trainer

log = logging.getLogger(__name__)


class Job:
    """One training: `run` trains, evaluates and writes what is left behind."""

    def __init__(self, tree: Tree, world: World, stop: StopSignal) -> None:
        self._started = _now()
        self._tree = tree
        self._world = world
        self._stop = stop
        self._results = Results(tree.output_data)
        self._checkpoints = CheckpointFolder(tree.checkpoints)

    def run(self) -> None:
        """Train from the newest checkpoint, or from the start, to the artifact.

        Raises:
            StopRequested: stopped in good order; what is needed to go on is in `checkpoints`.
            ImageclfError: the job cannot be done; the message says why and what to do.
        """
        given = parse(self._tree.read_config("hyperparameters"))
        architectures.check_name(given.architecture)
        self._hardware = self._choose_hardware(given)
        self._world.join(self._hardware.is_cuda)
        machines.prepare(self._hardware)
        self._data = self._load_data(given)
        found = resume.find(self._checkpoints, self._world)
        chosen = defaults.resolve(given, self._hardware.machine)
        self._settings = resume.settings(found, given, chosen, self._data)
        network = self._network(fresh=found is None)
        with Feed(self._data, self._settings, self._world, self._hardware) as feed:
            self._feed = feed
            trainer = self._trainer(network, given)
            if found is not None:
                trainer.restore(found)
                resume.note(trainer.state, len(feed.global_sizes))
            self._train(trainer, network)

    def _train(self, trainer: Trainer, network: nn.Module) -> None:
        try:
            trainer.fit()
        except StopRequested:
            if self._world.leads and trainer.state.best:
                self._keep_best(trainer.state, network)
                self._write(trainer.state, network, stopped=True)
            raise
        self._conclude(trainer.state, network)

    def _choose_hardware(self, given: Hyperparameters) -> machines.Hardware:
        driver.require_gpu_or_explain(
            given.device, available=torch.cuda.is_available(), cuda=torch.version.cuda
        )
        return machines.choose(given, self._world.local_rank, self._world.local_size)

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

    def _network(self, fresh: bool) -> nn.Module:
        """The network on its device, with its first weights unless a checkpoint brings them."""
        settings = self._settings
        self._spec = NetworkSpec(
            architecture=settings.architecture,
            classes=len(self._data.classes),
            image_size=settings.image_size or 1,
            units=settings.units,
            dropout=settings.dropout,
        )
        torch.manual_seed(settings.seed)
        whole = settings.train in {"all", "gradual"}
        network = architectures.build(self._spec, auxiliary=whole)
        if fresh:
            origin = self._world.host_by_host(lambda: self._fill(network))
            log.info("%s, %s", settings.architecture, origin)
        if settings.batch_norm == "sync" and self._world.size > 1 and self._hardware.is_cuda:
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        layout = torch.channels_last if settings.channels_last else torch.contiguous_format
        placed: nn.Module = network.to(self._hardware.device)
        return placed.to(memory_format=layout)  # type: ignore[no-any-return, call-overload]

    def _fill(self, network: nn.Module) -> str:
        settings = self._settings
        return pretrained.load(network, settings.architecture, settings.pretrained, self._tree)

    def _trainer(self, network: nn.Module, given: Hyperparameters) -> Trainer:
        settings = self._settings
        self._prepare = Input(
            self._hardware, settings.precision, bool(settings.channels_last), Normalisation()
        )
        self._describe_start()
        counts = list(self._data.class_counts())
        return Trainer(
            Learner(network, settings, self._prepare, self._world, counts),
            Freezer(network, settings.architecture, settings.train, settings.unfreeze_every),
            self._feed,
            resume.start(given, settings, self._data),
            settings=settings,
            prepare=self._prepare,
            world=self._world,
            stop=self._stop,
            checkpoints=self._checkpoints,
            record=self._results.history,
        )

    def _describe_start(self) -> None:
        settings = ", ".join(f"{k}={v}" for k, v in self._settings.as_strings().items())
        log.info("settings: %s", settings)
        log.info(
            "%d process(es) on %s, %s",
            self._world.size,
            self._hardware.name,
            self._settings.precision,
        )

    def _keep_best(self, state: State, network: nn.Module) -> None:
        """Put the weights of the best epoch into the network."""
        assert state.best is not None
        epoch = state.best.epoch
        own = self._checkpoints.read_best(epoch) if self._world.leads else None
        content = own if self._stop.requested else self._world.share_bytes(own)
        restore_network(safetensors.torch.load(content or b""), network)

    def _conclude(self, state: State, network: nn.Module) -> None:
        """Evaluate the best epoch, calibrate it, and write the artifact and the results."""
        self._keep_best(state, network)
        data = self._data
        validation = self._predict(network, self._feed.validation(), data.validation)
        temperature = scores.fit_temperature(validation.logits_nk, validation.labels_n)
        split, items, shown = "validation", data.validation, validation
        test: Mapping[str, float] = {}
        if data.test:
            shown = self._predict(network, self._feed.once(data.test), data.test)
            split, items = "test", data.test
            test = _test_metrics(shown.scores())
        if self._world.leads:
            content = outputs.evaluation(split, items, shown, temperature, data)
            self._results.evaluation(content)
            self._write(state, network, temperature=temperature, test=test)
        self._world.wait()

    def _predict(self, network: nn.Module, batches: Any, items: Any) -> Predictions:
        predictions = predict(
            network,
            batches,
            labels(items),
            prepare=self._prepare,
            world=self._world,
            stop=self._stop,
        )
        if predictions is None:
            raise StopRequested
        return predictions

    def _write(
        self,
        state: State,
        network: nn.Module,
        *,
        temperature: float = 1.0,
        test: Mapping[str, float] | None = None,
        stopped: bool = False,
    ) -> None:
        """Write the artifact, the summary and the report."""
        figures = _best_metrics(state) | dict(test or {})
        log.info(metrics.line({k: v for k, v in figures.items() if k.startswith(("best", "test"))}))

        def describe(sha256: str) -> Manifest:
            return self._manifest(state, figures, temperature, stopped, sha256)

        weights.write_model(
            self._tree.model, network.state_dict(), self._spec.architecture, describe
        )
        summary = self._summary(state, figures, temperature, stopped)
        report = self._results.summary(summary)
        log.info("model in %s, report in %s", self._tree.model, report)

    def _manifest(
        self,
        state: State,
        figures: Mapping[str, float],
        temperature: float,
        stopped: bool,
        sha256: str,
    ) -> Manifest:
        assert state.best is not None
        return Manifest(
            network=self._spec,
            classes=self._data.classes,
            folders=self._data.folders,
            crop_share=self._settings.crop_share,
            temperature=temperature,
            complete=not stopped,
            epoch=state.best.epoch,
            metrics=dict(figures),
            hyperparameters=self._settings.as_strings(),
            data_fingerprint=self._data.fingerprint,
            weights_sha256=sha256,
            versions=dict(machines.versions()),
            created=_now(),
        )

    def _summary(
        self, state: State, figures: Mapping[str, float], temperature: float, stopped: bool
    ) -> dict[str, Any]:
        settings = self._settings
        return {
            "status": "stopped" if stopped else "completed",
            "reason": _reason(state, settings, stopped),
            "architecture": settings.architecture,
            "pretrained": settings.pretrained,
            "train": settings.train,
            "classes": list(self._data.classes),
            "best_epoch": state.best.epoch if state.best else None,
            "epochs": settings.epochs,
            "epochs_done": len(state.history),
            "metrics": dict(figures),
            "seconds": state.seconds,
            "images_per_s": _mean_rate(state),
            "device": self._hardware.name,
            "precision": settings.precision,
            "processes": self._world.size,
            "started": self._started,
            "hyperparameters": settings.as_strings(),
            "versions": dict(machines.versions()),
            "temperature": temperature,
            "resumed": state.resumed,
            "warnings": list(self._data.warnings),
        }


def _reason(state: State, settings: Hyperparameters, stopped: bool) -> str:
    if stopped:
        return f"stopped by a signal in epoch {state.epoch}"
    if len(state.history) < settings.epochs:
        return f"no better epoch in {settings.early_stop_patience}, so training ended early"
    return "all epochs done"


def _best_metrics(state: State) -> dict[str, float]:
    """The figures of the epoch that was kept."""
    assert state.best is not None
    entry = state.history[state.best.epoch - 1]
    kept = {name: value for name, value in entry.items() if name.startswith("validation:")}
    return {metrics.BEST_TOP1.name: entry[metrics.VALIDATION_TOP1.name], **kept}


def _test_metrics(test: scores.Scores) -> dict[str, float]:
    return {
        metrics.TEST_LOSS.name: test.loss,
        metrics.TEST_TOP1.name: test.top1,
        metrics.TEST_TOP5.name: test.top5,
        metrics.TEST_F1.name: test.f1,
    }


def _mean_rate(state: State) -> float:
    """Training images a second over all epochs, which are of equal size."""
    rates = [entry[metrics.IMAGES_PER_S.name] for entry in state.history]
    return len(rates) / sum(1 / rate for rate in rates) if rates else 0.0


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
