"""What the image of a request runs as: the image itself under Docker, or a process."""

from functools import cache

from local_test import docker
from local_test.cloud.machines.machine import UnusableImageError
from local_test.cloud.settings import CloudSettings


def check(settings: CloudSettings, image: str) -> None:
    """See whether the image can be run here.

    Raises:
        UnusableImageError: it cannot.
    """
    place(settings, image)


def place(settings: CloudSettings, image: str) -> tuple[docker.Engine, str] | None:
    """The engine and its name of the image; None where the image runs as a process.

    Raises:
        UnusableImageError: the image can be run in neither way.
    """
    docker_engine = engine(settings)
    if docker_engine is not None:
        for name in (image, *([settings.image] if _is_ours(settings, image) else ())):
            if docker_engine.has_image(name):
                return docker_engine, name
    if settings.runner == "docker":
        raise UnusableImageError(_lack(docker_engine, image))
    if not _is_ours(settings, image):
        raise UnusableImageError(
            f"The image {image} cannot be run as a process: only {repository(settings.image)} can, "
            "whatever its registry and tag; name that one, or start a Docker engine that has the "
            "image."
        )
    return None


def engine(settings: CloudSettings) -> docker.Engine | None:
    """The Docker engine, if one answers and the settings let it be used."""
    return None if settings.runner == "process" else _engine()


def repository(image: str) -> str:
    """The last part of the image's name, without registry, tag and digest."""
    return image.partition("@")[0].rsplit("/", 1)[-1].partition(":")[0]


def _is_ours(settings: CloudSettings, image: str) -> bool:
    return repository(image) == repository(settings.image)


def _lack(docker_engine: docker.Engine | None, image: str) -> str:
    if docker_engine is None:
        return "No Docker engine answers; start one, or set LOCAL_CLOUD_RUNNER=process."
    return f"The Docker engine has no image {image}; build or pull it first."


@cache
def _engine() -> docker.Engine | None:
    return docker.find_engine()
