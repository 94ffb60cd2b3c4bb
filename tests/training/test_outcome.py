from pathlib import Path

import pytest

from imageclf.training import outcome


@pytest.mark.parametrize("code", [1, 8, 143])
def test_the_programs_code_goes_before_the_launchers(tmp_path: Path, code: int) -> None:
    path = tmp_path / "outcome"
    outcome.write({outcome.OUTCOME_VARIABLE: str(path)}, code)
    assert outcome.read(path, launcher_code=1) == code


def test_without_a_launcher_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome.write({}, 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("launcher", "code"), [(0, 0), (1, 1), (-9, 137), (-15, 143)])
def test_a_program_that_said_nothing_has_the_launchers_code(
    tmp_path: Path, launcher: int, code: int
) -> None:
    assert outcome.read(tmp_path / "absent", launcher) == code
    (tmp_path / "empty").write_text("")
    assert outcome.read(tmp_path / "empty", launcher) == code


def test_a_launcher_that_fails_after_a_success_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "outcome").write_text("0")
    assert outcome.read(tmp_path / "outcome", launcher_code=-9) == 137
