"""What a job or a server runs in: a process with a private /opt/ml, or a container."""

from local_test.cloud.machines.start import adopt, start

__all__ = ["adopt", "start"]
