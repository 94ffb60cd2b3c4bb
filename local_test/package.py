"""`model.tar.gz` as SageMaker makes it of `/opt/ml/model`: the folder's content at the top."""

import gzip
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

from fetching.folders import make_folder
from imageclf.errors import ArchiveError

_COMPRESSION = 1  # weights hardly compress; higher levels cost minutes and win a percent


def pack_model(model: Path, archive: Path) -> Path:
    """Write all of `model` into `archive`; the same content gives the same bytes."""
    part = archive.with_name(f".{archive.name}.part")
    with (
        part.open("wb") as file,
        gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(model.rglob("*")):
            tar.add(path, str(path.relative_to(model)), recursive=False, filter=_anonymous)
    part.replace(archive)
    return archive


Judge = Callable[[tarfile.TarInfo, str], tarfile.TarInfo | None]


def unpack_model(archive: Path, model: Path, judge: Judge = tarfile.data_filter) -> Path:
    """Unpack `archive` to the new folder `model`, with nothing that leads out of it.

    `judge` is a filter of `tarfile` that raises a `tarfile.FilterError` at what it dislikes.

    Raises:
        ArchiveError: it is damaged, is not safe to unpack, or the disk is full.
    """

    def fill(folder: Path) -> None:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter=judge)  # noqa: S202  judged, member by member

    try:
        return make_folder(model, fill)
    except tarfile.FilterError as error:
        raise ArchiveError(f"{archive} is not safe to unpack: {error}.") from error
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ArchiveError(f"{archive} cannot be unpacked ({error}); pack it again.") from error


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o755 if member.isdir() else 0o644
    return member
