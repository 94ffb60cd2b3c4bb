import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from imageclf.debugger import names
from imageclf.report.training import write_training_report
from tests.report.sample import class_names, edit_json, write_json, write_lines, write_run

RULES = [
    {
        "RuleConfigurationName": name,
        "RuleEvaluationJobArn": "",
        "RuleEvaluationStatus": status,
        "StatusDetails": "At step 10 something was found.",
        "LastModifiedTime": "2026-11-20T10:00:00+00:00",
    }
    for name, status in (
        ("Overfit", "IssuesFound"),
        ("DeadRelu", "Error"),
        ("Confusion", "NoIssuesFound"),
    )
]

SECTIONS = ["curves", "confusion", "classes", "mistakes", "calibration", "data", "settings"]
NAN = float("nan")


class Page(HTMLParser):
    """The text of a page by section, and its tags; refuses tags that are not closed in order."""

    VOID = ("meta", "link", "img", "br")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sections: dict[str, str] = {}
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("section", "header"):
            self.sections[dict(attrs)["id"] or ""] = ""
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.sections:
            section = list(self.sections)[-1]
            self.sections[section] = f"{self.sections[section]} {data}"

    def text(self, section: str) -> str:
        return re.sub(r"\s+", " ", self.sections[section])

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def report(folder: Path) -> Page:
    path = write_training_report(folder)
    assert path == folder / "training-report.html"
    return Page(path.read_text(encoding="utf-8"))


def test_a_report_has_its_sections_in_order(tmp_path: Path) -> None:
    page = report(write_run(tmp_path))
    assert list(page.sections) == ["summary", *SECTIONS]
    assert "resnet50 on ants and bees" in page.text("summary")
    assert len(page.all("svg")) == 4


def test_the_head_says_what_the_accuracy_is_worth(tmp_path: Path) -> None:
    write_run(tmp_path, metrics={"best:top1": 0.95})
    edit_json(tmp_path / "evaluation.json", images=40)
    text = report(tmp_path).text("summary")
    assert "95.0 % validation accuracy" in text or "validation accuracy 95.0 %" in text
    assert "judged by 40 images, the 95 % interval reaches from 83.5 % to 98.6 %" in text
    assert "chosen by these same images" in text
    assert "Always answering “ants” would be right for 50.0 %." in text


def test_a_test_split_is_what_the_head_goes_by(tmp_path: Path) -> None:
    write_run(tmp_path, split="test", metrics={"best:top1": 0.95, "test:top1": 0.9})
    text = report(tmp_path).text("summary")
    assert "Expect about 90.0 % of new images like the test images" in text
    assert "chosen by these same images" not in text


def test_133_classes_and_24_thumbnails_stay_below_a_megabyte(tmp_path: Path) -> None:
    page = report(write_run(tmp_path, class_names(133), mistakes=24))
    assert (tmp_path / "training-report.html").stat().st_size < 1_000_000
    assert "The most frequent confusions" in page.text("confusion")
    assert len(page.all("img")) == 24
    assert all(name in page.text("classes") for name in class_names(133))


def test_up_to_twenty_classes_the_confusion_matrix_is_a_table(tmp_path: Path) -> None:
    page = report(write_run(tmp_path, class_names(20)))
    cells = [one for one in page.all("td") if one.get("class") in ("right", "wrong")]
    assert len(cells) == 400
    assert "The most frequent confusions" not in page.text("confusion")


def test_a_run_stopped_before_its_first_epoch_still_has_a_report(tmp_path: Path) -> None:
    write_json(tmp_path / "summary.json", {"status": "stopped", "reason": "SIGTERM came."})
    page = report(tmp_path)
    assert "stopped SIGTERM came." in page.text("summary")
    assert "No epoch was finished, so there is no accuracy" in page.text("summary")
    assert "The run did not write metrics.jsonl." in page.text("curves")
    for section in ("confusion", "classes", "mistakes", "calibration"):
        assert "The run did not write evaluation.json." in page.text(section)
    assert "The run did not write data.json." in page.text("data")


@pytest.mark.parametrize("name", ["metrics.jsonl", "data.json", "evaluation.json"])
def test_any_file_but_the_summary_may_be_absent(tmp_path: Path, name: str) -> None:
    (write_run(tmp_path) / name).unlink()
    page = report(tmp_path)
    told = [one for one in SECTIONS if f"The run did not write {name}." in page.text(one)]
    assert told
    assert list(page.sections) == ["summary", *SECTIONS]


def test_parts_that_a_file_lacks_are_said_to_be_lacking(tmp_path: Path) -> None:
    edit_json(write_run(tmp_path) / "evaluation.json", calibration=None, mistakes=[], confusion=[])
    edit_json(tmp_path / "data.json", left_out=[])
    (tmp_path / "metrics.jsonl").write_text("")
    page = report(tmp_path)
    assert "was not calibrated" in page.text("calibration")
    assert "There is none to show" in page.text("mistakes")
    assert "kept no confusion matrix" in page.text("confusion")
    assert "No file was left out" in page.text("data")
    assert "No epoch was finished, so there are no curves." in page.text("curves")


def test_losses_that_are_not_numbers_are_named_by_epoch(tmp_path: Path) -> None:
    write_run(tmp_path)
    losses = [0.9, NAN, NAN, 0.8, float("inf")]
    write_lines(
        tmp_path / "metrics.jsonl",
        [{"epoch": i, "train:loss": loss} for i, loss in enumerate(losses, start=1)],
    )
    text = report(tmp_path).text("curves")
    assert "The training loss was not a finite number in epochs 2 to 3 and 5." in text
    assert "The validation loss" not in text


def test_a_run_of_nothing_but_nan_still_has_a_report(tmp_path: Path) -> None:
    write_run(tmp_path, status="failed", reason="The loss is not a number.", best_epoch=None)
    write_lines(
        tmp_path / "metrics.jsonl", [{"epoch": 1, "train:loss": NAN, "validation:top1": NAN}]
    )
    page = report(tmp_path)
    assert "not a finite number in epoch 1." in page.text("curves")
    assert len(page.all("svg")) == 1


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script>'
    write_run(tmp_path, [evil, "bees"], reason=evil, warnings=[evil], resumed=[evil], device=evil)
    edit_json(tmp_path / "summary.json", hyperparameters={evil: evil}, versions={evil: evil})
    edit_json(tmp_path / "data.json", left_out=[dict.fromkeys(("file", "reason", "detail"), evil)])
    page = report(tmp_path)
    assert len(page.all("script")) == 1
    assert "<script>alert(1)" not in (tmp_path / "training-report.html").read_text(encoding="utf-8")
    assert evil in page.text("classes")


def test_every_picture_has_a_text_alternative(tmp_path: Path) -> None:
    page = report(write_run(tmp_path))
    assert all(image["alt"] for image in page.all("img"))
    assert all(plot["aria-label"] for plot in page.all("svg"))
    assert page.all("img")[0]["alt"] == "val/ants/000000_9a2f.jpg, labelled ants, taken for bees"


def test_left_out_files_are_counted_by_reason_and_the_list_has_an_end(tmp_path: Path) -> None:
    bad = [{"file": f"train/{i}.jpg", "reason": "truncated", "detail": ""} for i in range(1200)]
    edit_json(write_run(tmp_path) / "data.json", left_out=[*bad, {"file": "x", "reason": "empty"}])
    text = report(tmp_path).text("data")
    assert "1,200 truncated and 1 empty." in text
    assert "The first 200 are shown; data.json names all 1201." in text


def test_a_report_writes_nothing_but_itself_and_needs_no_torch(tmp_path: Path) -> None:
    home, run = tmp_path / "home", write_run(tmp_path / "run")
    home.mkdir()
    before = set(run.iterdir())
    program = (
        "import sys; from pathlib import Path;"
        "from imageclf.report.training import write_training_report;"
        f"write_training_report(Path({str(run)!r}));"
        "print(*{'torch', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"HOME": str(home), "TMPDIR": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
    assert list(home.iterdir()) == []
    assert set(run.iterdir()) - before == {run / "training-report.html"}


def test_the_debuggers_rules_are_named_and_their_report_is_linked(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    edit_json(folder / "summary.json", rules=RULES)
    (folder / names.REPORT).write_text("<p>rules</p>")
    page = report(folder)
    told = "did not pass: Overfit (issues found) and DeadRelu (could not judge)."
    assert told in page.text("summary")
    assert [link["href"] for link in page.all("a")].count("debug-report.html") == 1


def test_rules_that_found_nothing_are_said_to(tmp_path: Path) -> None:
    edit_json(write_run(tmp_path) / "summary.json", rules=RULES[2:])
    page = report(tmp_path)
    assert "The debugger's rules (1) found nothing wrong." in page.text("summary")
    assert "debug-report.html" not in str(page.all("a"))


def test_a_report_of_an_earlier_run_is_not_linked(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    (folder / names.REPORT).write_text("<p>rules</p>")
    page = report(folder)
    assert "debugger" not in page.text("summary")
    assert "debug-report.html" not in str(page.all("a"))
