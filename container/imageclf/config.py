"""The hyperparameters of a training job: names, types, bounds, defaults, help.

SageMaker hands every value over as a string (`hyperparameters.json`); a tuner may wrap it in
quotes. `parse` checks all of them together and names every fault in one sentence. `None`, written
`auto`, means "choose for me": `imageclf.model.defaults` does, once architecture and device are
known.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from imageclf.errors import SettingsError

PLATFORM_PREFIXES = ("sagemaker_", "_tuning_", "_kfold")
"""Beginnings of the names that SageMaker and its SDK add to the hyperparameters."""

AUTO = "auto"

_SHOWN = 100
"""Characters of a value that a message shows."""

_SAID_OTHERWISE = {
    "arch": "architecture",
    "bs": "batch-size",
    "learning-rate": "lr",
    "model": "architecture",
    "network": "architecture",
    "patience": "early-stop-patience",
    "wd": "weight-decay",
}


def kebab(name: str) -> str:
    """The name a user writes: `batch_size` is `batch-size`."""
    return name.replace("_", "-")


def _auto_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and value.lower() == AUTO else value


_Auto = BeforeValidator(_auto_is_none)

OptionalInt = Annotated[int | None, _Auto]
OptionalFloat = Annotated[float | None, _Auto]
OptionalBool = Annotated[bool | None, _Auto]


class Hyperparameters(BaseModel):
    """All hyperparameters of one training job; immutable once parsed."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        alias_generator=AliasGenerator(alias=kebab),
        populate_by_name=True,
    )

    # What is trained
    architecture: str = Field("resnet50", description="any torchvision classification network")
    pretrained: str = Field(
        "imagenet",
        min_length=1,
        description="`imagenet` (torchvision's weights), `none`, a file, or the name of a channel",
    )
    train: Literal["head", "last-block", "all", "gradual"] = Field(
        "all", description="which layers learn; `gradual` unfreezes block by block from the head"
    )
    unfreeze_every: int = Field(1, ge=1, description="`gradual`: epochs before the next block")
    units: int = Field(
        0, ge=0, le=8192, description="width of a hidden layer in the head; 0 is a linear head"
    )
    dropout: float = Field(0.0, ge=0, le=0.9, description="dropout before the last layer")
    batch_norm: Literal["auto", "local", "frozen", "sync"] = Field(
        "auto",
        description="statistics of batch norm: of each process, fixed, or of all processes",
    )

    # How it learns
    epochs: int = Field(10, ge=1, le=10_000, description="times every training image is seen")
    batch_size: OptionalInt = Field(
        None, ge=1, le=65_536, description="images a step, over all processes together"
    )
    optimizer: Literal["adamw", "adam", "sgd", "rmsprop"] = Field(
        "adamw", description="`sgd` and `rmsprop` use `momentum`"
    )
    lr: OptionalFloat = Field(None, gt=0, le=10, description="highest learning rate")
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of `sgd` and `rmsprop`")
    weight_decay: OptionalFloat = Field(
        None, ge=0, le=1, description="decay of weight matrices; norms and biases have none"
    )
    schedule: Literal["cosine", "constant"] = Field(
        "cosine", description="course of the learning rate after the warm-up"
    )
    warmup: OptionalFloat = Field(
        None, ge=0, le=1000, description="epochs over which the learning rate rises from 0"
    )
    label_smoothing: float = Field(0.0, ge=0, le=0.5, description="share of the target spread out")
    mixup: float = Field(0.0, ge=0, le=2, description="alpha of mixup; 0 is off")
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="`balanced` weighs each class by the inverse of its frequency"
    )
    clip_norm: float = Field(0.0, ge=0, description="largest norm of the gradient; 0 is off")
    early_stop_patience: int = Field(
        0, ge=0, description="epochs without a better one before training ends; 0 is off"
    )
    select_by: Literal["top1", "f1", "loss"] = Field(
        "top1", description="validation figure that chooses the epoch to keep"
    )

    # What it learns from
    image_size: OptionalInt = Field(
        None, ge=16, le=1024, description="side of the square the network sees, in pixels"
    )
    crop_share: float = Field(
        0.875, gt=0.1, le=1, description="share of a picture's shorter side that validation sees"
    )
    augment: Literal["none", "light", "medium", "strong"] = Field(
        "light",
        description="`light` crops and mirrors, `medium` adds colour, `strong` TrivialAugment",
    )
    data_fraction: float = Field(
        1.0, gt=0, le=1, description="share of each class's training images that is used"
    )
    validation_split: float = Field(
        0.2, gt=0, lt=0.9, description="share split off for validation where there is no folder"
    )
    test_split: float = Field(
        0.0, ge=0, lt=0.9, description="share split off for the test where there is one folder only"
    )
    max_bad_share: float = Field(
        0.1, ge=0, le=1, description="share of unusable files above which the job stops"
    )
    max_megapixels: float = Field(
        100.0, gt=0, le=1000, description="larger images are left out as decompression bombs"
    )
    seed: int = Field(0, ge=0, lt=2**31, description="decides split, sampling, weights, views")

    # What it runs on
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="`auto` is a GPU if any")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="arithmetic of the layers; `auto` is bf16 where the hardware has it"
    )
    channels_last: OptionalBool = Field(None, description="memory layout of images")
    processes: OptionalInt = Field(
        None, ge=1, le=64, description="processes on each host; one for each GPU by itself"
    )
    workers: OptionalInt = Field(
        None, ge=0, le=128, description="processes that read images, for each training process"
    )
    checkpoint_minutes: float = Field(
        10.0,
        gt=0,
        description="longest time between checkpoints; an epoch above half a minute ends with one",
    )
    onnx: bool = Field(
        True, description="export the graph with which the CPU serves faster; takes some seconds"
    )

    # What watches it
    debug: str = Field(
        "off", description="rules that watch the training: `standard`, or names with commas"
    )
    debug_interval: int = Field(10, ge=1, description="steps from one that rules see to the next")
    debug_actions: str = Field(
        "", description="what a rule that finds something does: `stop`, `notify=...`, `emit`"
    )
    profile: Literal["off", "on", "kernels"] = Field(
        "off",
        description="measures where the time goes; `kernels` looks into some steps closely too",
    )
    profile_interval: int = Field(
        500, ge=100, le=60_000, description="milliseconds from one look at the machine to the next"
    )
    profile_rules: str = Field(
        "standard", description="rules that judge the profile: `standard`, or names with commas"
    )
    profile_actions: str = Field(
        "", description="what such a rule does when it finds something, as `debug-actions`"
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.validation_split + self.test_split >= 0.95:
            raise ValueError(
                "validation-split and test-split together leave less than 5 % to train on"
            )
        if self.warmup is not None and self.warmup > self.epochs:
            raise ValueError(f"warmup of {self.warmup:g} epochs is longer than epochs")
        if self.precision == "fp16" and self.device == "cpu":
            raise ValueError("precision fp16 needs a GPU; bf16 and fp32 run on the CPU")
        return self

    def as_strings(self) -> dict[str, str]:
        """Every value as SageMaker would hand it over, by the name a user writes."""
        return {kebab(name): _text(value) for name, value in self.model_dump().items()}


def parse(values: Mapping[str, Any]) -> Hyperparameters:
    """Check `values` (names with `-` or `_`, values as strings or typed) all together.

    Raises:
        SettingsError: one sentence for each unknown name, wrong type or exceeded bound.
    """
    ours = {name: _unquote(value) for name, value in values.items() if _is_ours(name)}
    given = {kebab(name): value for name, value in ours.items()}
    faults = [_unknown(name) for name in given if name not in names()]
    faults += _said_twice(ours)
    known = {name: value for name, value in given.items() if name in names()}
    try:
        parsed = Hyperparameters.model_validate(known)
    except ValidationError as error:
        faults += [_fault(detail) for detail in error.errors()]
    if faults:
        raise SettingsError(" ".join(faults))
    return parsed


def names() -> tuple[str, ...]:
    """The names of all hyperparameters, as a user writes them."""
    return tuple(kebab(name) for name in Hyperparameters.model_fields)


def table(model: type[BaseModel] = Hyperparameters) -> Iterator[tuple[str, str, str, str]]:
    """Rows of name, values, default and help, one for each field of `model`."""
    schema = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        alias = field.alias or name
        yield alias, _values(schema[alias]), _text(field.default), field.description or ""


def _text(value: Any) -> str:
    if value is None:
        return AUTO
    return str(value).lower() if isinstance(value, bool) else f"{value}"


def _values(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(schema["enum"])
    for part in schema.get("anyOf", [schema]):
        bounds = _bounds(part)
        if part["type"] != "null":
            return f"{_WORDS[part['type']]}{bounds}"
    raise AssertionError(f"no type in {schema}")


_WORDS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true, false"}


def _bounds(schema: dict[str, Any]) -> str:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    above = "above " if "exclusiveMinimum" in schema else "from "
    below = " to below " if "exclusiveMaximum" in schema else " to "
    if low is None:
        return ""
    return f", {above}{low:.10g}" + (f"{below}{high:.10g}" if high is not None else "")


def _is_ours(name: str) -> bool:
    return not name.startswith(PLATFORM_PREFIXES)


def _unquote(value: Any) -> Any:
    """Tuners and SDK v2's generic Estimator hand strings over as JSON: `"adam"` with quotes."""
    if not isinstance(value, str):
        return value
    value = value.strip()
    if len(value) < 2 or not value[0] == value[-1] == '"':
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value[1:-1]


def _said_twice(values: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each name that comes with `-` and with `_` and with two values."""
    for name, value in values.items():
        other = kebab(name)
        if name != other and values.get(other, value) != value:
            yield (
                f"Hyperparameters {other} and {name} are one, and {shortened(values[other])} and "
                f"{shortened(value)} are two values; give one of them."
            )


def shortened(value: Any) -> str:
    """`value` as it goes into a message: on one line, its middle left out when it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]} ... {text[-_SHOWN // 2 :]}"


def _unknown(name: str) -> str:
    if not name.isprintable() or len(name) > _SHOWN:
        return f"Hyperparameter {shortened(name)} is not known; known are {', '.join(names())}."
    close = difflib.get_close_matches(name, names(), n=1, cutoff=0.5)
    near = _SAID_OTHERWISE.get(name) or next(iter(close), None)
    hint = f"did you mean {near}?" if near else f"known are {', '.join(names())}."
    return f"Hyperparameter {name} is not known; {hint}"


def _fault(detail: Any) -> str:
    if not detail["loc"]:
        return f"Hyperparameters do not fit together: {detail['ctx']['error']}."
    name = kebab(str(detail["loc"][0]))
    reason = detail["msg"][0].lower() + detail["msg"][1:]
    return f"Hyperparameter {name} is {shortened(detail['input'])}: {reason}."
