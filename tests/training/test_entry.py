"""`IMAGE train`, without the image: the first process, its signals, its exit codes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.training import runs


def test_the_command_trains_and_leaves_what_sagemaker_collects(tmp_path: Path) -> None:
    tree = runs.make_tree(tmp_path / "ml", epochs="1")
    with runs.image_command(tree) as command:
        output, _ = command.communicate(timeout=runs.PATIENCE_S)
    assert command.returncode == 0, output
    assert (tree.model / "manifest.json").exists()
    assert (tree.output_data / "report.html").exists()
    assert not tree.failure.exists()


def test_a_stop_signal_to_the_first_process_alone_reaches_the_training(tmp_path: Path) -> None:
    tree = runs.make_tree(tmp_path / "ml", epochs="2000", workers="1")
    with runs.image_command(tree) as command:
        assert command.stdout is not None
        for line in command.stdout:
            if "epoch=1 " in line:
                break
        os.kill(command.pid, signal.SIGTERM)
        output, _ = command.communicate(timeout=runs.PATIENCE_S)
    assert command.returncode == 143, output
    assert len(runs.checkpoints(tree)) == 1
    assert not tree.failure.exists()
    assert runs.summary(tree)["status"] == "stopped"


def test_a_signal_to_the_whole_group_does_not_break_the_reading_of_pictures(
    tmp_path: Path,
) -> None:
    tree = runs.make_tree(tmp_path / "ml", epochs="2000", workers="2")
    with runs.image_command(tree) as command:
        assert command.stdout is not None
        for line in command.stdout:
            if "epoch=1 " in line:
                break
        os.killpg(command.pid, signal.SIGINT)
        output, _ = command.communicate(timeout=runs.PATIENCE_S)
    assert command.returncode == 143, output
    assert len(runs.checkpoints(tree)) == 1


def test_a_training_process_that_is_killed_is_explained_and_takes_the_debugger_along(
    tmp_path: Path,
) -> None:
    tree = runs.make_tree(tmp_path / "ml", epochs="2000", debug="overfit")
    with runs.image_command(tree) as command:
        assert command.stdout is not None
        for line in command.stdout:
            if "epoch=1 " in line:
                break
        (program,) = psutil.Process(command.pid).children()
        (watcher,) = [one for one in program.children() if "debugger.live" in str(one.cmdline())]
        program.kill()
        output, _ = command.communicate(timeout=runs.PATIENCE_S)
    assert command.returncode == 137, output
    assert "memory ran out" in tree.failure.read_text()
    psutil.wait_procs([watcher], timeout=runs.PATIENCE_S)
    assert not watcher.is_running()


@pytest.mark.parametrize(
    ("settings", "code", "sentence"),
    [
        ({"epoch": "3"}, 2, "Hyperparameter epoch is not known; did you mean epochs?"),
        ({"lr": "$(touch pwned); 1"}, 2, "Hyperparameter lr is '$(touch pwned); 1'"),
        ({"debug": "overfitt"}, 2, "Hyperparameter debug: There is no rule 'overfitt'; did you"),
    ],
)
def test_a_wrong_hyperparameter_is_said_before_anything_starts(
    tmp_path: Path, settings: dict[str, str], code: int, sentence: str
) -> None:
    tree = runs.make_tree(tmp_path / "ml", **settings)
    with runs.image_command(tree) as command:
        output, _ = command.communicate(timeout=runs.PATIENCE_S)
    assert command.returncode == code
    assert tree.failure.read_text().startswith(sentence)
    assert sentence in output
    assert "Traceback" not in output


@pytest.mark.parametrize("name", ["hyperparameters", "resourceconfig"])
def test_a_missing_configuration_file_is_named(tmp_path: Path, name: str) -> None:
    tree = runs.make_tree(tmp_path / "ml")
    (tree.config / f"{name}.json").unlink()
    with runs.image_command(tree) as command:
        output, _ = command.communicate(timeout=runs.PATIENCE_S)
    assert command.returncode == 2
    assert f"{name}.json does not exist; SageMaker writes it" in output
    assert "Traceback" not in output


def test_an_empty_channel_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    tree = runs.make_tree(tmp_path / "ml", tmp_path / "empty")
    with runs.image_command(tree) as command:
        output, _ = command.communicate(timeout=runs.PATIENCE_S)
    assert command.returncode == 3, output
    assert len(tree.failure.read_text().splitlines()) == 1


def test_the_toolkits_own_command_gives_the_same_exit_code_and_failure(tmp_path: Path) -> None:
    tree = runs.make_tree(tmp_path / "ml", epochs="0")
    train = Path(sys.executable).with_name("train")
    environment = {
        **os.environ,
        "SAGEMAKER_BASE_DIR": str(tree.root),
        "SAGEMAKER_TRAINING_MODULE": "imageclf.training.entry:main",
    }
    done = subprocess.run(
        [str(train)], env=environment, capture_output=True, text=True, check=False,
        timeout=runs.PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    assert tree.failure.read_text().startswith("Hyperparameter epochs is '0'")
