import os
from pathlib import Path

import pytest

from imageclf.errors import SettingsError
from imageclf.serving import backend
from imageclf.serving.run_folder import RunFolder
from imageclf.serving.settings import ServeSettings


def configured(tmp_path: Path, **settings: str) -> dict[str, str]:
    run = RunFolder(tmp_path)
    backend.prepare(run, ServeSettings.from_environment(settings))
    return dict(line.split("=", 1) for line in run.config.read_text().splitlines())


def test_both_interfaces_are_sockets_in_the_run_folder(tmp_path: Path) -> None:
    values = configured(tmp_path)
    addresses = {values["inference_address"], values["management_address"]}
    assert addresses == {f"unix:{tmp_path}/inference", f"unix:{tmp_path}/management"}


def test_it_takes_the_largest_body_and_its_headers(tmp_path: Path) -> None:
    size = int(configured(tmp_path, IMAGECLF_MAX_BODY_MB="40")["max_request_size"])
    assert size > 40 * 2**20


def test_threads_are_set_and_foreign_settings_do_not_reach_it() -> None:
    resolved = ServeSettings.from_environment({"IMAGECLF_THREADS": "3"}).resolve(8, 0)
    environment = backend.environment(
        {"MMS_INFERENCE_ADDRESS": "http://0.0.0.0", "A": "b"}, resolved
    )
    assert (environment["OMP_NUM_THREADS"], environment["A"]) == ("3", "b")
    assert not [name for name in environment if name.startswith("MMS_")]
    assert (Path(environment["PYTHONPATH"].split(os.pathsep)[0]) / "imageclf").is_dir()


def test_a_machine_without_java_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SettingsError, match="install a JRE"):
        backend.command(RunFolder(tmp_path))
