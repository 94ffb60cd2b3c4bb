"""scripts/system.sh in front of machines that lack something: a PATH of stand-ins."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "system.sh"
PAGES = ("java", "chromium", "chromedriver")


class Machine:
    """A PATH that holds `python3`, what is put there, and nothing else."""

    def __init__(self, folder: Path, user: int) -> None:
        self.folder = folder
        self.put("id", f"echo {user}")
        self.put("python3", f'exec "{sys.executable}" "$@"')

    def put(self, name: str, body: str = "exit 0") -> None:
        (self.folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (self.folder / name).chmod(0o755)

    def check(self, python: str = "python3") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["/bin/sh", SCRIPT, python],
            env={"PATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, user=1000)


@pytest.fixture
def root_machine(tmp_path: Path) -> Machine:
    """Root's; apt-get notes its arguments."""
    found = Machine(tmp_path, user=0)
    found.put("apt-get", f'echo "$@" >>"{tmp_path}/asked"')
    return found


def test_a_machine_that_has_all_is_passed_in_silence(machine: Machine) -> None:
    for name in ("gcc", *PAGES):
        machine.put(name)
    found = machine.check()
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_a_missing_compiler_stops_with_the_command_that_installs_it(machine: Machine) -> None:
    found = machine.check()
    assert found.returncode == 1
    assert "sudo apt-get install" in found.stderr
    assert "gcc" in found.stderr
    assert "chromium-driver" in found.stderr


def test_what_only_later_steps_need_is_said_and_does_not_stop(machine: Machine) -> None:
    machine.put("gcc")
    found = machine.check()
    assert found.returncode == 0
    assert "sudo apt-get install" in found.stdout
    assert "chromium" in found.stdout


def test_root_installs_what_is_missing_and_only_that(root_machine: Machine) -> None:
    for name in PAGES:
        root_machine.put(name)
    assert root_machine.check().returncode == 0
    asked = (root_machine.folder / "asked").read_text()
    assert "gcc" in asked
    assert "chromium" not in asked


def test_root_without_a_network_goes_on_only_if_it_can(root_machine: Machine) -> None:
    root_machine.put("apt-get", "exit 100")
    found = root_machine.check()
    assert found.returncode == 1
    assert "could not be installed" in found.stderr
    root_machine.put("gcc")
    assert root_machine.check().returncode == 0


@pytest.mark.parametrize(
    ("body", "told"),
    [("exit 1", "too old"), (None, "is not there")],
)
def test_python_too_old_or_absent_is_told_with_a_way_out(
    machine: Machine, body: str | None, told: str
) -> None:
    if body is not None:
        machine.put("python3.9", body)
    found = machine.check("python3.9")
    assert found.returncode == 1
    assert told in found.stderr
    assert "make setup PYTHON=" in found.stderr
