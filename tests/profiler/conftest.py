"""What all tests of the profiler share."""

from tests.account import account, server

__all__ = ["account", "server"]
