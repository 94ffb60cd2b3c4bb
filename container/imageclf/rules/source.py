"""Where that lies which rules look at: a folder, or an address in S3 and what brings it here."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from imageclf.rules.bucket import SCHEME, Bucket, Kept


@dataclass(frozen=True)
class Kind:
    """What is looked for: how it is found in a folder, and what of it lies in S3."""

    find: Callable[[Path], Path | None]
    kept: Kept


@dataclass(frozen=True)
class Source:
    """Where it is read: a folder, and what brings it there when it lies elsewhere."""

    folder: Path
    remote: Bucket | None = None
    is_there: bool = True

    def refresh(self) -> None:
        """Bring what is new; errors as `Bucket.refresh`."""
        if self.remote is not None:
            self.remote.refresh()


def locate(given: str, kind: Kind, stack: ExitStack, *, wait: bool = False) -> Source:
    """What lies at `given`, a path or `s3://BUCKET/PREFIX`; `is_there` says whether it does so yet.

    Args:
        stack: removes, when it is left, what was brought here.
        wait: it may come later: S3 is not asked now.

    Raises:
        ImageclfError: S3 cannot be asked or refuses; of the kind that `kind` names.
    """
    if not given.startswith(SCHEME):
        found = kind.find(Path(given))
        return Source(found or Path(given), is_there=found is not None)
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="imageclf-")))
    remote = Bucket(given, folder, kind.kept)
    if not wait:
        remote.refresh()
    return Source(folder, remote, remote.is_there)
