import json
from pathlib import Path

import pytest

from local_test import summary
from local_test.run_folder import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    found = Run(tmp_path / "run", tmp_path)
    found.tree.output_data.mkdir(parents=True)
    return found


def test_success_shows_the_figures_and_where_model_and_report_lie(run: Run) -> None:
    figures = {"metrics": {"best:top1": 0.98765, "epoch": 3}, "seconds": 61.7, "best_epoch": 4}
    (run.tree.output_data / "summary.json").write_text(json.dumps(figures))
    (run.tree.output_data / "report.html").touch()
    run.archive.touch()
    told = "\n".join(summary.lines(run, 0))
    assert "validation accuracy    0.9877" in told
    assert "62 s" in told
    assert str(run.archive) in told
    assert "report.html" in told


def test_success_without_figures_is_told_and_not_a_crash(run: Run) -> None:
    assert "cannot be read" in summary.lines(run, 0)[0]


def watch(run: Run, **statuses: str) -> None:
    """What a watched training leaves."""
    run.tree.config.mkdir(parents=True)
    (run.tree.config / "hyperparameters.json").write_text('{"debug": "standard"}')
    content = [
        {
            "RuleConfigurationName": name,
            "RuleEvaluationStatus": status,
            "StatusDetails": "At step 10 it was so." if status == "IssuesFound" else "",
        }
        for name, status in statuses.items()
    ]
    (run.tree.output_data / "rule_status.json").write_text(json.dumps(content))
    (run.tree.output_data / "debug-report.html").touch()


@pytest.mark.parametrize("code", [0, 8, 143])
def test_what_the_debugger_found_is_said_however_the_training_ended(run: Run, code: int) -> None:
    watch(run, Overfit="IssuesFound", Confusion="NoIssuesFound", DeadRelu="Stopped")
    told = "\n".join(summary.lines(run, code))
    assert "rule Overfit: IssuesFound: At step 10 it was so.\n" in told
    assert "rule DeadRelu: Stopped\n" in told
    assert "Confusion" not in told
    assert "debug-report.html" in told


def test_a_debugger_that_found_nothing_takes_one_line(run: Run) -> None:
    watch(run, Overfit="NoIssuesFound", Confusion="NoIssuesFound")
    told = summary.lines(run, 0)
    assert "debugger             2 rules found nothing" in told
    assert not any("Overfit" in line for line in told)


def test_a_run_without_debugger_says_nothing_of_an_earlier_one(run: Run) -> None:
    watch(run, Overfit="IssuesFound")
    (run.tree.config / "hyperparameters.json").write_text("{}")
    told = "\n".join(summary.lines(run, 0))
    assert "Overfit" not in told
    assert "debug-report.html" not in told


def test_a_stop_says_how_to_go_on(run: Run) -> None:
    assert "RESUME=1" in summary.lines(run, 143)[-1]


def test_a_failure_shows_the_first_line_of_its_reason(run: Run) -> None:
    run.tree.failure.write_text("Class bees is empty; add images.\nTraceback ...")
    assert summary.lines(run, 3)[0] == "Training failed: Class bees is empty; add images."


def test_a_failure_without_reason_shows_the_exit_code(run: Run) -> None:
    assert "exit code 137" in summary.lines(run, 137)[0]


def test_what_the_profiler_found_is_said_beside_it(run: Run) -> None:
    watch(run, Overfit="NoIssuesFound")
    (run.tree.config / "hyperparameters.json").write_text('{"debug": "standard", "profile": "on"}')
    content = [
        {"RuleConfigurationName": name, "RuleEvaluationStatus": status, "StatusDetails": details}
        for name, status, details in (
            ("LoaderStarvesModel", "IssuesFound", "Of each 52 ms step 31 ms were waiting."),
            ("LowGPUUtilization", "Stopped", "No GPU: not evaluated."),
        )
    ]
    (run.tree.output_data / "profiler_rule_status.json").write_text(json.dumps(content))
    (run.tree.output_data / "profiler-report.html").touch()
    told = "\n".join(summary.lines(run, 0))
    assert "1 rules found nothing" in told
    assert "rule LoaderStarvesModel: IssuesFound: Of each 52 ms step 31 ms were waiting." in told
    assert "LowGPUUtilization" not in told, "it had nothing to judge"
    assert "profiler-report.html" in told
