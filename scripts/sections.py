"""The sections of `scripts/settings.toml`: names, types, bounds, defaults.

Each field's comment for people stands in the file itself; `scripts.settings` reads it.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME_PATTERN = r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"
S3_PATTERN = r"^(s3://[^/]+(/.*)?)?$"
ScalingType = Literal["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]

InstanceType = Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]
S3Uri = Annotated[str, Field(pattern=S3_PATTERN)]


class Section(BaseModel):
    """A table of the file: immutable, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Train(Section):
    """`[train]`: what one training job runs on."""

    instance_type: InstanceType = "ml.g5.xlarge"
    instances: int = Field(default=1, ge=1, le=100)
    volume_gb: int = Field(default=50, ge=1, le=16_384)
    max_run_minutes: int = Field(default=240, ge=1, le=40_320)
    spot: bool = False
    max_wait_minutes: int = Field(default=480, ge=1, le=40_320)
    checkpoints: bool = True
    input_mode: Literal["File", "FastFile"] = "File"
    data: S3Uri = ""
    pretrained: S3Uri = ""

    @model_validator(mode="after")
    def _wait_covers_run(self) -> Self:
        if self.spot and self.max_wait_minutes < self.max_run_minutes:
            raise ValueError(
                f"max_wait_minutes is {self.max_wait_minutes}, less than max_run_minutes "
                f"{self.max_run_minutes}: a spot job waits at least as long as it may run"
            )
        return self


class Range(Section):
    """One dimension of a search: `min`, `max`, `scale`, or `values` to choose from."""

    min: float | None = None
    max: float | None = None
    scale: ScalingType = "Auto"
    values: tuple[str | int | float | bool, ...] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        bounds = self.min is not None and self.max is not None
        if bounds == (self.values is not None) or (self.values is not None and not self.values):
            raise ValueError("give min and max, or values")
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError(f"min {self.min:g} is not below max {self.max:g}")
        return self


class Tune(Section):
    """`[tune]`: how the hyperparameters are searched."""

    space: str = "lr-units-epochs"
    strategy: Literal["Bayesian", "Random", "Hyperband", "Grid"] = "Bayesian"
    objective: str = "validation:top1"
    jobs: int = Field(default=8, ge=1, le=750)
    parallel: int = Field(default=2, ge=1, le=100)
    early_stopping: Literal["Off", "Auto"] = "Auto"
    max_run_minutes: int = Field(default=0, ge=0, le=43_200)
    warm_start: str = ""
    warm_start_type: Literal["IdenticalDataAndAlgorithm", "TransferLearning"] = (
        "IdenticalDataAndAlgorithm"
    )
    seed: int = Field(default=0, ge=0, lt=2**31)


class Deploy(Section):
    """`[deploy]`: what answers requests."""

    kind: Literal["realtime", "serverless", "async", "multi-model"] = "realtime"
    instance_type: InstanceType = "ml.c5.xlarge"
    instances: int = Field(default=1, ge=1, le=100)
    serverless_memory_mb: int = Field(default=4096, ge=1024, le=6144, multiple_of=1024)
    serverless_concurrency: int = Field(default=5, ge=1, le=200)
    startup_minutes: int = Field(default=10, ge=1, le=60)
    capture: bool = False
    capture_percent: int = Field(default=100, ge=0, le=100)
    environment: dict[str, str] = {}


class Batch(Section):
    """`[batch]`: what predicts many pictures at once."""

    instance_type: InstanceType = "ml.c5.xlarge"
    instances: int = Field(default=1, ge=1, le=100)
    parallel: int = Field(default=4, ge=1, le=100)


class Registry(Section):
    """`[registry]`: where a model is recorded."""

    group: str = Field(default="", pattern=r"^([a-zA-Z0-9](-*[a-zA-Z0-9]){0,62})?$")
    approval: Literal["PendingManualApproval", "Approved", "Rejected"] = "PendingManualApproval"


class Settings(Section):
    """The whole file."""

    project: str = Field(default="imageclf", pattern=NAME_PATTERN, max_length=24)
    region: str = Field(default="", pattern=r"^([a-z]{2,3}(-[a-z]+)+-\d)?$")
    role: str = "imageclf-sagemaker"
    bucket: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$")
    prefix: str = Field(
        default="imageclf", pattern=r"^[a-zA-Z0-9!_.*'()-]+(/[a-zA-Z0-9!_.*'()-]+)*$"
    )
    image: str = Field(default="", max_length=255, pattern=r"^\S*$")
    state: str = Field(default=".launch", min_length=1)
    tags: dict[str, str] = {}
    environment: dict[str, str] = {}
    hyperparameters: dict[str, str | int | float | bool] = {}
    train: Train = Train()
    tune: Tune = Tune()
    spaces: dict[str, dict[str, Range]] = {}
    deploy: Deploy = Deploy()
    batch: Batch = Batch()
    registry: Registry = Registry()
    prices: dict[str, Annotated[float, Field(ge=0)]] = {}
