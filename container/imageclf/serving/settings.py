"""The settings of serving: environment variables, checked all together.

They are set on SageMaker as the environment of a model, and locally as that of the process. `None`,
written `auto`, means "choose for this machine": `ServeSettings.resolve` does.
"""

import difflib
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, ValidationError

from imageclf.config import OptionalFloat, OptionalInt, shortened
from imageclf.errors import SettingsError

PREFIX = "IMAGECLF_"
OWN_PORT = 8080

_PLATFORM_NAMES = {
    "SAGEMAKER_MODEL_SERVER_WORKERS": "workers",
    "SAGEMAKER_MODEL_SERVER_TIMEOUT": "timeout_s",
    "SAGEMAKER_BIND_TO_PORT": "port",
    "SAGEMAKER_MULTI_MODEL": "multi_model",
}
"""What SageMaker and its SDK call some of the settings; our own name wins."""

_MIB = 1 << 20
_MOST_THREADS = 4
"""Threads of one worker by default: a picture at a time gains little from more."""

_MOST_AT_ONCE = 3
"""One more than threads, so that none waits for a picture to be decoded; more gain nothing."""


def variable(field: str) -> str:
    """The environment variable of a field: `top_k` is `IMAGECLF_TOP_K`."""
    return PREFIX + field.upper()


class ServeSettings(BaseModel):
    """All settings of serving; immutable once read."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        alias_generator=AliasGenerator(alias=variable),
        populate_by_name=True,
    )

    engine: Literal["auto", "torch", "onnxruntime"] = Field(
        "auto", description="`auto` is onnxruntime on the CPU and torch on a GPU"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="arithmetic of torch; `auto` is bf16 on a GPU that has it, else fp32"
    )
    workers: OptionalInt = Field(None, ge=1, le=256, description="worker processes of a model")
    threads: OptionalInt = Field(None, ge=1, le=256, description="threads of a worker")
    at_once: OptionalInt = Field(
        None, ge=1, le=64, description="requests that a worker answers at once, unless batched"
    )
    batch_size: OptionalInt = Field(
        None, ge=1, le=256, description="requests predicted together; 1 on the CPU, 16 on a GPU"
    )
    batch_wait_ms: OptionalFloat = Field(
        None, ge=0, le=1000, description="longest wait for a batch to fill; 5 on a GPU"
    )
    queue: int = Field(64, ge=1, le=10_000, description="waiting requests; one more gets 429")
    timeout_s: float = Field(55.0, gt=0, le=3600, description="time for an answer; then 504")
    max_body_mb: float = Field(25.0, gt=0, le=1024, description="larger bodies get 413")
    max_megapixels: float = Field(100.0, gt=0, le=1000, description="larger pictures get 413")
    max_images: int = Field(64, ge=1, le=4096, description="pictures in one request")
    top_k: int = Field(5, ge=1, le=1000, description="classes in an answer")
    model_name: str = Field(
        "", max_length=63, description="name in answers; else that of the training"
    )
    memory_mb: OptionalInt = Field(
        None, ge=64, description="multi-model: bound on the models' memory; `auto` is 80 %"
    )
    multi_model: bool = Field(False, description="many models, loaded and unloaded by request")
    host: str = Field(
        "0.0.0.0",  # noqa: S104  the contract: the platform asks from outside
        pattern=r"^\d{1,3}(\.\d{1,3}){3}$",
        description="address to listen on; 127.0.0.1 is for this machine alone",
    )
    port: int = Field(OWN_PORT, ge=0, le=65_535, description="where to listen; 0 is any free one")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """The settings in `environment`.

        Raises:
            SettingsError: one sentence for each unknown name, wrong type or exceeded bound.
        """
        own = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
        faults = [_unknown(name) for name in own if name not in names()]
        given = {
            variable(field): environment[name].strip()
            for name, field in _PLATFORM_NAMES.items()
            if environment.get(name, "").strip()
        }
        given |= {name: value.strip() for name, value in own.items() if name in names()}
        try:
            read = cls.model_validate(given)
        except ValidationError as error:
            faults += [_fault(detail) for detail in error.errors()]
        if faults:
            raise SettingsError(" ".join(faults))
        return read

    @property
    def max_body_bytes(self) -> int:
        return int(self.max_body_mb * _MIB)

    def resolve(self, cores: int, gpus: int) -> "Resolved":
        """Fill in what was left open: never more threads than `cores`, one worker a GPU."""
        threads = self.threads or min(max(1, cores // (self.workers or 1)), _MOST_THREADS)
        batch_size = self.batch_size or (16 if gpus else 1)
        direct = not gpus and batch_size == 1
        return Resolved(
            workers=self.workers or gpus or max(1, cores // threads),
            threads=threads,
            direct=direct,
            at_once=self.at_once or min(threads + 1, _MOST_AT_ONCE) if direct else 1,
            batch_size=batch_size,
            batch_wait_ms=(5.0 if gpus else 0.0)
            if self.batch_wait_ms is None
            else self.batch_wait_ms,
        )


class Resolved(BaseModel):
    """The settings that depend on the machine; `direct`: the gateway asks the workers itself."""

    model_config = ConfigDict(frozen=True)

    workers: int
    threads: int
    batch_size: int
    batch_wait_ms: float
    direct: bool = False
    at_once: int = 1

    @property
    def width(self) -> int:
        """Requests passed on at a time: so many that a worker finds the next one waiting."""
        waiting = 0 if self.at_once > 1 else self.batch_size
        return self.workers * self.batch_size * self.at_once + waiting


def names() -> tuple[str, ...]:
    """The environment variables of all settings."""
    return tuple(variable(field) for field in ServeSettings.model_fields)


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, names(), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names())}."
    return f"Setting {shortened(name)} is not known; {hint}"


def _fault(detail: Any) -> str:
    name = str(detail["loc"][0])
    reason = detail["msg"][0].lower() + detail["msg"][1:]
    return f"Setting {name} is {shortened(detail['input'])}: {reason}."
