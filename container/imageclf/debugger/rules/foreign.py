"""Rules that users wrote: subclasses of our Rule, or of smdebug's Rule, in a file of their own.

smdebug is imported when such a rule is first evaluated; it brings torch with it.
"""

import importlib.util
import inspect
import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.saved import SavedStep
from imageclf.errors import SettingsError, TensorsError
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.finding import Finding

OTHER_TRIALS = "other_trials"

Maker = Callable[[RuleConfiguration, Path], Rule]
"""Makes a rule for the run whose tensors lie in a folder.

Raises SettingsError for wrong parameters.
"""


def load(text: str) -> dict[str, Maker]:
    """The rules of a Python file, by the names of their classes.

    Args:
        text: `FILE.py` for all rules that the file defines, `FILE.py:CLASS` for one.

    Raises:
        SettingsError: the file cannot be loaded, or holds no such rule.
    """
    file, _, wanted = text.partition(".py:")
    path = Path(f"{file}.py" if wanted else text)
    module = _module(path)
    found = {name: maker for name, maker in _makers(module) if wanted in {"", name}}
    if not found:
        what = f"class {wanted} that is a rule" if wanted else "rule"
        raise SettingsError(f"{path} has no {what}; derive it from smdebug.rules.rule.Rule.")
    return found


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"rules_of_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise SettingsError(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # data classes look for their module there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a user's file may fail in any way
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        raise SettingsError(f"{path} cannot be loaded ({cause}).") from error
    return module


def _makers(module: ModuleType) -> Iterator[tuple[str, Maker]]:
    smdebug = sys.modules.get("smdebug.rules.rule")
    for name, kind in inspect.getmembers(module, inspect.isclass):
        if kind.__module__ != module.__name__ or inspect.isabstract(kind):
            continue
        if issubclass(kind, Rule):
            yield name, _own(kind)
        elif smdebug is not None and issubclass(kind, smdebug.Rule):
            yield name, _foreign(kind)


def _own(kind: type[Rule]) -> Maker:
    return lambda configuration, _folder: kind.from_strings(configuration.parameters)


def _foreign(kind: type[Any]) -> Maker:
    return lambda configuration, folder: ForeignRule(kind, configuration, folder)


class ForeignRule(Rule):
    """A subclass of smdebug's Rule, asked at each saved step through smdebug's own trial.

    Its parameters reach its constructor as texts, as the managed service hands them over.

    Args:
        folder: the run's tensors.
    """

    name = "ForeignRule"

    def __init__(self, kind: type[Any], configuration: RuleConfiguration, folder: Path) -> None:
        super().__init__()
        self._kind, self._configuration, self._folder = kind, configuration, folder
        self._rule: Any = None
        self._over = False

    def needs(self) -> Needs:
        return {}

    def missing(self) -> str:
        return f"{self._configuration.name} found none of the tensors that it asks for."

    def look(self, step: SavedStep) -> Iterator[Finding]:
        """See `Rule.look`.

        Raises:
            TensorsError: smdebug cannot read the run.
        """
        if self._over:
            return
        if self._rule is None:
            self._rule = self._made()
        self._rule.base_trial.refresh_data()
        if self._is_met(step.number):
            yield self._finding(step)

    def _is_met(self, number: int) -> bool:
        """As smdebug's `invoke_rule` does, without its waiting for steps and its actions."""
        from smdebug import exceptions  # noqa: PLC0415
        from smdebug.analysis.utils import no_refresh  # noqa: PLC0415

        rule = self._rule
        try:
            with no_refresh(rule.trials):
                rule.req_tensors.clear()
                rule.set_required_tensors(number)
                rule.req_tensors.fetch()
                met = bool(rule.invoke_at_step(number))
        except exceptions.RuleEvaluationConditionMet as error:
            met, self._over = True, bool(error.end_of_rule)
        except (
            exceptions.TensorUnavailable,
            exceptions.TensorUnavailableForStep,
            exceptions.StepUnavailable,
            exceptions.NoMoreData,
        ):
            return False
        self.looked += 1
        return met

    def _made(self) -> Any:
        parameters: dict[str, Any] = dict(self._configuration.parameters)
        others = [each for each in parameters.pop(OTHER_TRIALS, "").split(",") if each]
        if others:
            parameters[OTHER_TRIALS] = [_trial(Path(each)) for each in others]
        return self._kind(_trial(self._folder), **parameters)

    def _finding(self, step: SavedStep) -> Finding:
        name = self._configuration.name
        return Finding(
            rule=self._kind.__name__,
            step=step.number,
            mode=step.mode.name,
            mode_step=step.mode_step,
            tensor="",
            value=float("nan"),
            threshold=float("nan"),
            found=f"The condition of {name} was met at step {step.number}.",
            meaning="What that means stands in the rule itself, which is not one of imageclf's.",
            advice=f"Read {self._kind.__name__} for what it tests, and look at the tensors there.",
            details={"parameters": dict(self._configuration.parameters)},
        )


def _trial(folder: Path) -> Any:
    """smdebug's view of the folder; it would wait without end for files that are not there."""
    _check_collections(folder)
    logging.getLogger("smdebug").setLevel(logging.WARNING)
    from smdebug.exceptions import SMDebugError  # noqa: PLC0415
    from smdebug.trials import create_trial  # noqa: PLC0415

    try:
        trial = create_trial(str(folder))
    except (SMDebugError, OSError, ValueError) as error:
        raise TensorsError(f"smdebug cannot read {folder} ({error}).") from error
    trial.loaded_all_steps = True  # so that it never waits; we refresh it ourselves
    return trial


def _check_collections(folder: Path) -> None:
    files = sorted((folder / "collections" / "000000000").glob("*_collections.json"))
    workers = _workers(files[0]) if files else 1
    if len(files) < workers:
        raise TensorsError(
            f"{folder} has {len(files)} of {workers} files of collections, which smdebug needs."
        )


def _workers(path: Path) -> int:
    try:
        content: Mapping[str, Any] = json.loads(path.read_bytes())
        return int(content["_meta"]["num_workers"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TensorsError(f"{path} is not a whole file of collections.") from error
