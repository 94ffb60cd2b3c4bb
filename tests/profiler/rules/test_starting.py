from imageclf.profiler.recorded import EMPTY, Span
from imageclf.profiler.rules.starting import MaxInitializationTime
from tests.profiler.rules.runs import cut, findings, run, samples, steps


def test_a_first_step_after_the_threshold_is_too_late_and_the_longest_part_is_named() -> None:
    spans = [Span("imports", 0, 8, "algo-1-0"), Span("data check", 8, 1300, "algo-1-0")]
    late = run(steps(20, 50, begin_s=1320), spans=spans)
    at_the_end = MaxInitializationTime.from_strings({"scan_interval_us": str(10**10)})
    (finding,) = findings(at_the_end, late)
    assert (finding.value, finding.threshold) == (22, 20)
    assert "data check 1300.0 s" in finding.advice


def test_a_start_in_time_is_well_and_its_times_are_told() -> None:
    rule = MaxInitializationTime()
    whole = run(steps(1000, 50, begin_s=600), system=samples(1400, cpu=50))
    assert findings(rule, whole) == []
    told = rule.details()["Details"]
    assert told["step_num"] == {"first": 600, "last": 649}
    assert (told["job_start"], told["job_end"]) == (0, 699.5)


def test_nobody_waits_for_the_first_step_before_saying_so() -> None:
    rule = MaxInitializationTime.from_strings({"threshold": "2"})
    waiting = run({"algo-1-0": EMPTY}, system=samples(800, cpu=5))
    found = [
        one
        for portion in cut(waiting, [5.0 * number for number in range(80)])
        for one in rule.look(portion)
    ]
    (finding,) = found
    assert finding.details["at_s"] == 180
    assert "No step has begun" in finding.found


def test_fractions_of_a_minute_count() -> None:
    whole = run(steps(20, 50, begin_s=40))
    assert findings(MaxInitializationTime.from_strings({"threshold": "0.5"}), whole)
    assert not findings(MaxInitializationTime.from_strings({"threshold": "0.75"}), whole)
