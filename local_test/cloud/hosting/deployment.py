"""A deployment: all that an endpoint needs to know to run a configuration, as a value.

It is made once, from the configuration and its models, and kept with the endpoint: what becomes of
configuration and models afterwards does not touch the endpoint.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from local_test.cloud.cloud import Cloud
from local_test.cloud.hosting import containers, models
from local_test.cloud.hosting.containers import ModelContainer
from local_test.cloud.operations import Document

STARTUP_TIMEOUT_S = 480.0
"""How long AWS waits for the first good /ping when nothing else is asked for."""


@dataclass(frozen=True)
class Variant:
    """One production variant; `count` instances, of which a serverless one has one."""

    name: str
    container: ModelContainer
    count: int
    weight: float
    instance_type: str = ""
    startup_timeout_s: float = STARTUP_TIMEOUT_S
    serverless: Document | None = None

    @property
    def most_requests(self) -> int | None:
        """Requests at once, beyond which a serverless variant turns them away."""
        return int(self.serverless["MaxConcurrency"]) if self.serverless else None


@dataclass(frozen=True)
class Deployment:
    """What runs, or is to run: `id` tells deployments of one endpoint apart."""

    id: str
    config: str
    variants: tuple[Variant, ...]
    capture: Document | None = None
    asynchronous: Document | None = None

    @classmethod
    def read(cls, document: Document) -> "Deployment":
        """What `written` gave."""
        variants = tuple(
            Variant(**one | {"container": ModelContainer.read(one["container"])})
            for one in document["variants"]
        )
        return cls(**document | {"variants": variants})

    def written(self) -> dict[str, Any]:
        """All of it as JSON."""
        return asdict(self)

    def variant(self, name: str) -> Variant | None:
        """The variant of that name."""
        return next((one for one in self.variants if one.name == name), None)

    @property
    def instances(self) -> int:
        """How many run when all is up."""
        return sum(one.count for one in self.variants)


def made(cloud: Cloud, config: Document) -> Deployment:
    """A new deployment of an endpoint configuration.

    Raises:
        ApiError: one of its models is not there any more.
    """
    return Deployment(
        id=uuid.uuid4().hex[:8],
        config=config["EndpointConfigName"],
        variants=tuple(_variant(cloud, one) for one in config["ProductionVariants"]),
        capture=config.get("DataCaptureConfig"),
        asynchronous=config.get("AsyncInferenceConfig"),
    )


def _variant(cloud: Cloud, document: Document) -> Variant:
    model = models.described(cloud, document["ModelName"])
    return Variant(
        name=document["VariantName"],
        container=containers.of_model(cloud, model),
        count=int(document.get("InitialInstanceCount", 1)),
        weight=float(document["InitialVariantWeight"]),
        instance_type=document.get("InstanceType", ""),
        startup_timeout_s=float(
            document.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_TIMEOUT_S)
        ),
        serverless=document.get("ServerlessConfig"),
    )


def retained(new: Deployment, old: Deployment, excluded: Collection[str]) -> Deployment:
    """`new` with counts, weights and data capture of `old`, but for what is `excluded`.

    `excluded` holds values of AWS's VariantPropertyType; variants are matched by name.
    """

    def keep(variant: Variant) -> Variant:
        before = old.variant(variant.name)
        if before is None or (before.serverless is None) != (variant.serverless is None):
            return variant
        if "DesiredInstanceCount" not in excluded:
            variant = replace(variant, count=before.count)
        if "DesiredWeight" not in excluded:
            variant = replace(variant, weight=before.weight)
        return variant

    kept = replace(new, variants=tuple(keep(variant) for variant in new.variants))
    return kept if "DataCaptureConfig" in excluded else replace(kept, capture=old.capture)


def rescaled(deployment: Deployment, wanted: Mapping[str, Document]) -> Deployment:
    """`deployment` with other weights, counts and concurrency; `wanted` is by variant, AWS's."""

    def change(variant: Variant) -> Variant:
        one = wanted.get(variant.name, {})
        serverless = variant.serverless
        if serverless and "ServerlessUpdateConfig" in one:
            serverless = serverless | one["ServerlessUpdateConfig"]
        return replace(
            variant,
            weight=float(one.get("DesiredWeight", variant.weight)),
            count=int(one.get("DesiredInstanceCount", variant.count)),
            serverless=serverless,
        )

    return replace(deployment, variants=tuple(change(variant) for variant in deployment.variants))
