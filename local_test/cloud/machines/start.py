"""Starting an instance in what its image runs as, and finding it again after a restart."""

import os

from local_test.cloud.machines import container as containers
from local_test.cloud.machines import images, process
from local_test.cloud.machines.machine import Container, Handle, Instance
from local_test.cloud.settings import CloudSettings
from local_test.folders import caller


def start(settings: CloudSettings, container: Container) -> Instance:
    """Start one container; it runs on when this process ends.

    Raises:
        UnusableImageError: the image cannot be run here.
        OSError: no process can be started, or the disk is full.
    """
    place = images.place(settings, container.image)
    if place is None:
        return process.start(settings, container)
    engine, image = place
    return containers.start(engine, image, settings, container, caller(os.environ))


def adopt(settings: CloudSettings, handle: Handle) -> Instance | None:
    """The instance that an earlier process started, if it still runs."""
    del settings  # nothing of it is needed for those kinds that there are
    if handle.get("kind") == containers.KIND:
        return containers.adopt(handle)
    return process.adopt(handle)


def host_names(settings: CloudSettings, image: str, count: int) -> tuple[str, ...]:
    """What `count` instances call themselves: names that resolve inside.

    These are SageMaker's, `algo-1` and so on; where a process can have no hosts file of its own,
    addresses of this machine.

    Raises:
        UnusableImageError: the image cannot be run here.
    """
    if images.place(settings, image) is not None or process.is_enclosed():
        return tuple(f"algo-{number}" for number in range(1, count + 1))
    return tuple(f"127.0.0.{number}" for number in range(1, count + 1))
