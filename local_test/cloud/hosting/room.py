"""What this room answers."""

from local_test.cloud.operations import Room

ROOM = Room({})
