import json
from collections.abc import Mapping

import pytest
from smdebug_rulesconfig import ProfilerReport as ClientReport  # type: ignore[import-untyped]

from imageclf.errors import SettingsError
from imageclf.profiler.recorded import Stretch
from imageclf.profiler.rules import asked, catalogue
from imageclf.profiler.rules.gpu_batch_size import BatchSize
from imageclf.profiler.rules.report_rule import RulesInside
from imageclf.rules.engine import Engine, RuleState
from imageclf.rules.finding import Finding, Status
from tests.profiler.rules.gpu_runs import cut, findings, run, series

SHORT = {"BatchSize_patience": "80", "BatchSize_window": "80"}


def _rule(**given: str) -> RulesInside:
    rule = catalogue.make(catalogue.of("ProfilerReport", **given))
    assert isinstance(rule, RulesInside)
    return rule


def _state(rule: RulesInside, *portions: Stretch) -> RuleState:
    engine = Engine[Stretch]([(catalogue.of("ProfilerReport"), rule)])
    engine.look(portions)
    engine.finish()
    return engine.states[0]


def test_all_other_rules_run_inside_with_their_documented_defaults() -> None:
    rule = _rule()
    names = [each.name for each, _ in rule.judged]
    assert names == [name for name in catalogue.RULES if name != "ProfilerReport"]
    for each, _ in rule.judged:
        assert each.parameters == each.Parameters()


def test_a_parameter_reaches_the_rule_that_it_names() -> None:
    rule = _rule(CPUBottleneck_cpu_threshold="75", loadbalancing_threshold="0.3")
    parameters = {each.name: each.parameters.model_dump() for each, _ in rule.judged}
    assert parameters["CPUBottleneck"]["cpu_threshold"] == 75
    assert parameters["LoadBalancing"]["threshold"] == 0.3
    assert parameters["IOBottleneck"]["io_threshold"] == 50


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"CPUBotleneck_threshold": "1"}, "did you mean CPUBottleneck?"),
        ({"CPUBottleneck_cpu_treshold": "1"}, "did you mean cpu_threshold?"),
        ({"threshold": "1"}, "CPUBottleneck_cpu_threshold"),
        ({"ProfilerReport_threshold": "1"}, "runs no rule 'ProfilerReport'"),
        ({"CPUBottleneck_cpu_threshold": "many"}, "cpu_threshold of rule CPUBottleneck"),
        ({"CPUBottleneck_cpu_threshold": "130"}, "cpu_threshold of rule CPUBottleneck"),
    ],
    ids=["rule", "parameter", "form", "itself", "type", "bound"],
)
def test_a_wrong_parameter_is_refused_with_what_was_meant(
    given: Mapping[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said.replace("?", r"\?")):
        _rule(**given)


def test_what_a_client_of_sagemaker_sends_is_understood() -> None:
    client = ClientReport(CPUBottleneck_cpu_threshold=90, IOBottleneck_threshold=40)
    given = {name: str(value) for name, value in client.rule_parameters.items()}
    (configuration,) = asked.from_list(
        [{"RuleConfigurationName": "ProfilerReport-1", "RuleParameters": given}]
    )
    rule = catalogue.make(configuration)
    assert isinstance(rule, RulesInside)
    parameters = {each.name: each.parameters.model_dump() for each, _ in rule.judged}
    assert parameters["IOBottleneck"]["threshold"] == 40


def test_it_finds_what_the_rules_inside_find_under_their_names() -> None:
    whole = run(series("small_batch"))
    alone = findings(BatchSize.from_strings({"patience": "80", "window": "80"}), whole)
    inside = [each for each in findings(_rule(**SHORT), whole) if each.rule == "BatchSize"]
    assert inside == alone
    assert inside


def test_its_status_says_which_rules_found_something() -> None:
    rule = _rule(**SHORT, LowGPUUtilization_patience="80", LowGPUUtilization_window="80")
    state = _state(rule, *cut(run(series("small_batch")), [100.0, 200.0]))
    assert state.status is Status.ISSUES
    assert "BatchSize (1)" in state.details
    assert "LowGPUUtilization (1)" in state.details
    told = json.loads(json.dumps(rule.details()))
    assert told["rules"]["BatchSize"]["status"] == "IssuesFound"
    assert told["rules"]["LoadBalancing"]["status"] == "Stopped"
    assert told["RuleParameters"]["BatchSize_window"] == "80"


def test_a_run_without_a_fault_is_passed() -> None:
    state = _state(_rule(**SHORT), run(series("healthy_a100")))
    assert (state.status, state.details) == (Status.NO_ISSUES, "")


def test_a_rule_that_fails_inside_lets_the_others_judge_and_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_rule: BatchSize, _seen: Stretch) -> list[Finding]:
        raise ValueError("out of figures")

    monkeypatch.setattr(BatchSize, "look", fail)
    rule = _rule()
    state = _state(rule, run(series("healthy_a100")))
    assert state.status is Status.ERROR
    assert "out of figures" in state.details
    judged = {each.name: inner.status for each, inner in rule.judged}
    assert judged["OverallSystemUsage"] is Status.NO_ISSUES


def test_it_finds_the_same_in_any_portions() -> None:
    whole = run(series("cpu_bottleneck"))
    given = {**SHORT, "CPUBottleneck_patience": "40"}
    one = findings(_rule(**given), whole)
    other = findings(_rule(**given), *cut(whole, [float(at_s) for at_s in range(5, 300, 5)]))
    assert [each.rule for each in one] == ["CPUBottleneck"]
    assert other == one


def test_when_the_run_is_left_off_the_rules_inside_are_stopped_too() -> None:
    rule = _rule()
    engine = Engine[Stretch]([(catalogue.of("ProfilerReport"), rule)])
    engine.look([run(series("healthy_a100"))])
    engine.stop()
    assert engine.states[0].status is Status.STOPPED
    assert {state.status for _, state in rule.judged} == {Status.STOPPED}


def test_it_can_be_asked_for_in_a_hyperparameter() -> None:
    (configuration,) = asked.parse("profiler_report(CPUBottleneck_cpu_threshold=80)")
    assert configuration.rule == "ProfilerReport"
    with pytest.raises(SettingsError, match="did you mean cpu_threshold"):
        asked.parse("ProfilerReport(CPUBottleneck_cputhreshold=80)")
