"""The bound on the memory of all models together."""

from collections.abc import Iterable
from pathlib import Path

from imageclf.serving.gateway import processes
from imageclf.serving.gateway.model import LoadError, Model

_MIB = 1 << 20
_BASE_BYTES = 120 * _MIB
"""What a model's processes take before weights: interpreter and libraries."""


class Bound:
    """So many bytes may the processes of all models have."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes

    def check(self, name: str, models: Iterable[Model], more_bytes: int = 0) -> None:
        """Make sure that `more_bytes` fit beside what `models` use.

        Raises:
            LoadError: they do not; 507.
        """
        pids = tuple(pid for model in models for pid in model.processes.all)
        used = processes.memory_bytes(pids)
        if used + more_bytes > self.limit_bytes:
            raise LoadError(
                f"There is no memory for model {name}: {used // _MIB} MiB are in use, about "
                f"{more_bytes // _MIB} MiB more are needed, and {self.limit_bytes // _MIB} MiB is "
                "the bound (IMAGECLF_MEMORY_MB); unload another one.",
                507,
            )


def estimate(folder: Path) -> int:
    """Bytes that loading an artifact takes, before it is known."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return _BASE_BYTES + 2 * sum(path.stat().st_size for path in files)
