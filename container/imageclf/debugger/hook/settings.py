"""What the debugger of one training saves and judges: the union of all who ask.

The hyperparameters `debug`, `debug-interval` and `debug-actions` ask for rules, and each rule for
what it reads; `debughookconfig.json` asks for collections. Nothing here needs torch, so that a
fault is told before it is loaded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from imageclf.config import Hyperparameters
from imageclf.contract import Tree
from imageclf.debugger import names, statistics
from imageclf.debugger.hook import hook_config
from imageclf.debugger.hook.hook_config import CollectionConfig, HookConfig, When
from imageclf.debugger.rules import asked
from imageclf.debugger.rules.catalogue import needs_of
from imageclf.errors import SettingsError
from imageclf.rules.actions import plan
from imageclf.rules.configuration import RuleConfiguration

_ALWAYS_RAW = frozenset({names.LOSSES, names.LABELS, names.PREDICTIONS})
"""Collections of a few numbers, of which the values themselves are saved."""


@dataclass(frozen=True)
class Collection:
    """One collection: which tensors, what of them, at which steps.

    Args:
        reductions: smdebug's, as it computes them: over all values, deviations with n - 1.
        statistics: ours, which may come from a sample of the batch; RAW for the values.
    """

    name: str
    include_regex: tuple[str, ...]
    reductions: frozenset[str]
    statistics: frozenset[str]
    train: When
    evaluation: When


@dataclass(frozen=True)
class DebugSettings:
    """What one training saves and judges; nothing of it when there are no collections.

    Args:
        folder: where tensors go, as a path below /opt/ml; None for the usual place.
        tensorboard: the same for TensorBoard's files; None for none.
        all_workers: whether each process saves, or only the first.
    """

    rules: tuple[RuleConfiguration, ...] = ()
    collections: tuple[Collection, ...] = ()
    folder: str | None = None
    tensorboard: str | None = None
    all_workers: bool = False

    @property
    def on(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.collections)

    def saved(self) -> dict[str, frozenset[str]]:
        """What is saved of each collection."""
        return {one.name: one.reductions | one.statistics for one in self.collections}


def read(tree: Tree, given: Hyperparameters) -> DebugSettings:
    """The settings of the job in `tree`.

    Raises:
        SettingsError: a rule, parameter or action is unknown, or a file is malformed.
    """
    return of(
        given,
        tree.read_config(hook_config.FILE),
        tree.read_config(hook_config.TENSORBOARD_FILE),
    )


def of(
    given: Hyperparameters, hook: Mapping[str, Any], tensorboard: Mapping[str, Any]
) -> DebugSettings:
    """The settings from hyperparameters and the content of both files; errors as in `read`."""
    configured = hook_config.parse(hook, tensorboard)
    rules = tuple(_with_actions(rule, given.debug_actions) for rule in _rules(given))
    if not rules and not configured.asks:
        return DebugSettings()
    return DebugSettings(
        rules=rules,
        collections=tuple(_collections(given, rules, configured)),
        folder=configured.folder,
        tensorboard=configured.tensorboard,
        all_workers=configured.all_workers,
    )


def _rules(given: Hyperparameters) -> Sequence[RuleConfiguration]:
    try:
        rules = asked.parse(given.debug)
    except SettingsError as error:
        raise SettingsError(f"Hyperparameter debug: {error}") from error
    _check_actions(given.debug_actions)
    if given.debug_actions and not rules:
        raise SettingsError(
            "Hyperparameter debug-actions says what to do when a rule finds something, and debug "
            "asks for no rule; set debug=standard or name rules."
        )
    return rules


def _check_actions(text: str) -> None:
    try:
        plan.parse(text)
    except SettingsError as error:
        raise SettingsError(f"Hyperparameter debug-actions: {error}") from error


def _with_actions(rule: RuleConfiguration, actions: str) -> RuleConfiguration:
    return rule if rule.actions else replace(rule, actions=actions)


def _collections(
    given: Hyperparameters, rules: Sequence[RuleConfiguration], configured: HookConfig
) -> list[Collection]:
    """The union of what rules need and what is configured, and the losses in any case."""
    needs: dict[str, frozenset[str]] = {names.LOSSES: frozenset({statistics.RAW})}
    for rule in rules:
        for name, wanted in needs_of(rule).items():
            needs[name] = needs.get(name, frozenset()) | wanted
    # An interval of one's own counts more than the usual one: smdebug's where no rule asks.
    usual = {"save_interval": given.debug_interval} if rules else {}
    named = _by_name(configured.collections)
    return [
        _collection(named.get(name, CollectionConfig(name=name)), needs, usual, configured)
        for name in sorted({*needs, *named})
    ]


def _collection(
    own: CollectionConfig,
    needs: Mapping[str, frozenset[str]],
    usual: Mapping[str, Any],
    configured: HookConfig,
) -> Collection:
    reductions = own.statistics & hook_config.REDUCTIONS
    wanted = (own.statistics - reductions) | needs.get(own.name, frozenset())
    raw = frozenset({statistics.RAW} if own.name in _ALWAYS_RAW else ())
    every_pass = {"save_interval": 1}
    return Collection(
        own.name,
        own.include_regex,
        reductions,
        wanted | raw,
        When(**{**usual, **configured.train, **own.train}),
        When(**{**every_pass, **configured.evaluation, **own.evaluation}),
    )


def _by_name(collections: Sequence[CollectionConfig]) -> dict[str, CollectionConfig]:
    """Each collection once: an SDK may send one for each rule that wants it."""
    found: dict[str, CollectionConfig] = {}
    for one in collections:
        first = found.get(one.name)
        found[one.name] = one if first is None else _joined(first, one)
    return found


def _joined(first: CollectionConfig, second: CollectionConfig) -> CollectionConfig:
    """Both in one; what they say of steps otherwise, the second says."""
    return CollectionConfig(
        name=first.name,
        include_regex=tuple(dict.fromkeys(first.include_regex + second.include_regex)),
        statistics=first.statistics | second.statistics,
        train={**first.train, **second.train},
        evaluation={**first.evaluation, **second.evaluation},
    )
