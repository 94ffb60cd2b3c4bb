"""The endpoint that launchers are tried on: the real one, in a process of its own."""

from tests.local_test.cloud.conftest import cloud_server

__all__ = ["cloud_server"]
