"""Objects that come in parts: uploads that are under way, and what becomes of them."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from local_test.cloud.objects.content import Content, ContentFiles
from local_test.cloud.objects.index import Index, attributes_from, end_of
from local_test.cloud.objects.info import Attributes, Info

_OF_UPLOAD = "SELECT id, bucket, key, created, attributes, checksum FROM uploads"


class NoSuchUploadError(Exception):
    """There is no upload of that id for that key."""


@dataclass(frozen=True)
class Upload:
    """One that is under way; `checksum` is the algorithm of its parts' checksums, if it has one.

    The checksum type stands in `attributes`.
    """

    id: str
    bucket: str
    key: str
    created_s: float
    attributes: Attributes
    checksum: str


@dataclass(frozen=True)
class Part:
    """One part that has arrived."""

    number: int
    file: str
    size: int
    etag: str
    modified_s: float
    checksums: Mapping[str, str]


class Uploads:
    """The uploads of an index; their content lies among `files`."""

    def __init__(self, index: Index, files: ContentFiles) -> None:
        self._index = index
        self._files = files

    def create(self, bucket: str, key: str, attributes: Attributes, checksum: str) -> Upload:
        """Begin one; raises NoSuchBucketError."""
        upload = Upload(secrets.token_hex(32), bucket, key, time.time(), attributes, checksum)
        with self._index.database.transaction() as connection:
            self._index.check_bucket(bucket)
            connection.execute(
                "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?)",
                (
                    upload.id,
                    bucket,
                    key.encode(),
                    upload.created_s,
                    json.dumps(vars(attributes)),
                    checksum,
                ),
            )
        return upload

    def find(self, bucket: str, key: str, upload_id: str) -> Upload:
        """The one of that id; raises NoSuchBucketError or NoSuchUploadError."""
        row = self._index.database.connection.execute(
            f"{_OF_UPLOAD} WHERE id = ? AND bucket = ? AND key = ?",
            (upload_id, bucket, key.encode()),
        ).fetchone()
        if row is None:
            self._index.check_bucket(bucket)
            raise NoSuchUploadError(upload_id)
        return _upload(row)

    def all(self, bucket: str, prefix: str) -> Sequence[Upload]:
        """Those of keys that begin with `prefix`, by key and time."""
        rows = self._index.database.connection.execute(
            f"{_OF_UPLOAD} WHERE bucket = ? AND key >= ? AND (?3 IS NULL OR key < ?3)"
            " ORDER BY key, created, id",
            (bucket, prefix.encode(), end_of(prefix.encode())),
        )
        return [_upload(row) for row in rows.fetchall()]

    def put(
        self, upload: Upload, number: int, content: Content, checksums: Mapping[str, str]
    ) -> Part:
        """Make a written file a part, in place of one of that number; raises NoSuchUploadError."""
        part = Part(number, content.name, content.size, content.etag, time.time(), checksums)
        row = (upload.id, number, part.file, part.size, part.etag, part.modified_s)
        try:
            with self._index.database.transaction() as connection:
                self.find(upload.bucket, upload.key, upload.id)
                old = connection.execute(
                    "DELETE FROM parts WHERE upload = ? AND number = ? RETURNING file",
                    (upload.id, number),
                ).fetchall()
                connection.execute(
                    "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (*row, json.dumps(dict(checksums))),
                )
        except BaseException:
            self._files.remove(content.name)
            raise
        self._files.remove(*(file for (file,) in old))
        return part

    def parts(self, upload: Upload) -> Sequence[Part]:
        """Those that have arrived, by number."""
        rows = self._index.database.connection.execute(
            "SELECT number, file, size, etag, modified, checksums FROM parts"
            " WHERE upload = ? ORDER BY number",
            (upload.id,),
        ).fetchall()
        return [_part(row) for row in rows]

    def join(self, parts: Sequence[Part]) -> Content:
        """A new file of these parts; its ETag is that of their MD5 sums, as S3 has it."""
        name = self._files.join([part.file for part in parts])
        sums = b"".join(bytes.fromhex(part.etag) for part in parts)
        etag = f"{hashlib.md5(sums, usedforsecurity=False).hexdigest()}-{len(parts)}"
        return Content(name, sum(part.size for part in parts), etag)

    def complete(
        self,
        upload: Upload,
        parts: Sequence[Part],
        content: Content,
        checksums: Mapping[str, str],
        check: Callable[[Info | None], object],
    ) -> Info:
        """Make `content`, which was joined from `parts`, the object, and end the upload.

        Raises:
            NoSuchUploadError: it was ended meanwhile; what `check` raises: nothing is changed.
        """
        attributes = replace(
            upload.attributes,
            checksums=dict(checksums),
            part_sizes=tuple(part.size for part in parts),
        )
        info = Info(upload.bucket, upload.key, content.size, content.etag, time.time(), attributes)
        try:
            with self._index.database.transaction():
                unneeded = [*self._forget(upload), *self._index.replace(info, content.name, check)]
        except BaseException:
            self._files.remove(content.name)
            raise
        self._files.remove(*unneeded)
        return info

    def abort(self, upload: Upload) -> None:
        """End it without an object."""
        with self._index.database.transaction():
            files = self._forget(upload)
        self._files.remove(*files)

    def _forget(self, upload: Upload) -> Sequence[str]:
        connection = self._index.database.connection
        if not connection.execute("DELETE FROM uploads WHERE id = ?", (upload.id,)).rowcount:
            raise NoSuchUploadError(upload.id)
        rows = connection.execute("DELETE FROM parts WHERE upload = ? RETURNING file", (upload.id,))
        return [file for (file,) in rows.fetchall()]


def _upload(row: tuple[str, str, bytes, float, str, str]) -> Upload:
    upload_id, bucket, key, created_s, attributes, checksum = row
    return Upload(upload_id, bucket, key.decode(), created_s, attributes_from(attributes), checksum)


def _part(row: tuple[int, str, int, str, float, str]) -> Part:
    number, file, size, etag, modified_s, checksums = row
    return Part(number, file, size, etag, modified_s, json.loads(checksums))
