from pathlib import Path

from imageclf.debugger.engine import RuleState
from imageclf.debugger.finding import Status
from imageclf.debugger.report import write_debug_report
from tests.debugger.report.sample import HOSTILE, FakeRun, finding, state, training
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
