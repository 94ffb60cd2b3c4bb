"""Ports for servers that only this machine reaches."""

import socket

from local_test.cloud.settings import HOST


def free_port() -> int:
    """A port that nothing listens at now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])
