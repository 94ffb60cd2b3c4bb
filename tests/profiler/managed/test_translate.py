"""A profile of the managed service, as rules and report look at it."""

from pathlib import Path

import numpy as np
import pytest

from imageclf.profiler import kernels, names
from imageclf.profiler.managed.translate import is_managed, translate
from imageclf.profiler.run import Profile
from tests.profiler.managed.service import BEGAN_S, Hook, line, write_system


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """Thirty seconds of two machines, one of which trains on a GPU from second 10 to second 20."""
    folder = tmp_path_factory.mktemp("service")
    lines = []
    for at_s in np.arange(0, 30, 0.5).tolist():
        lines += [
            line("cpu", "cpu0", "CPUUtilization", 50.0, at_s),
            line("gpu", "gpu0", "GPUUtilization", 80.0, at_s),
            line("cpu", "cpu0", "CPUUtilization", 25.0, at_s, host="algo-2"),
        ]
    write_system(folder, lines)
    with next(folder.rglob("*.algo-2.json")).open("a") as file:
        file.write("damaged\n")
    hook = Hook(folder)
    for number in range(50):
        hook.step(number, 10.0 + number * 0.2, data_s=0.02)
    for at_s in (10.03, 10.05):
        hook.note("cpu_functions", "aten::conv2d", at_s, 0.01, tid=1, step_num=0)
        hook.note("gpu_functions-dev:0", "sgemm", at_s + 0.002, 0.005, tid=0, step_num=0)
    hook.close()
    assert is_managed(folder)
    anew = tmp_path_factory.mktemp("anew")
    translate(folder, anew)
    made = Profile(anew)
    made.refresh()
    return made


def test_steps_and_samples_of_all_machines_lie_on_one_axis(profile: Profile) -> None:
    whole = profile.whole()
    assert profile.began_wall_s == pytest.approx(BEGAN_S, abs=1e-3)
    assert set(whole.system) == {"algo-1", "algo-2"}
    assert whole.system["algo-1"].at_s[:3] == pytest.approx([0.0, 0.5, 1.0], abs=1e-3)
    assert set(whole.system["algo-2"][names.CPU]) == {25.0}
    table = whole.train_steps("algo-1-0")
    assert len(table) == 50
    assert table.at_s[0] == pytest.approx(10.0, abs=1e-3)
    assert table[names.TOOK] == pytest.approx([200.0] * 50, abs=0.01)
    assert len(profile.stretches()) == 6


def test_what_is_known_of_the_machines_is_told(profile: Profile) -> None:
    first, second = profile.workers["algo-1-0"], profile.workers["algo-2-1"]
    assert (first["device"], first["cores"], first["interval_ms"]) == ("cuda", 1, 500)
    assert (second["device"], second["world_size"]) == ("cpu", 2)
    assert profile.notes == (
        "1 entry of the service's files could not be read; what is there was taken.",
    )


def test_operators_that_were_noted_are_summed_up(profile: Profile) -> None:
    found = kernels.summarise(profile.folder)
    assert found is not None
    (operator,) = [one for one in found.operators if one.name == "aten::conv2d"]
    assert operator.calls == 2
    assert operator.self_ms == pytest.approx(20.0, abs=0.01)
    (kernel,) = found.kernels
    assert (kernel.name, kernel.calls) == ("sgemm", 2)
    assert [one.first_step for one in found.windows] == [0]


def test_the_job_has_three_parts(profile: Profile) -> None:
    told = {span.name: (span.at_s, span.took_s) for span in profile.whole().spans}
    assert told[names.INITIALISATION] == pytest.approx((0.0, 10.0), abs=0.01)
    assert told[names.TRAINING_LOOP] == pytest.approx((10.0, 10.0), abs=0.01)
    assert told[names.FINALISATION] == pytest.approx((20.0, 9.5), abs=0.01)


def test_a_profile_of_our_collectors_is_not_taken_for_the_services(tmp_path: Path) -> None:
    """SageMaker may put its own samples beside ours."""
    (tmp_path / "steps").mkdir()
    (tmp_path / "system" / "incremental").mkdir(parents=True)
    assert not is_managed(tmp_path)


def test_a_folder_with_nothing_that_can_be_read_gives_an_empty_profile(tmp_path: Path) -> None:
    (tmp_path / "service" / "framework" / "pevents").mkdir(parents=True)
    (tmp_path / "service" / "framework" / "pevents" / "x_pythontimeline.json").write_text("{")
    translate(tmp_path / "service", tmp_path / "anew")
    profile = Profile(tmp_path / "anew")
    profile.refresh()
    assert profile.ended
    assert not profile.stretches()
