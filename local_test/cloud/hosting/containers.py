"""What a model's one container is: its image, its environment, and where its data lie.

It reads requests and documents only; nothing is fetched here.
"""

from dataclasses import asdict, dataclass
from typing import Any

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import unsupported, validation
from local_test.cloud.operations import Document

_PACKAGE = "model-package"
_NOT_DONE = {
    "AdditionalModelDataSources": "additional model data sources; put all files into one archive.",
    "InferenceSpecificationName": "additional inference specifications of a model package.",
    "MultiModelConfig": "a cache setting of a multi-model container; models are always kept.",
}


@dataclass(frozen=True)
class ModelContainer:
    """One container of a model.

    Attributes:
        data: S3 address of the model's data; empty for none.
        kind: `archive` for one model.tar.gz, `object` for one plain file, `prefix` for all files
            below an address.
        is_multi: `data` is the prefix below which archives of many models lie.
    """

    image: str
    environment: dict[str, str]
    data: str = ""
    kind: str = "archive"
    is_multi: bool = False

    @classmethod
    def read(cls, document: Document) -> "ModelContainer":
        """What `written` gave."""
        return cls(**document)

    def written(self) -> dict[str, Any]:
        """All of it as JSON."""
        return asdict(self)


def of_model(cloud: Cloud, model: Document) -> ModelContainer:
    """The container of a model as Describe shows it.

    Raises:
        ApiError: its model package is not there, or says nothing of a container.
    """
    return of_definition(cloud, primary(model))


def primary(model: Document) -> Document:
    """The definition of the one container that a model has.

    Raises:
        ApiError: there is none, or there are several.
    """
    several = model.get("Containers") or []
    if "PrimaryContainer" in model and several:
        raise validation("Give either PrimaryContainer or Containers, not both.")
    if len(several) > 1:
        raise unsupported("inference pipelines; give a model one container.")
    if "PrimaryContainer" not in model and not several:
        raise validation("A model needs a PrimaryContainer or Containers.")
    definition: Document = model.get("PrimaryContainer") or several[0]
    return definition


def of_definition(cloud: Cloud, definition: Document) -> ModelContainer:
    """The container that a definition describes.

    Raises:
        ApiError: it cannot be run here, or lacks what it needs.
    """
    for field, what in _NOT_DONE.items():
        if definition.get(field):
            raise unsupported(what)
    if "ModelPackageName" in definition:
        definition = _packaged(cloud, definition)
    if not definition.get("Image"):
        raise validation("A container needs an Image or a ModelPackageName.")
    is_multi = definition.get("Mode") == "MultiModel"
    data, kind = _data(definition)
    if is_multi and (kind != "archive" or not data):
        raise validation("A container of many models needs an S3 prefix in ModelDataUrl.")
    environment = dict(definition.get("Environment") or {})
    return ModelContainer(definition["Image"], environment, data, kind, is_multi)


def _packaged(cloud: Cloud, definition: Document) -> Document:
    """The definition in the model package, with the request's own environment over it."""
    if "Image" in definition or "ModelDataUrl" in definition or "ModelDataSource" in definition:
        raise validation("Give either ModelPackageName, or Image and model data, not both.")
    name = str(definition["ModelPackageName"])
    package = cloud.store.find(_PACKAGE, name.rpartition(f":{_PACKAGE}/")[2])
    if package is None:
        raise validation(f"Could not find model package {name}.")
    containers = package.get("InferenceSpecification", {}).get("Containers") or []
    if len(containers) != 1:
        raise unsupported("model packages whose inference specification has not one container.")
    packaged: Document = containers[0]
    environment = (packaged.get("Environment") or {}) | (definition.get("Environment") or {})
    return packaged | {"Environment": environment}


def _data(definition: Document) -> tuple[str, str]:
    """Address and kind of the model's data."""
    source = (definition.get("ModelDataSource") or {}).get("S3DataSource")
    url = definition.get("ModelDataUrl", "")
    if source and url:
        raise validation("Give either ModelDataUrl or ModelDataSource, not both.")
    if not source:
        return _checked(url), "archive"
    if source.get("HubAccessConfig") or source.get("ManifestS3Uri"):
        raise unsupported("model data from a hub or by a manifest.")
    kinds = {("S3Object", "Gzip"): "archive", ("S3Object", "None"): "object"}
    kinds[("S3Prefix", "None")] = "prefix"
    kind = kinds.get((source["S3DataType"], source["CompressionType"]))
    if kind is None:
        raise validation(
            "CompressionType Gzip needs S3DataType S3Object: one archive is one object."
        )
    if kind == "prefix" and not source["S3Uri"].endswith("/"):
        raise validation("An S3Uri with S3DataType S3Prefix must end with a slash.")
    return _checked(source["S3Uri"]), kind


def _checked(url: str) -> str:
    if url and not url.startswith("s3://"):
        raise unsupported("model data by https; give the address as s3://bucket/key.")
    return url
