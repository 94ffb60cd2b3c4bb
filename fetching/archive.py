"""Unpacking a zip file from outside without trusting it.

Names, types and sizes are judged from the directory before a byte is written; while unpacking,
each member's size and CRC must be what the directory said. Nothing is shown under its name before
all of it is there.
"""

import lzma
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fetching.folders import make_folder
from imageclf.errors import ArchiveError

_CHUNK_BYTES = 1 << 20
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    NotImplementedError,
)
"""What `zipfile` raises on a file that is none, or no longer."""


@dataclass(frozen=True)
class Limits:
    """What an archive may grow to; real photographs hardly compress."""

    files: int = 100_000
    total_bytes: int = 16 << 30
    ratio: float = 100.0  # unpacked bytes for each packed byte, over the whole archive


def unpack_zip(
    archive: Path,
    target: Path,
    limits: Limits = Limits(),
    check: Callable[[Path], None] = lambda _: None,
) -> Path:
    """Unpack `archive` to the new folder `target`; a folder that is there already stays.

    `check` looks at the unpacked folder before it takes its name, and raises what it dislikes.

    Raises:
        ArchiveError: the archive is damaged, goes beyond `limits`, holds a name that leads out of
            `target` or anything but files and folders, or the disk is full.
    """

    def fill(folder: Path) -> None:
        with zipfile.ZipFile(archive) as opened:
            members = _judge(opened, archive, limits)
            _judge_disk(folder, sum(member.file_size for member in members))
            for member in members:
                _write(opened, member, folder)
        check(folder)

    try:
        return make_folder(target, fill)
    except _DAMAGE as error:
        raise ArchiveError(
            f"{archive} is damaged ({error}); delete it and fetch it again."
        ) from error
    except OSError as error:
        raise ArchiveError(f"{archive} cannot be unpacked to {target}: {error}.") from error


def _judge(opened: zipfile.ZipFile, archive: Path, limits: Limits) -> list[zipfile.ZipInfo]:
    members = opened.infolist()
    if len(members) > limits.files:
        raise ArchiveError(
            f"{archive} holds {len(members):,} files, more than the {limits.files:,} allowed."
        )
    total_bytes = sum(member.file_size for member in members)
    if total_bytes > limits.total_bytes:
        raise ArchiveError(
            f"{archive} unpacks to {_gib(total_bytes)}, "
            f"more than the {_gib(limits.total_bytes)} allowed."
        )
    packed_bytes = archive.stat().st_size
    if total_bytes > limits.ratio * packed_bytes:
        raise ArchiveError(
            f"{archive} grows {total_bytes / packed_bytes:,.0f} times when unpacked, more than "
            f"the {limits.ratio:g} times allowed."
        )
    for member in members:
        _judge_member(member, archive)
    return members


def _judge_member(member: zipfile.ZipInfo, archive: Path) -> None:
    fault = _fault(member)
    if fault:
        raise ArchiveError(f"{archive} is not safe to unpack: {member.filename!r} {fault}.")


def _fault(member: zipfile.ZipInfo) -> str | None:
    name = PurePosixPath(member.filename)
    if name.is_absolute() or ".." in name.parts or "\\" in member.filename:
        return "leads out of the folder"
    if ":" in (name.parts or ("",))[0]:
        return "names a drive"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return "is a link or a device"
    if member.flag_bits & 0x1:
        return "is encrypted"
    return None


def _judge_disk(folder: Path, total_bytes: int) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if total_bytes > free_bytes:
        raise ArchiveError(
            f"{_gib(total_bytes)} are needed in {folder.parent}, only {_gib(free_bytes)} are "
            "free; make room."
        )


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / member.filename
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as source, target.open("xb") as file:
        shutil.copyfileobj(source, file, _CHUNK_BYTES)
    if target.stat().st_size != member.file_size:
        raise zipfile.BadZipFile(f"{member.filename} is shorter than stated")


def _gib(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB"
