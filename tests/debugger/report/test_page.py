import math
import subprocess
import sys
from pathlib import Path

import numpy as np

from imageclf.debugger import names
from imageclf.debugger.report import write_debug_report
from imageclf.debugger.rules.catalogue import RULES
from imageclf.debugger.saved import Saved
from imageclf.rules.engine import RuleState
from imageclf.rules.finding import Status
from tests.debugger.report.sample import HOSTILE, FakeRun, finding, loss, state, steps, training
from tests.report.sample import write_run
from tests.report.test_training import Page


def report(folder: Path, states: list[RuleState], run: FakeRun | None = None) -> Page:
    path = write_debug_report(run or FakeRun(training()), states, folder / "debug-report.html")
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_goes_from_the_verdict_to_the_findings_to_what_is_missing(tmp_path: Path) -> None:
    states = [
        state("VanishingGradient"),
        state("Overfit", finding("Overfit", 305)),
        state("DeadRelu", status=Status.ERROR, details="DeadRelu needs relu_output; save it."),
    ]
    page = report(tmp_path, states)
    assert list(page.sections) == ["summary", "statuses", "rule-2", "healthy", "gaps"]
    assert "1 of 3 rules found something: Overfit." in page.text("summary")
    assert "VanishingGradient." in page.text("healthy")
    assert "DeadRelu needs relu_output; save it." in page.text("gaps")


def test_a_finding_is_told_with_its_figures_its_meaning_and_its_advice(tmp_path: Path) -> None:
    found = finding("Overfit", 305, value=0.31)
    text = report(tmp_path, [state("Overfit", found)]).text("rule-1")
    assert all(one in text for one in (found.found, found.meaning, found.advice, "0.31"))


def test_what_was_trained_stands_at_the_head_when_it_is_known(tmp_path: Path) -> None:
    assert "What the rules found" in report(tmp_path, []).text("summary")
    (tmp_path / "data.json").write_text('{"classes": ["ants", "bees"]}')
    assert "A training on ants and bees" in report(tmp_path, []).text("summary")
    write_run(tmp_path)
    assert "resnet50 on ants and bees" in report(tmp_path, []).text("summary")


def test_an_empty_run_and_no_rules_still_have_a_page(tmp_path: Path) -> None:
    page = report(tmp_path, [], FakeRun())
    assert "No rule was evaluated." in page.text("summary")
    assert "No step was saved" in page.text("gaps")


def test_findings_without_saved_steps_still_have_a_page(tmp_path: Path) -> None:
    page = report(tmp_path, [state("Overfit", finding("Overfit"))], FakeRun())
    assert "All" not in page.text("rule-1")
    assert page.all("svg") == []


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    bad = finding(HOSTILE, tensor=HOSTILE, found=HOSTILE, meaning=HOSTILE, advice=HOSTILE,
                  mode=HOSTILE, worker=HOSTILE, details={HOSTILE: HOSTILE})  # fmt: skip
    states = [state(HOSTILE, bad, details=HOSTILE), state(HOSTILE, status=Status.ERROR)]
    page = report(tmp_path, states)
    assert len(page.all("script")) == 1
    assert "<script>document" not in (tmp_path / "debug-report.html").read_text(encoding="utf-8")
    assert HOSTILE in page.text("rule-1")


def test_two_hundred_findings_of_every_rule_on_a_large_network_stay_below_two_megabytes(
    tmp_path: Path,
) -> None:
    chance = np.random.default_rng(0)
    layers = [f"DenseNet_features.denseblock{n}.denselayer.conv.weight" for n in range(120)]

    def saved(_: int) -> list[Saved]:
        noise = {
            name: 10 ** chance.uniform(-8, 0, len(layers))
            for name in ("abs_mean", "update_ratio", "variance", "zeros", "q05", "q95")
        }
        kinds = frozenset({names.GRADIENTS, names.WEIGHTS})
        known = [{name: values[n] for name, values in noise.items()} for n in range(len(layers))]
        batch = chance.normal(size=(8, 3, 96, 96))
        return [
            *(Saved(one, kinds, saved_statistics=known[n]) for n, one in enumerate(layers)),
            Saved("x", frozenset({names.INPUTS}), shape=batch.shape, load=lambda: batch),
            loss(chance.random()),
        ]

    run = FakeRun(steps(100, saved))
    states = [
        state(rule, *(finding(rule, 10 * (n % 100), (*layers, "x")[-n % 121]) for n in range(200)))
        for rule in RULES
    ]
    page = report(tmp_path, states, run)
    size = (tmp_path / "debug-report.html").stat().st_size
    assert 500_000 < size < 2_000_000
    assert "The first 100 of 200 findings" in page.text("rule-1")


def test_what_is_odd_about_the_saved_tensors_is_told(tmp_path: Path) -> None:
    run = FakeRun(training(), notes=["Step 70 was saved a second time."], left_out=3)
    text = report(tmp_path, [], run).text("gaps")
    assert "Step 70 was saved a second time." in text
    assert "3 tensors or steps could not be read and were left out." in text


def test_findings_that_were_not_kept_are_counted(tmp_path: Path) -> None:
    page = report(tmp_path, [state("Overfit", finding("Overfit"), left_out=1234)])
    assert "1,235" in page.text("statuses")
    assert "and 1,234 more" in page.text("rule-1")


def test_values_beyond_all_bounds_are_written_briefly(tmp_path: Path) -> None:
    values = (1e40, sys.float_info.max, math.nan)
    huge = [finding("A", step, value=value) for step, value in enumerate(values)]
    text = report(tmp_path, [state("A", *huge)]).text("rule-1")
    assert " 1e40 " in text
    assert " ∞ " in text


def test_a_rule_that_is_asked_for_twice_tells_its_parameters(tmp_path: Path) -> None:
    strict = state("Overfit", finding("Overfit"), name="strict", parameters={"patience": "1"})
    assert "Overfit, patience = 1" in report(tmp_path, [strict]).text("rule-1")


def test_making_a_page_needs_neither_torch_nor_smdebug() -> None:
    program = "import sys, imageclf.debugger.report; print({'torch', 'smdebug'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"set()"


def test_the_worker_is_told_where_there_are_several(tmp_path: Path) -> None:
    one, other = finding("A", 1), finding("A", 2, worker="worker_1")
    assert "worker_1" in report(tmp_path, [state("A", one, other)]).text("rule-1")
    assert "worker_0" not in report(tmp_path, [state("A", one)]).text("rule-1")


def test_a_rule_that_failed_after_it_had_found_something_keeps_its_section(tmp_path: Path) -> None:
    broken = state("A", finding("A"), status=Status.ERROR, details="A broke at step 20.")
    page = report(tmp_path, [broken])
    assert "rule-1" in page.sections
    assert "A broke at step 20." in page.text("gaps")
