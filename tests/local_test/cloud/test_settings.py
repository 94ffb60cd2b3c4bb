from pathlib import Path

import pytest

from imageclf.errors import SettingsError
from local_test.cloud.settings import CloudSettings


def test_settings_pass_from_process_to_process(tmp_path: Path) -> None:
    settings = CloudSettings(root=tmp_path, port=1234, slots=3, runner="process", spot="after=20")
    assert CloudSettings.from_environment(settings.environment()) == settings
    assert settings.address == "http://127.0.0.1:1234"


def test_without_settings_two_jobs_run_at_once() -> None:
    assert CloudSettings.from_environment({"PATH": "/bin", "LOCAL_CLOUD_SLOTS": ""}).slots >= 2


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("PORT", "70000", "LOCAL_CLOUD_PORT is '70000'; give a number from 0 to 65535"),
        ("SLOTS", "many", "LOCAL_CLOUD_SLOTS is 'many'; give a number from 1 to 1000"),
        ("RUNNER", "cloud", "LOCAL_CLOUD_RUNNER is 'cloud'; choose"),
        ("PROT", "1", "LOCAL_CLOUD_PROT is not a setting; choose from LOCAL_CLOUD_ROOT"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_may_be(name: str, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        CloudSettings.from_environment({f"LOCAL_CLOUD_{name}": text})
