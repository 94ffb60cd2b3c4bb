"""SageMaker's resources in the Resource Groups Tagging API, which moto answers.

moto asks every service that it has a backend of for its tagged resources; ours is one of those.
"""

from collections.abc import Iterator

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.resource_tagging import TaggableResourcesMixin, TaggedResource

from local_test.cloud.settings import ACCOUNT
from local_test.cloud.store import Store


def announce(store: Store, region: str) -> None:
    """Let GetResources, TagResources and UntagResources in `region` find what `store` keeps."""

    class OurResources(BaseBackend, TaggableResourcesMixin):
        SERVICE_NAMESPACE = "sagemaker"

        def iter_tagged_resources(self) -> Iterator[TaggedResource]:
            for arn, tags in store.tagged().items():
                *_, region, _, resource = arn.split(":", 5)
                if region != self.region_name:
                    continue
                kind = resource.partition("/")[0]
                yield TaggedResource(arn, tags, f"sagemaker:{kind}")

        def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
            store.tag(arn, tags)

        def untag_resource(self, arn: str, tag_keys: list[str]) -> None:
            store.untag(arn, tag_keys)

    backends = BackendDict(OurResources, "sagemaker")
    _ = backends[ACCOUNT][region]
