"""Rules that users wrote."""

from pathlib import Path

import pytest

from imageclf.debugger.rules import foreign
from imageclf.debugger.tensors.run import Run
from imageclf.errors import SettingsError
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import Engine, RuleState
from imageclf.rules.finding import Status
from tests.debugger.tensors.saving import end, save_collections, save_step

THEIRS = '''
from smdebug.exceptions import RuleEvaluationConditionMet
from smdebug.rules.rule import Rule


class LargeWeight(Rule):
    def __init__(self, base_trial, threshold="10", action_str=""):
        super().__init__(base_trial, action_str)
        self.threshold = float(threshold)

    def set_required_tensors(self, step):
        for name in self.base_trial.tensor_names(collection="weights"):
            self.req_tensors.add(name, steps=[step])

    def invoke_at_step(self, step):
        for tensor in self.req_tensors.get():
            if abs(tensor.value(step)).max() > self.threshold:
                return True
        return False


class EndsAtTwo(Rule):
    def invoke_at_step(self, step):
        if step == 2:
            raise RuleEvaluationConditionMet("EndsAtTwo", step, end_of_rule=True)

    def __init__(self, base_trial):
        super().__init__(base_trial, "")


class LooksBack(Rule):
    """Compares with a step that was never saved, then with the one before."""

    def __init__(self, base_trial):
        super().__init__(base_trial, "")

    def invoke_at_step(self, step):
        loss = self.base_trial.tensor("loss")
        return loss.value(step) > loss.value(step - 1)


class Broken(Rule):
    def __init__(self, base_trial):
        super().__init__(base_trial, "")

    def invoke_at_step(self, step):
        raise KeyError("nothing")
'''

OURS = """
from imageclf.rules.finding import Finding
from imageclf.debugger.rules.base import Rule
from imageclf.rules.parameters import RuleParameters


class CountParameters(RuleParameters):
    limit: int = 3


class Count(Rule):
    name = "Count"
    Parameters = CountParameters

    def needs(self):
        return {}

    def look(self, step):
        self.looked += 1
        if self.looked > self.parameters.limit:
            yield Finding("Count", step.number, "TRAIN", 0, "", 1, 0, "Too many.", "", "")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run")
    save_collections(path, {"weights": ["w"], "losses": ["loss"]})
    for number in range(5):
        save_step(path, number, {"w": [5.0 * number, 1.0], "loss": [abs(number - 3.0)]})
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "theirs.py"
    path.write_text(THEIRS)
    return path


def judged(maker: foreign.Maker, folder: Path, **parameters: str) -> RuleState:
    configuration = RuleConfiguration("mine", "X", parameters)
    engine = Engine([(configuration, maker(configuration, folder))])
    run = Run(folder)
    run.refresh()
    engine.look(run.fresh())
    engine.finish()
    return engine.states[0]


def test_a_rule_of_smdebug_is_asked_at_each_step(file: Path, folder: Path) -> None:
    rules = foreign.load(str(file))
    assert set(rules) == {"LargeWeight", "EndsAtTwo", "LooksBack", "Broken"}
    state = judged(rules["LargeWeight"], folder)
    assert state.status is Status.ISSUES
    assert [one.step for one in state.findings] == [3, 4]
    assert state.looked == 5
    assert state.findings[0].found == "The condition of mine was met at step 3."
    assert judged(rules["LargeWeight"], folder, threshold="100").status is Status.NO_ISSUES


def test_a_rule_of_smdebug_may_end_itself_look_back_and_fail(file: Path, folder: Path) -> None:
    rules = foreign.load(str(file))
    assert [one.step for one in judged(rules["EndsAtTwo"], folder).findings] == [2]
    assert [one.step for one in judged(rules["LooksBack"], folder).findings] == [4]
    broken = judged(rules["Broken"], folder)
    assert broken.status is Status.ERROR
    assert "KeyError: 'nothing'" in broken.details


def test_one_class_of_a_file_may_be_chosen(file: Path) -> None:
    assert set(foreign.load(f"{file}:EndsAtTwo")) == {"EndsAtTwo"}
    with pytest.raises(SettingsError, match="has no class Absent that is a rule"):
        foreign.load(f"{file}:Absent")


def test_a_run_while_it_goes_on_is_seen_growing(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    maker = foreign.load(str(file))["LargeWeight"]
    configuration = RuleConfiguration("mine", "LargeWeight")
    run, engine = Run(folder), Engine([(configuration, maker(configuration, folder))])
    save_collections(folder, {"weights": ["w"]})
    for number in range(3):
        save_step(folder, number, {"w": [9.0 * number]})
        run.refresh()
        engine.look(run.fresh())
        assert len(engine.states[0].findings) == max(0, number - 1)
    end(folder)
    engine.finish()


def test_without_collections_smdebug_is_not_left_waiting(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    save_step(folder, 0, {"w": [1.0]})
    state = judged(foreign.load(str(file))["LargeWeight"], folder)
    assert state.status is Status.ERROR
    assert "files of collections" in state.details


def test_a_rule_of_our_own_kind_has_checked_parameters(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "ours.py"
    path.write_text(OURS)
    maker = foreign.load(str(path))["Count"]
    assert [one.step for one in judged(maker, folder).findings] == [3, 4]
    assert len(judged(maker, folder, limit="1").findings) == 4
    with pytest.raises(SettingsError, match="limit"):
        judged(maker, folder, limit="many")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.py", None, "cannot be loaded"),
        ("a.py", "def broken(:", "cannot be loaded"),
        ("a.py", "1 / 0", "ZeroDivisionError"),
        ("a.py", "raise SystemExit(3)", "SystemExit"),
        ("a.py", "x = 1", "has no rule"),
        ("a.txt", "x = 1", "is not a Python file"),
    ],
)
def test_a_file_that_is_no_module_of_rules_is_refused(
    tmp_path: Path, name: str, content: str | None, sentence: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError) as refused:
        foreign.load(str(path))
    assert sentence in str(refused.value)
