"""What `debughookconfig.json` and `tensorboardoutputconfig.json` ask for.

Names and meanings are those of smdebug (`smdebug/core/json_config.py`), with one difference: one
pass over the validation split is one EVAL step here, so that only `eval.save_interval` and the
like thin it out, not the plain `save_interval`, which counts batches.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from imageclf.debugger import names, statistics
from imageclf.errors import SettingsError

FILE, TENSORBOARD_FILE = "debughookconfig", "tensorboardoutputconfig"

TENSORBOARD_FOLDER = "/opt/ml/output/tensorboard"

_EVERY_DEFAULT = 500
"""smdebug's own."""

_KNOWN_COLLECTIONS = frozenset(
    {
        names.BIASES,
        names.GRADIENTS,
        names.INPUTS,
        names.LABELS,
        names.LOSSES,
        names.PREDICTIONS,
        names.RELU_INPUT,
        names.RELU_OUTPUT,
        names.SATURATING_INPUT,
        names.WEIGHTS,
        "all",
        "default",
    }
)
"""Those that need no `include_regex`."""

REDUCTIONS = frozenset([*statistics.SMDEBUG, *(f"abs_{name}" for name in statistics.SMDEBUG)])
"""smdebug's own."""

_STATISTICS = frozenset(
    {
        statistics.NANS,
        statistics.INFINITIES,
        statistics.ZEROS,
        statistics.Q05,
        statistics.Q95,
        statistics.ACTIVITY,
        statistics.SATURATION_TANH,
        statistics.SATURATION_SIGMOID,
        statistics.CHANNEL_MEANS,
        statistics.COUNT,
        statistics.UPDATE_RATIO,
        statistics.UNCHANGED,
    }
)


_RAW = frozenset({statistics.RAW})


def _split(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


Listing = BeforeValidator(_split)
"""Marks a field that may come as text with commas."""


class When(BaseModel):
    """The steps of one mode at which a collection is saved.

    Every `save_interval`-th step from `start_step` on and before `end_step`, and all `save_steps`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    save_interval: int = Field(_EVERY_DEFAULT, ge=1)
    start_step: int = Field(0, ge=0)
    end_step: int | None = Field(None, ge=0)
    save_steps: Annotated[tuple[int, ...], Listing] = ()


class CollectionConfig(BaseModel):
    """A collection that is asked for; `statistics` holds RAW, reductions of smdebug and ours."""

    model_config = ConfigDict(frozen=True)

    name: str
    include_regex: tuple[str, ...] = ()
    statistics: frozenset[str] = frozenset()
    train: Mapping[str, Any] = {}
    evaluation: Mapping[str, Any] = {}


class HookConfig(BaseModel):
    """All that the two files ask for; empty when nobody asks for tensors.

    `train` and `evaluation` hold what is said of steps for collections that say nothing.
    """

    model_config = ConfigDict(frozen=True)

    collections: tuple[CollectionConfig, ...] = ()
    folder: str | None = None
    all_workers: bool = False
    tensorboard: str | None = None
    train: Mapping[str, Any] = {}
    evaluation: Mapping[str, Any] = {}

    @property
    def asks(self) -> bool:
        """Whether somebody wants tensors: an SDK's default, without collections, does not."""
        return bool(self.collections) or self.tensorboard is not None


class _Given(BaseModel):
    model_config = ConfigDict(extra="ignore")

    class Collection(BaseModel):
        CollectionName: str = Field(min_length=1)
        CollectionParameters: dict[str, Any] | None = None

    LocalPath: str | None = None
    HookParameters: dict[str, Any] | None = None
    CollectionConfigurations: list[Collection] | None = None


class _Parameters(BaseModel):
    """Parameters of a collection or of the hook that are not about steps."""

    model_config = ConfigDict(extra="ignore")

    include_regex: Annotated[tuple[str, ...], Listing] = ()
    reductions: Annotated[tuple[str, ...], Listing] = ()
    save_raw_tensor: bool = False
    save_all: bool = False
    include_workers: str = "one"
    export_tensorboard: bool = False
    tensorboard_dir: str | None = None


class _TensorBoard(BaseModel):
    model_config = ConfigDict(extra="ignore")

    LocalPath: str | None = None


def parse(hook: Mapping[str, Any], tensorboard: Mapping[str, Any]) -> HookConfig:
    """What the content of the two files (empty where there is none) asks for.

    Raises:
        SettingsError: it is malformed, names an unknown reduction or collection, or a regular
            expression that is none.
    """
    given = _validated(_Given, hook, f"{FILE}.json")
    parameters = given.HookParameters or {}
    where = f"{FILE}.json: HookParameters"
    base = _validated(_Parameters, parameters, where)
    found = [_collection(one, base) for one in given.CollectionConfigurations or ()]
    found += _by_hook_parameters(base, found)
    workers = base.include_workers.lower()
    if workers not in {"one", "all"}:
        raise SettingsError(f"{FILE}.json: include_workers is {workers!r}; give one or all.")
    return HookConfig(
        collections=tuple(found),
        folder=given.LocalPath,
        all_workers=workers == "all",
        tensorboard=_tensorboard(base, tensorboard),
        train=_steps(parameters, where, "", "train."),
        evaluation=_steps(parameters, where, "eval."),
    )


def _collection(given: _Given.Collection, base: _Parameters) -> CollectionConfig:
    name, parameters = given.CollectionName, given.CollectionParameters or {}
    where = f"{FILE}.json: collection {name}"
    own = _validated(_Parameters, parameters, where)
    if name not in _KNOWN_COLLECTIONS and not own.include_regex:
        known = ", ".join(sorted(_KNOWN_COLLECTIONS))
        raise SettingsError(
            f"{where} is not built in and has no include_regex; give one, or use one of {known}."
        )
    _check_regexes(own.include_regex, where)
    return CollectionConfig(
        name=name,
        include_regex=own.include_regex,
        statistics=_statistics(own, where) or _statistics(base, where) or _RAW,
        train=_steps(parameters, where, "", "train."),
        evaluation=_steps(parameters, where, "eval."),
    )


def _by_hook_parameters(
    base: _Parameters, found: list[CollectionConfig]
) -> Iterator[CollectionConfig]:
    """The collections that `save_all` and `include_regex` of HookParameters stand for."""
    where = f"{FILE}.json: HookParameters"
    _check_regexes(base.include_regex, where)
    wanted = _statistics(base, where) or _RAW
    named = {one.name for one in found}
    if base.save_all and "all" not in named:
        yield CollectionConfig(name="all", include_regex=(".*",), statistics=wanted)
    if base.include_regex and "default" not in named:
        yield CollectionConfig(name="default", include_regex=base.include_regex, statistics=wanted)


def _statistics(parameters: _Parameters, where: str) -> frozenset[str]:
    """What is saved of a tensor; empty when nothing is said."""
    asked = {name.removesuffix("_norm") for name in parameters.reductions}
    known = REDUCTIONS | _STATISTICS
    for name in sorted(asked - known):
        raise SettingsError(
            f"{where} asks for reduction {name!r}; there are {', '.join(sorted(known))}."
        )
    return frozenset(asked | ({statistics.RAW} if parameters.save_raw_tensor else set()))


def _steps(parameters: Mapping[str, Any], where: str, *prefixes: str) -> dict[str, Any]:
    """What is said of steps, later prefixes above earlier ones."""
    said = {
        name: parameters[prefix + name]
        for prefix in prefixes
        for name in When.model_fields
        if prefix + name in parameters
    }
    return _validated(When, said, where).model_dump(include=set(said))


def _tensorboard(base: _Parameters, given: Mapping[str, Any]) -> str | None:
    if given:
        file = _validated(_TensorBoard, given, f"{TENSORBOARD_FILE}.json")
        return file.LocalPath or TENSORBOARD_FOLDER
    if base.export_tensorboard or base.tensorboard_dir:
        return base.tensorboard_dir or TENSORBOARD_FOLDER
    return None


def _check_regexes(expressions: tuple[str, ...], where: str) -> None:
    for expression in expressions:
        try:
            re.compile(expression)
        except re.error as error:
            raise SettingsError(
                f"{where}: include_regex {expression!r} is no regular expression ({error})."
            ) from error


_Model = TypeVar("_Model", bound=BaseModel)


def _validated(kind: type[_Model], content: Mapping[str, Any], where: str) -> _Model:
    try:
        return kind.model_validate(dict(content))
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise SettingsError(f"{where}: {place} is {fault['input']!r}: {fault['msg']}.") from error
