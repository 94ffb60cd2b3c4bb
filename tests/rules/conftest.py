"""What all tests of the rules' machinery share."""

from tests.account import account, server

__all__ = ["account", "server"]
