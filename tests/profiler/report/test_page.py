import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imageclf.errors import ReportError
from imageclf.profiler import names
from imageclf.profiler.recorded import Stretch
from imageclf.profiler.report.given import Judged
from imageclf.profiler.report.page import TRACE, write_profiler_report
from imageclf.profiler.report.thinning import MOST_POINTS
from imageclf.profiler.rules import catalogue
from imageclf.profiler.rules.base import ProfilerRule
from imageclf.profiler.rules.steps import StepOutlier
from imageclf.profiler.run import Profile
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import Engine, RuleState
from imageclf.rules.finding import Finding, Status
from tests.profiler.made import Made
from tests.profiler.report import sample

ORDER = [
    "Job summary",
    "System usage",
    "Framework metrics",
    "Most expensive operators",
    "Rules",
    "Step durations",
    "GPU utilisation",
    "Batch size",
    "CPU bottlenecks",
    "I/O bottlenecks",
    "Load balancing",
    "GPU memory",
]
"""Sections in the order of the managed service's report."""

MANAGED = {"RuleTriggered", "Violations", "Details", "Datapoints", "RuleParameters"}


@pytest.fixture(scope="module")
def cpu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("cpu"), "cpu_run")


@pytest.fixture(scope="module")
def gpu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("gpu"), "gpu_run")


def made(folder: Path, kind: str) -> Path:
    """The folder with the report on a run of `kind`."""
    getattr(sample, kind)(folder / "profiler")
    run = sample.profile(folder / "profiler")
    write_profiler_report(run, sample.judged(run), folder)
    return folder


def html(folder: Path) -> str:
    return (folder / names.REPORT).read_text(encoding="utf-8")


def figures(folder: Path) -> dict[str, Any]:
    """What the page hands to plotly.js."""
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', html(folder))
    assert found
    content: dict[str, Any] = json.loads(found.group(1))
    return content


def report(folder: Path, name: str) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = (folder / names.REPORTS / f"{name}.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return content


def words(text: str) -> str:
    """The text of a page without its scripts and tags."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", text, flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def headings(text: str) -> list[str]:
    return re.findall(r"<section [^>]*>\s*<h2>(.*?)</h2>", text)


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_sections_come_in_the_order_of_the_managed_services_report(
    kind: str, request: pytest.FixtureRequest
) -> None:
    assert headings(html(request.getfixturevalue(kind)))[: len(ORDER)] == ORDER


def test_the_page_opens_with_what_limits_the_run_and_what_would_pay(cpu: Path) -> None:
    text = words(html(cpu))
    verdict = report(cpu, "summary")["verdict"]
    assert "waiting for pictures" in verdict and "Setting workers=" in verdict
    assert text.index("waiting for pictures") < text.index("Job summary")
    assert text.index("What would pay") < text.index("Job summary")


def test_the_limit_of_the_machine_goes_from_end_to_end_of_its_plot(cpu: Path) -> None:
    roofline = figures(cpu)["roofline"]
    roof, step = roofline["data"]
    ends = 10 ** np.array(roofline["layout"]["xaxis"]["range"])
    np.testing.assert_allclose([roof["x"][0], roof["x"][-1]], ends, rtol=1e-5)
    assert None not in roof["y"]
    assert roof["x"][0] < step["x"][0] < roof["x"][-1]
    assert step["y"][0] < max(roof["y"]) == roof["y"][-1]


def test_without_a_gpu_its_sections_say_so_and_its_rules_are_not_evaluated(cpu: Path) -> None:
    for anchor in ("gpu-utilization", "load-balancing", "gpu-memory"):
        section = html(cpu).split(f'<section id="{anchor}"')[1].split("</section>")[0]
        assert "There was no GPU" in section
        assert "not evaluated" in section
        assert "data-figure" not in section
    assert report(cpu, "LowGPUUtilization")["evaluated"] == "not evaluated"
    assert report(cpu, "StepOutlier")["evaluated"] != "not evaluated"


def test_with_gpus_every_section_of_theirs_has_a_plot(gpu: Path) -> None:
    drawn = figures(gpu)
    wanted = {"gpu-utilization-course", "gpu-histograms", "gpu-memory-course", "batch-boxes"}
    assert wanted <= set(drawn)
    assert len(drawn["gpu-utilization-course"]["data"]) == 4
    assert "aten::conv2d" in words(html(gpu))


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_each_plot_has_its_main_figures_in_a_table_for_who_sees_none(
    kind: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(kind)
    drawn = re.findall(r'<figure class="drawing.*?</figure>', html(folder), flags=re.S)
    assert len(drawn) == len(figures(folder))
    assert [one for one in drawn if "<tbody>\n<tr>" not in one] == []


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_each_rule_has_a_file_with_the_managed_services_keys(
    kind: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(kind)
    for name in set(catalogue.RULES) - {"ProfilerReport"}:
        content = report(folder, name)
        assert content.keys() >= MANAGED, name
        assert content["rule"] == name
        assert isinstance(content["RuleParameters"], str)
        assert bool(content["RuleTriggered"]) == bool(content["findings"]), name


def test_percentiles_are_those_of_numpy_on_the_raw_series(cpu: Path) -> None:
    system = sample.profile(cpu / "profiler").whole().system["algo-1"]
    found = report(cpu, "summary")["system"]["algo-1"]["CPU"]
    raw = system[names.CPU]
    expected = [raw.max(), *np.percentile(raw, (99, 95, 50)), raw.min()]
    assert [found[name] for name in ("max", "p99", "p95", "p50", "min")] == pytest.approx(expected)


def test_the_summary_holds_what_the_page_shows(cpu: Path) -> None:
    summary = report(cpu, "summary")
    tables = sample.profile(cpu / "profiler").whole()
    took = np.concatenate([tables.train_steps(one)[names.TOOK] for one in tables.steps])
    assert summary["step_ms"] == pytest.approx(np.median(took))
    assert sum(phase["share"] for phase in summary["phases"]) == pytest.approx(1)
    job = summary["job"]
    parts = [job[f"{name}_s"] for name in ("initialisation", "training_loop", "finalisation")]
    assert sum(parts) == pytest.approx(job["duration_s"])
    assert job["initialisation_s"] == pytest.approx(6, abs=1e-3)
    assert job["training_steps"] == len(took)
    assert summary["cost"] == pytest.approx(0.204 * job["duration_s"] / 3600)
    assert report(cpu, "advice")["predictions"]


def test_on_a_gpu_the_step_is_divided_as_the_gpu_spends_it(gpu: Path) -> None:
    shares = {one["phase"]: one["share"] for one in report(gpu, "summary")["phases"]}
    step_ms = report(gpu, "summary")["step_ms"]
    assert shares["backward"] == pytest.approx(68 / step_ms, rel=0.02)
    assert shares["optimiser"] == pytest.approx(6 / step_ms, rel=0.02)
    assert shares["data"] == pytest.approx(4 / step_ms, rel=0.02)
    assert sum(shares.values()) == pytest.approx(1)
    assert "GPU idle otherwise" in words(html(gpu))


def test_a_bottleneck_is_shown_with_what_the_training_did_meanwhile(gpu: Path) -> None:
    section = html(gpu).split('<section id="cpu-bottlenecks"')[1].split("</section>")[0]
    assert "What ran during the bottlenecks" in section
    assert "A GPU was below 10 %" in section


def test_a_price_that_is_given_counts(tmp_path: Path) -> None:
    sample.cpu_run(tmp_path / "profiler", steps=100)
    run = Profile(tmp_path / "profiler", facts={"dollars_an_hour": 36.0})
    run.refresh()
    write_profiler_report(run, [], tmp_path)
    summary = report(tmp_path, "summary")
    assert summary["cost"] == pytest.approx(summary["job"]["duration_s"] / 100)


def test_the_longest_of_many_steps_is_in_the_page_though_few_points_are(tmp_path: Path) -> None:
    sample.long_run(tmp_path / "profiler", steps=8_000)
    write_profiler_report(sample.profile(tmp_path / "profiler"), [], tmp_path)
    drawn = figures(tmp_path)
    (course,) = drawn["step-durations"]["data"]
    assert max(course["y"]) == pytest.approx(sample.LONGEST_MS, rel=1e-3)
    assert 4000 in course["customdata"]
    for name, figure in drawn.items():
        for trace in figure["data"]:
            assert len(trace.get("x", ())) <= MOST_POINTS, name
    counted = sum(sum(trace["y"]) for trace in drawn["step-histogram"]["data"])
    assert counted == 8_000


def test_no_name_ends_the_data_of_the_page(tmp_path: Path) -> None:
    folder = made(tmp_path, "hostile")
    text = html(folder)
    assert text.count("</script") == text.count("<script")
    assert "<img" not in text
    assert json.dumps(sample.HOSTILE)[1:-1] in json.dumps(report(folder, "summary"))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("empty", "Nothing was recorded of this run"),
        ("system_only", "No training steps were recorded"),
        ("steps_only", "did not say that it had ended"),
        ("damaged", "is damaged"),
    ],
)
def test_of_a_run_with_holes_the_page_says_what_is_missing(
    tmp_path: Path, kind: str, said: str
) -> None:
    folder = made(tmp_path, kind)
    assert headings(html(folder))[: len(ORDER)] == ORDER
    assert said in words(html(folder))
    assert "could not be made" not in words(html(folder))
    assert report(folder, "summary")["missing"]


ODD: tuple[Any, ...] = (
    None, True, -1, 0, 3, 1e300, float("inf"), "", "text", "\udcff", [1], {"a": 1}, "9" * 5000,
)  # fmt: skip
ODD_NUMBERS = (np.nan, np.inf, -np.inf, 0.0, -5.0, 3.4e38, 1e-30, 7.0)


@pytest.mark.parametrize("seed", range(4))
def test_of_numbers_and_facts_that_make_no_sense_a_page_is_made_still(
    tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    made = Made(tmp_path / "profiler")
    columns = (*names.SYSTEM_COLUMNS, "cpu0", "gpu0_utilization", "gpu0_memory", "gpu1_utilization")
    for write, name, kind in (
        (made.system, "h", columns),
        (made.steps, "h-0", names.STEP_COLUMNS),
        (made.steps, "h-1", names.STEP_COLUMNS),
        (made.reads, "h-0", names.READ_COLUMNS),
    ):
        count = int(rng.choice([1, 2, 3, 40]))
        at_s = np.sort(rng.choice([0.0, 0.0, 1.0, 5.0, 1e7], count))
        odd = {one: rng.choice(ODD_NUMBERS, count) for one in kind}
        write(name, at_s, {**odd, names.MODE: rng.integers(0, 3, count)})
    known = ("rank", "workers", "cores", "batch_size", "dollars_an_hour", "architecture", "device")
    made.worker("h-0", **{one: ODD[rng.integers(len(ODD))] for one in known})
    made.spans("h-0", [(names.TRAINING_LOOP, 3.0, -2.0), ("", 1e6, 1e300)])
    with np.errstate(all="ignore"):
        write_profiler_report(sample.profile(tmp_path / "profiler"), [], tmp_path)
    assert headings(html(tmp_path))[: len(ORDER)] == ORDER
    assert "This section could not be made" not in html(tmp_path)
    assert figures(tmp_path)
    assert report(tmp_path, "summary")


class Broken(ProfilerRule):
    """Finds something, and cannot say what to draw of it."""

    name = "Broken"
    description = "Looks for nothing."
    recommendation = "Mend it."

    def look(self, seen: Stretch) -> Iterator[Finding]:
        self.looked += 1
        yield self.tell(
            at_s=seen.begin_s,
            step=1,
            value=np.inf,
            threshold=0,
            found="It broke.",
            meaning="",
            advice="",
        )

    def details(self) -> dict[str, Any]:
        raise ZeroDivisionError("of a rule of somebody's own")


def test_a_rule_that_fails_leaves_the_page_whole_and_is_told_of(tmp_path: Path) -> None:
    sample.cpu_run(tmp_path / "profiler", steps=50)
    run = sample.profile(tmp_path / "profiler")
    rule, configuration = Broken(), RuleConfiguration("../../mine", "Broken")
    engine = Engine([(configuration, rule)])
    engine.look(run.stretches()[:1])
    write_profiler_report(run, [(rule, engine.states[0])], tmp_path)
    text = words(html(tmp_path))
    assert "It broke." in text and "Mend it." in text
    assert "The figures of Broken: missing" in text
    assert report(tmp_path, "Broken")["findings"][0]["value"] is None
    assert not (tmp_path.parent / "mine.json").exists()


def test_two_configurations_of_one_rule_have_a_file_each(tmp_path: Path) -> None:
    sample.empty(tmp_path / "profiler")
    both = [(StepOutlier(), RuleState(RuleConfiguration(name, "StepOutlier"))) for name in "ab"]
    write_profiler_report(sample.profile(tmp_path / "profiler"), both, tmp_path)
    assert report(tmp_path, "StepOutlier")["name"] == "a"
    assert report(tmp_path, "StepOutlier-b")["name"] == "b"


def test_rules_that_profiler_report_ran_stand_on_the_page_in_its_place(tmp_path: Path) -> None:
    sample.cpu_run(tmp_path / "profiler", steps=100)
    run = sample.profile(tmp_path / "profiler")
    configuration = catalogue.of("ProfilerReport", StepOutlier_stddev="4")
    rule = catalogue.make(configuration)
    engine = Engine([(configuration, rule)])
    engine.look(run.stretches())
    engine.finish()
    judged: Judged = [(rule, engine.states[0])]
    write_profiler_report(run, judged, tmp_path)
    assert report(tmp_path, "StepOutlier")["parameters"]["stddev"] == 4
    rows = html(tmp_path).split('<section id="rules"')[1].split("</section>")[0]
    assert "StepOutlier" in rows and "LoaderStarvesModel" in rows


def test_files_of_an_earlier_evaluation_do_not_stay(tmp_path: Path) -> None:
    sample.empty(tmp_path / "profiler")
    run = sample.profile(tmp_path / "profiler")
    write_profiler_report(run, sample.judged(run), tmp_path / "new" / "folder")
    write_profiler_report(run, [], tmp_path / "new" / "folder")
    left = {one.name for one in (tmp_path / "new" / "folder" / names.REPORTS).iterdir()}
    assert left == {"summary.json", "advice.json"}


def test_a_rule_that_goes_on_says_so(tmp_path: Path) -> None:
    sample.empty(tmp_path / "profiler")
    state = RuleState(RuleConfiguration("StepOutlier", "StepOutlier"), Status.IN_PROGRESS)
    write_profiler_report(sample.profile(tmp_path / "profiler"), [(StepOutlier(), state)], tmp_path)
    assert "in progress" in words(html(tmp_path))


def test_the_trace_lies_beside_the_page_and_is_named_there(cpu: Path) -> None:
    assert (cpu / TRACE).stat().st_size > 0
    assert f'href="{TRACE}"' in html(cpu)


def test_a_folder_that_cannot_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    sample.empty(tmp_path / "profiler")
    (tmp_path / names.REPORTS).write_text("in the way")
    with pytest.raises(ReportError, match="cannot be written"):
        write_profiler_report(sample.profile(tmp_path / "profiler"), [], tmp_path)
