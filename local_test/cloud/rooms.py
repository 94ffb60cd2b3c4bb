"""All rooms of the local cloud, and which of them answers an operation."""

from collections.abc import Mapping

from local_test.cloud.hosting.room import ROOM as HOSTING
from local_test.cloud.operations import Handler, Room
from local_test.cloud.processing.room import ROOM as PROCESSING
from local_test.cloud.registry.room import ROOM as REGISTRY
from local_test.cloud.tagging.room import ROOM as TAGGING
from local_test.cloud.training.room import ROOM as TRAINING
from local_test.cloud.transform.room import ROOM as TRANSFORM
from local_test.cloud.tuning.room import ROOM as TUNING

ROOMS: tuple[Room, ...] = (TRAINING, TUNING, HOSTING, TRANSFORM, PROCESSING, REGISTRY, TAGGING)


def handlers() -> Mapping[str, Handler]:
    """What is answered, by operation."""
    return {name: handler for room in ROOMS for name, handler in room.operations.items()}
