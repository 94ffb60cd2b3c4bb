"""Which running training jobs are to be stopped because others do better."""

from collections.abc import Mapping, Sequence
from typing import Any

from local_test.cloud.tuning import checks, hyperband, stopping
from local_test.cloud.tuning.definitions import Definition
from local_test.cloud.tuning.trials import Trial


class EarlyStopping:
    """AWS's `TrainingJobEarlyStoppingType` Auto: the median rule."""

    def judged(
        self, trial: Trial, trials: Sequence[Trial], definition: Definition
    ) -> tuple[int, str]:
        """The rungs that `trial` has passed, and why it is to be stopped, if it is."""
        finished = [
            one.readings
            for one in trials
            if one.definition == trial.definition and one.has_ended and one.objective is not None
        ]
        loses = stopping.is_below_median(trial.readings, finished, definition.maximize)
        return trial.rungs, "median" if loses else ""


class Hyperband:
    """The brackets of one definition, and where its jobs come to their last epoch."""

    def __init__(self, config: Mapping[str, Any], definition: Definition) -> None:
        least, self._most = checks.epochs(config, definition)
        self._brackets = hyperband.brackets(least, self._most)
        texts = [definition.static.get(name, "") for name in hyperband.RESOURCE_NAMES]
        own = next((int(text.strip('"')) for text in texts if text.strip('"').isdigit()), None)
        self._ends_itself = own is not None and own <= self._most

    def judged(
        self, trial: Trial, trials: Sequence[Trial], definition: Definition
    ) -> tuple[int, str]:
        """The rungs that `trial` has passed, and why it is to be stopped, if it is.

        A job that was told to run no longer than MaxResource ends by itself there, with its model.
        """
        if len(trial.readings) >= self._most and not self._ends_itself:
            return trial.rungs, "resource"
        place = hyperband.bracket_of(trial.place, self._brackets)
        others = [
            one.readings
            for one in trials
            if one.definition == trial.definition
            and one.number != trial.number
            and hyperband.bracket_of(one.place, self._brackets) == place
        ]
        passed = trial.rungs
        for epoch in self._brackets[place].rungs[trial.rungs :]:
            if len(trial.readings) < epoch:
                break
            if hyperband.loses(trial.readings, others, epoch, definition.maximize):
                return passed, "rung"
            passed += 1
        return passed, ""


class Nobody:
    """No training job is stopped early."""

    def judged(
        self, trial: Trial, _trials: Sequence[Trial], _definition: Definition
    ) -> tuple[int, str]:
        """No reason to stop."""
        return trial.rungs, ""


Judge = EarlyStopping | Hyperband | Nobody


def judge(config: Mapping[str, Any], definition: Definition) -> Judge:
    """Who judges the training jobs of a definition."""
    if config["Strategy"] == "Hyperband":
        return Hyperband(config, definition)
    automatic = config.get("TrainingJobEarlyStoppingType", "Off") == "Auto"
    return EarlyStopping() if automatic else Nobody()
