"""Script mode: a program of the user's own, in place of ours, under the first process."""

import json
import os
import signal
import subprocess
import tarfile
from pathlib import Path

import pytest

from imageclf.contract import Tree
from tests.training import runs

PROGRAM = """
import json, os, pathlib, sys
import imageclf
told = {"arguments": sys.argv[1:], "channel": os.environ["SM_CHANNEL_TRAINING"]}
pathlib.Path(os.environ["SM_MODEL_DIR"], "told.json").write_text(json.dumps(told))
"""


def tree_with(root: Path, source: str, name: str = "own.py", **hyperparameters: str) -> Tree:
    """A job whose program is `source`, as an SDK asks for it."""
    tree = runs.make_tree(root)
    program = root.with_name("source") / name
    program.parent.mkdir()
    program.write_text(source)
    archive = root.with_name("sourcedir.tar.gz")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(program, name)
    own = {"sagemaker_program": name, "sagemaker_submit_directory": str(archive)}
    told = {key: json.dumps(value) for key, value in (own | hyperparameters).items()}
    runs.write_config(tree, "hyperparameters", told)
    runs.write_config(tree, "inputdataconfig", {"training": {"TrainingInputMode": "File"}})
    return tree


def ended(tree: Tree) -> "subprocess.CompletedProcess[str]":
    with runs.image_command(tree) as command:
        output, _ = command.communicate(timeout=runs.PATIENCE_S)
    return subprocess.CompletedProcess([], command.returncode, output)


def test_it_gets_the_hyperparameters_as_arguments_and_the_paths_as_variables(
    tmp_path: Path,
) -> None:
    tree = tree_with(tmp_path / "ml", PROGRAM, depth="50")
    done = ended(tree)
    assert done.returncode == 0, done.stdout
    told = json.loads((tree.model / "told.json").read_text())
    assert told == {"arguments": ["--depth", "50"], "channel": str(tree.channel("training"))}
    assert not tree.failure.exists()


def test_its_exit_code_is_the_jobs_and_the_reason_names_it(tmp_path: Path) -> None:
    tree = tree_with(tmp_path / "ml", "raise SystemExit(7)")
    assert ended(tree).returncode == 7
    assert tree.failure.read_text() == "own.py ended with exit code 7."


def test_a_reason_that_it_wrote_itself_stays(tmp_path: Path) -> None:
    source = "import os, sys; open(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('Mine.')"
    tree = tree_with(tmp_path / "ml", f"{source}\nsys.exit(1)")
    assert ended(tree).returncode == 1
    assert tree.failure.read_text() == "Mine."


def test_a_shell_script_is_one_too(tmp_path: Path) -> None:
    tree = tree_with(tmp_path / "ml", "#!/bin/sh\necho $1 > $SM_MODEL_DIR/told", "own.sh", deep="1")
    assert ended(tree).returncode == 0
    assert (tree.model / "told").read_text() == "--deep\n"


def test_a_stop_signal_reaches_it(tmp_path: Path) -> None:
    source = "import signal, sys, time\n"
    source += "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
    source += "print('it runs', flush=True)\ntime.sleep(600)"
    tree = tree_with(tmp_path / "ml", source)
    with runs.image_command(tree) as command:
        assert command.stdout is not None
        assert any("it runs" in line for line in command.stdout)
        os.kill(command.pid, signal.SIGTERM)
        command.communicate(timeout=runs.PATIENCE_S)
    assert command.returncode == 0


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"sagemaker_submit_directory": '"/nowhere/source.tar.gz"'}, "cannot be fetched from"),
        ({"sagemaker_program": '"other.py"'}, "There is no other.py in the source"),
    ],
)
def test_a_program_that_is_not_there_is_told_in_one_sentence(
    tmp_path: Path, changed: dict[str, str], told: str
) -> None:
    tree = tree_with(tmp_path / "ml", PROGRAM)
    runs.write_config(tree, "hyperparameters", tree.read_config("hyperparameters") | changed)
    done = ended(tree)
    assert done.returncode == 2
    assert told in tree.failure.read_text()
    assert "Traceback" not in done.stdout
