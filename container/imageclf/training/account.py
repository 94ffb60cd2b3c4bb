"""The account of a training: what manifest and summary say of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from imageclf import metrics
from imageclf.artifact import Manifest, NetworkSpec
from imageclf.config import Hyperparameters
from imageclf.data.dataset import DataSet
from imageclf.model.scores import Scores
from imageclf.rules.watching import Asked
from imageclf.training.checkpoint import State
from imageclf.training.hardware import Hardware, versions


@dataclass(frozen=True)
class Plan:
    """All that is decided before the first step."""

    given: Hyperparameters
    settings: Hyperparameters
    data: DataSet
    network: NetworkSpec
    hardware: Hardware
    processes: int
    started: str
    name: str = ""


@dataclass(frozen=True)
class Account:
    """How a training went; it has at least one epoch behind it.

    Args:
        stopped: a signal ended it before its time.
        ended_by: the rule that did.
    """

    plan: Plan
    state: State
    temperature: float = 1.0
    test: Mapping[str, float] = field(default_factory=dict)
    stopped: bool = False
    ended_by: Asked | None = None

    def figures(self) -> dict[str, float]:
        """Metrics of the epoch that was kept, by name."""
        entry = self.state.history[self._best_epoch - 1]
        kept = {name: value for name, value in entry.items() if name.startswith("validation:")}
        best = {metrics.BEST_TOP1.name: entry[metrics.VALIDATION_TOP1.name]}
        return best | kept | dict(self.test)

    def last_line(self) -> str:
        """The metric line of the whole training."""
        figures = self.figures()
        return metrics.line({k: v for k, v in figures.items() if k.startswith(("best", "test"))})

    def manifest(self, weights_sha256: str) -> Manifest:
        """What goes beside the weights."""
        plan = self.plan
        return Manifest(
            name=plan.name,
            network=plan.network,
            classes=plan.data.classes,
            folders=plan.data.folders,
            crop_share=plan.settings.crop_share,
            temperature=self.temperature,
            complete=not self.stopped,
            epoch=self._best_epoch,
            metrics=self.figures(),
            hyperparameters=plan.settings.as_strings(),
            data_fingerprint=plan.data.fingerprint,
            weights_sha256=weights_sha256,
            versions=dict(versions()),
            created=now(),
        )

    def summary(self) -> dict[str, Any]:
        """The content of `summary.json`."""
        plan, settings, state = self.plan, self.plan.settings, self.state
        return {
            "status": "stopped" if self.stopped else "completed",
            "reason": self._reason(),
            "architecture": settings.architecture,
            "pretrained": settings.pretrained,
            "train": settings.train,
            "classes": list(plan.data.classes),
            "best_epoch": self._best_epoch,
            "epochs": settings.epochs,
            "epochs_done": len(state.history),
            "metrics": self.figures(),
            "seconds": state.seconds,
            "images_per_s": self._images_per_s(),
            "device": plan.hardware.name,
            "precision": settings.precision,
            "processes": plan.processes,
            "started": plan.started,
            "hyperparameters": settings.as_strings(),
            "versions": dict(versions()),
            "temperature": self.temperature,
            "resumed": state.resumed,
            "warnings": list(plan.data.warnings),
        }

    @property
    def _best_epoch(self) -> int:
        assert self.state.best is not None
        return self.state.best.epoch

    def _reason(self) -> str:
        if self.stopped:
            return f"stopped by a signal in epoch {self.state.epoch}"
        if self.ended_by is not None:
            return str(self.ended_by)
        if len(self.state.history) < self.plan.settings.epochs:
            patience = self.plan.settings.early_stop_patience
            return f"no better epoch in {patience}, so training ended early"
        return "all epochs done"

    def _images_per_s(self) -> float:
        """Over all epochs, which have the same number of images."""
        rates = [entry[metrics.IMAGES_PER_S.name] for entry in self.state.history]
        return len(rates) / sum(1 / rate for rate in rates)


def test_metrics(test: Scores) -> dict[str, float]:
    """The figures of the test split, by name."""
    return {
        metrics.TEST_LOSS.name: test.loss,
        metrics.TEST_TOP1.name: test.top1,
        metrics.TEST_TOP5.name: test.top5,
        metrics.TEST_F1.name: test.f1,
    }


def now() -> str:
    """The time, in UTC, as ISO 8601 writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
