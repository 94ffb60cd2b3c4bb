import json
from pathlib import Path
from typing import Any

import pytest

from imageclf.errors import ReportError
from imageclf.report.joint import write_reports
from tests.report.sample import write_json, write_lines, write_run
from tests.report.test_training import Page


def status(name: str, word: str, details: str = "") -> dict[str, str]:
    return {
        "RuleConfigurationName": name,
        "RuleEvaluationStatus": word,
        "StatusDetails": details,
    }


def finding(rule: str, found: str) -> dict[str, str]:
    return {"rule": rule, "found": found, "meaning": f"{rule} means.", "advice": f"Mend {rule}."}


OVERFIT = "At step 40 the validation loss was 31 times the training loss."
STARVED = "Of each 52 ms step 31 ms were waiting for pictures."

MEASURED = {
    "verdict": "A step takes 52 ms, of which 60 % is waiting for pictures.",
    "step_ms": 52.0,
    "images_per_s": 307.0,
    "phases": [
        {"name": name, "share": share}
        for name, share in (
            ("data", 0.6), ("copy", 0.01), ("forward", 0.13), ("backward", 0.23),
            ("optimiser", 0.027), ("hook", 0.0), ("other", 0.003),
        )
    ],
    "cpu_percent": 61.0,
    "gpu_percent": None,
    "cost": 0.42,
}  # fmt: skip
ADVICE = {
    "losses": [{"name": "data", "share": 0.6, "said": "Waiting."}],
    "predictions": [
        {
            "change": "workers=4",
            "said": "saves 55 % of the time.",
            "saved_share": 0.55,
            "pays": True,
        },
        {"change": "batch-size=64", "said": "saves nothing.", "saved_share": 0.0, "pays": False},
    ],
}


def watched(folder: Path, **summary: Any) -> Path:
    """A run that debugger and profiler watched."""
    rules = [
        status("Overfit", "IssuesFound", f"{OVERFIT} (2 more findings.)"),
        status("DeadRelu", "NoIssuesFound"),
    ]
    profiler_rules = [
        status("LoaderStarvesModel", "IssuesFound", STARVED),
        status("LowGPUUtilization", "Stopped", "No GPU: not evaluated."),
    ]
    write_run(folder, rules=rules, profiler_rules=profiler_rules, **summary)
    write_lines(folder / "findings.jsonl", [finding("Overfit", OVERFIT)])
    write_lines(folder / "profiler_findings.jsonl", [finding("LoaderStarvesModel", STARVED)])
    (folder / "profiler-reports").mkdir()
    write_json(folder / "profiler-reports" / "summary.json", MEASURED)
    write_json(folder / "profiler-reports" / "advice.json", ADVICE)
    return folder


def joint(folder: Path) -> Page:
    return Page(write_reports(folder).read_text(encoding="utf-8"))


def test_one_short_page_says_what_all_three_found(tmp_path: Path) -> None:
    page = joint(watched(tmp_path))
    assert (tmp_path / "report.html").stat().st_size < 200_000
    assert list(page.sections) == ["summary", "training", "debugger", "profiler"]
    assert "validation accuracy" in page.text("summary")
    assert "Most often confused: " in page.text("training")
    assert f"Overfit {OVERFIT} Overfit means. Mend Overfit." in page.text("debugger")
    assert "DeadRelu" not in page.text("debugger")
    time = page.text("profiler")
    assert "60 % is waiting for pictures" in time
    assert "workers=4 saves 55 % of the time." in time
    assert "batch-size" not in time, "what does not pay is for the long page"
    assert "Mend LoaderStarvesModel." in time
    assert "LowGPUUtilization" not in time, "what had nothing to judge found nothing"
    assert "GPU" not in time, "there is none"
    assert "$0.42" in time


def test_it_points_to_the_long_pages_that_lie_beside_it(tmp_path: Path) -> None:
    watched(tmp_path)
    assert hrefs(joint(tmp_path)) == ["training-report.html"]
    for name in ("debug-report.html", "profiler-report.html"):
        (tmp_path / name).touch()
    pages = ["training-report.html", "debug-report.html", "profiler-report.html"]
    assert hrefs(joint(tmp_path)) == pages


def test_a_run_that_nobody_watched_says_how_to_have_it_watched(tmp_path: Path) -> None:
    page = joint(write_run(tmp_path))
    assert "debug=standard asks for them" in page.text("debugger")
    assert "profile=on" in page.text("profiler")


def test_rules_that_passed_are_said_in_a_sentence(tmp_path: Path) -> None:
    page = joint(write_run(tmp_path, rules=[status("DeadRelu", "NoIssuesFound")]))
    assert "The debugger's rules (1) found nothing wrong." in page.text("debugger")


def test_many_rules_that_spoke_are_told_and_the_rest_named(tmp_path: Path) -> None:
    rules = [status(f"Rule{number}", "IssuesFound", f"Found {number}.") for number in range(8)]
    text = joint(write_run(tmp_path, rules=rules)).text("debugger")
    assert "Found 5." in text
    assert "Found 6." not in text
    assert "Also: Rule6 and Rule7." in text


@pytest.mark.parametrize("content", ["", "{", "[]", '{"phases": 1}', "nul"])
def test_damaged_figures_of_the_profiler_cost_their_section_only(
    tmp_path: Path, content: str
) -> None:
    watched(tmp_path)
    (tmp_path / "profiler-reports" / "summary.json").write_text(content)
    (tmp_path / "findings.jsonl").write_text(content + "\n" + content)
    page = joint(tmp_path)
    assert OVERFIT in page.text("debugger"), "the status tells it still"
    assert "profile=on" in page.text("profiler")


def test_names_that_hold_markup_stay_text(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    watched(tmp_path)
    phases = [{"name": hostile, "share": 1.0}]
    (tmp_path / "profiler-reports" / "summary.json").write_text(json.dumps({"phases": phases}))
    assert hostile in joint(tmp_path).text("profiler")


def test_both_pages_are_made_and_nothing_without_a_summary(tmp_path: Path) -> None:
    with pytest.raises(ReportError):
        write_reports(tmp_path)
    assert not list(tmp_path.iterdir())
    write_reports(write_run(tmp_path))
    assert (tmp_path / "training-report.html").exists()


def hrefs(page: Page) -> list[str | None]:
    return [one["href"] for one in page.all("a")]
