"""A model's data from S3 into the folder that its container sees as /opt/ml/model."""

import lzma
import os
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from imageclf.errors import ArchiveError
from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import validation
from local_test.cloud.hosting.containers import ModelContainer
from local_test.cloud.objects import uri
from local_test.cloud.objects.store import NoSuchBucketError, NoSuchKeyError
from local_test.package import unpack_model

_MOST_FILES = 100_000
_MOST_BYTES = 30 << 30


class _UnsafeMemberError(tarfile.FilterError):
    """A member that a model's archive must not have."""


def provide(cloud: Cloud, container: ModelContainer, target: Path) -> None:
    """Fill the new folder `target` with the data of a model; with nothing if it has none.

    Raises:
        ApiError: the data are not there, or not safe to unpack; the message is one sentence.
    """
    if not container.data:
        target.mkdir(parents=True, exist_ok=True)
    elif container.kind == "archive":
        unpack(cloud, container.data, target)
    else:
        _copy(cloud, container, target)


def unpack(cloud: Cloud, address: str, target: Path) -> Path:
    """Unpack the model.tar.gz at an S3 address to the new folder `target`.

    Raises:
        ApiError: it is not there, is damaged, holds links or names that lead out of the folder,
            or the disk is full.
    """
    bucket, key = uri.split(address)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".model-", dir=target.parent)
    os.close(handle)
    archive = Path(name)
    try:
        cloud.objects.fetch(bucket, key, archive)
        return unpack_model(archive, target, _Judge())
    except (NoSuchBucketError, NoSuchKeyError) as error:
        raise _missing(address) from error
    except ArchiveError as error:
        raise validation(str(error).replace(name, address)) from error
    except (ValueError, OverflowError, lzma.LZMAError) as error:
        raise validation(f"{address} is damaged ({error}); pack it again.") from error
    except OSError as error:
        raise validation(f"{address} cannot be fetched: {error.strerror or error}.") from error
    finally:
        archive.unlink(missing_ok=True)


def _missing(address: str) -> Exception:
    return validation(
        f'Failed to download model data for container "container_1" from URL: "{address}". '
        "Please ensure that there is an object located at the URL and that the role passed to "
        "CreateModel has permissions to download the object."
    )


class _Judge:
    """A filter of `tarfile` for what comes from outside: plain files and folders, within bounds."""

    def __init__(self) -> None:
        self._files = self._bytes = 0

    def __call__(self, member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
        name = PurePosixPath(member.name)
        if name.is_absolute() or ".." in name.parts:
            raise _UnsafeMemberError(f"{member.name!r} leads out of the folder")
        if not (member.isfile() or member.isdir()):
            raise _UnsafeMemberError(f"{member.name!r} is a link or a device")
        self._files += 1
        self._bytes += member.size
        if self._files > _MOST_FILES or self._bytes > _MOST_BYTES:
            raise _UnsafeMemberError(
                f"it holds more than {_MOST_FILES:,} files or {_MOST_BYTES >> 30} GiB"
            )
        return tarfile.data_filter(member, path)


def _copy(cloud: Cloud, container: ModelContainer, target: Path) -> None:
    """Copy one object, or all below a prefix."""
    bucket, key = uri.split(container.data)
    try:
        for source, place in _copies(cloud, container.kind, bucket, key):
            relative = PurePosixPath(place)
            if relative.is_absolute() or ".." in relative.parts or not relative.name:
                raise validation(f"The key {source!r} leads out of the model's folder.")
            cloud.objects.fetch(bucket, source, target / relative)
    except (NoSuchBucketError, NoSuchKeyError) as error:
        raise _missing(container.data) from error
    except (OSError, ValueError) as error:
        raise validation(f"{container.data} cannot be fetched: {error}.") from error
    if not target.exists():
        raise _missing(container.data)


def _copies(cloud: Cloud, kind: str, bucket: str, key: str) -> list[tuple[str, str]]:
    """Keys, and where below the model's folder each goes."""
    if kind == "object":
        return [(key, key.rpartition("/")[2])]
    found = [one.key for one in cloud.objects.list(bucket, key) if not one.key.endswith("/")]
    return [(one, one.removeprefix(key)) for one in found]
