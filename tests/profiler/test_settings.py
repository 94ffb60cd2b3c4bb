"""What asks for a profile: hyperparameters, and the file as the platform and its SDK write it."""

import json
from pathlib import Path
from typing import Any

import pytest
from sagemaker.debugger.framework_profile import FrameworkProfile
from sagemaker.debugger.metrics_config import DetailedProfilingConfig
from sagemaker.debugger.profiler_config import ProfilerConfig

from imageclf import config
from imageclf.contract import Tree
from imageclf.errors import SettingsError
from imageclf.profiler.settings import ProfileSettings, Window, of, read


def settings(configured: dict[str, Any] | None = None, /, **given: str) -> ProfileSettings:
    return of(config.parse(given), configured or {})


def sent(**parameters: Any) -> dict[str, Any]:
    """What SDK v2 sends."""
    request: dict[str, Any] = ProfilerConfig(
        s3_output_path="s3://b/p", **parameters
    )._to_request_dict()
    return request


def test_nothing_is_profiled_unless_somebody_asks() -> None:
    assert not settings().on
    assert not settings({"DisableProfiler": True, "ProfilingIntervalInMilliseconds": 500}).on


def test_what_the_sdk_sends_with_every_job_asks_for_nothing() -> None:
    assert not settings(sent()).on


def test_on_measures_machine_and_steps_every_half_second() -> None:
    found = settings(profile="on")
    assert (found.on, found.interval_ms, found.window, found.folder) == (True, 500, None, None)


def test_kernels_looks_into_some_steps_behind_the_slow_first_ones() -> None:
    assert settings(profile="kernels").window == Window(12, 6)


def test_an_interval_of_the_sdk_turns_the_profiler_on() -> None:
    found = settings(sent(system_monitor_interval_millis=100))
    assert (found.on, found.interval_ms) == (True, 100)


def test_the_sdks_framework_profile_asks_for_a_window_of_steps() -> None:
    profile = FrameworkProfile(start_step=7, num_steps=3)
    found = settings(sent(framework_profile_params=profile))
    assert (found.on, found.window) == (True, Window(7, 3))
    assert found.folder == "/opt/ml/output/profiler"


def test_the_sdks_default_framework_profile_is_understood_too() -> None:
    assert settings(sent(framework_profile_params=FrameworkProfile())).window == Window(5, 1)


def test_a_range_of_time_becomes_the_usual_window() -> None:
    detailed = DetailedProfilingConfig(start_unix_time=1_600_000_000, duration=10)
    profile = FrameworkProfile(detailed_profiling_config=detailed)
    assert settings(sent(framework_profile_params=profile)).window == Window()


def test_what_a_hyperparameter_says_counts_more_than_the_file() -> None:
    asking = sent(system_monitor_interval_millis=100)
    assert not settings(asking, profile="off").on
    assert settings(asking, profile_interval="200").interval_ms == 200
    assert settings({"DisableProfiler": True}, profile="on").on


def test_rules_are_chosen_by_name_whoever_asked() -> None:
    assert settings(profile="on", profile_rules="off").rules == ()
    with pytest.raises(SettingsError, match=r"Hyperparameter profile-rules: .*no_such_rule"):
        settings(profile="on", profile_rules="no_such_rule")


def test_every_rule_does_what_is_asked_when_it_finds_something() -> None:
    found = settings(profile="on", profile_rules="StepOutlier", profile_actions="stop")
    assert [rule.actions for rule in found.rules] == ["stop"]
    with pytest.raises(SettingsError, match="Hyperparameter profile-actions: "):
        settings(profile="on", profile_actions="explode")


@pytest.mark.parametrize(
    ("configured", "said"),
    [
        ({"ProfilingIntervalInMilliseconds": 5}, "ProfilingIntervalInMilliseconds is 5"),
        ({"ProfilingParameters": []}, "ProfilingParameters is"),
        (
            {"ProfilingParameters": {"DetailedProfilingConfig": "__import__('os')"}},
            "DetailedProfilingConfig is not valid JSON",
        ),
        (
            {"ProfilingParameters": {"DetailedProfilingConfig": "[5]"}},
            "DetailedProfilingConfig must hold a JSON object",
        ),
        (
            {"ProfilingParameters": {"DetailedProfilingConfig": '{"StartStep": -1}'}},
            "DetailedProfilingConfig: StartStep is -1",
        ),
        (
            {"ProfilingParameters": {"DetailedProfilingConfig": "[" * 100_000}},
            "DetailedProfilingConfig is not valid JSON",
        ),
    ],
)
def test_a_malformed_file_is_told_in_one_sentence(configured: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as told:
        settings(configured)
    assert str(told.value).startswith("profilerconfig.json: ")
    assert said in str(told.value)
    assert len(str(told.value)) < 400


def test_the_file_is_read_where_the_platform_puts_it(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.config.mkdir(parents=True)
    file = tree.config / "profilerconfig.json"
    file.write_text(json.dumps({"ProfilingIntervalInMilliseconds": 300}))
    assert read(tree, config.parse({})).interval_ms == 300
    file.write_text("{")
    with pytest.raises(SettingsError, match="not valid JSON"):
        read(tree, config.parse({}))
