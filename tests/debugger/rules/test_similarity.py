from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from imageclf.debugger.rules.similarity import SimilarAcrossRuns
from imageclf.debugger.tensors.run import Run
from imageclf.errors import TensorsError
from imageclf.rules.finding import Finding
from tests.debugger.tensors.saving import REDUCTIONS, end, save_collections, save_step

MEAN = f"{REDUCTIONS}mean/fc.weight"


def saved(folder: Path, name: str, values: Sequence[float]) -> Path:
    """A run that saved `name` with these values, one a step; also the loss, always 1."""
    for number, value in enumerate(values):
        save_step(folder, number, {name: np.array([value, 1], np.float32), "loss": np.float32(1)})
    save_collections(folder, {"losses": ["loss"], "weights": ["fc.weight"]})
    end(folder)
    return folder


def compared(folder: Path, **given: str) -> list[Finding]:
    rule = SimilarAcrossRuns.from_strings(given)
    run = Run(folder)
    run.refresh()
    found = [one for step in run.steps() for one in rule.look(step)]
    assert rule.looked
    return found


@pytest.mark.parametrize(
    ("values", "found_at"),
    [
        ((1, 2, 3), []),
        ((1, 2 + 1e-5, 3), []),
        ((1, 2 + 1e-4, 3), [1]),
        ((1, 4, 4, 4), [1]),
        ((1, np.nan, 3), [1]),
    ],
)
def test_the_first_step_that_differs_is_found(
    tmp_path: Path, values: Sequence[float], found_at: list[int]
) -> None:
    other = saved(tmp_path / "other", "fc.weight", (1, 2, 3))
    here = saved(tmp_path / "here", "fc.weight", values)

    found = compared(here, other_trials=str(other))

    assert [(one.step, one.tensor) for one in found] == [(step, "fc.weight") for step in found_at]


def test_values_are_compared_with_anothers_statistics(tmp_path: Path) -> None:
    other = saved(tmp_path / "other", MEAN, (1, 2))
    here = saved(tmp_path / "here", "fc.weight", (1, 3))

    (found,) = compared(here, other_trial=str(other), collection_names="weights")

    assert (found.step, found.details["compared"]) == (0, "mean")


def test_only_what_is_chosen_is_compared(tmp_path: Path) -> None:
    other = saved(tmp_path / "other", "fc.weight", (1, 2))
    here = saved(tmp_path / "here", "fc.weight", (5, 6))

    assert not compared(here, other_trials=str(other), collection_names="losses")
    assert compared(here, other_trials=f"{here}, {other}", tensor_regex="^fc")


def test_a_run_that_is_elsewhere_is_refused_with_what_to_do(tmp_path: Path) -> None:
    here = saved(tmp_path / "here", "fc.weight", (1,))

    with pytest.raises(TensorsError, match="copy s3://bucket/other to this machine"):
        compared(here, other_trials="s3://bucket/other")


def test_without_another_run_or_a_step_in_common_it_says_what_it_misses(tmp_path: Path) -> None:
    assert "give it other_trials" in SimilarAcrossRuns().missing()
    missing = SimilarAcrossRuns.from_strings({"other_trials": str(tmp_path)})
    assert "save the same collections" in missing.missing()
