"""Uploads in parts: CreateMultipartUpload, UploadPart, UploadPartCopy, Complete, Abort."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

from werkzeug.wrappers import Response

from local_test.cloud.errors import ApiError
from local_test.cloud.objects.content import Content
from local_test.cloud.objects.info import Info
from local_test.cloud.objects.rest import answers, checksums, conditions, faults, names, tags
from local_test.cloud.objects.rest.call import Call
from local_test.cloud.objects.rest.writing import attributes_of, source_of
from local_test.cloud.objects.store import Objects
from local_test.cloud.objects.uploads import Part, Upload

_MOST_PARTS = 10_000
_LEAST_PART = 5 << 20
_PIECE = 1 << 20
_COPIED_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})")


def create_upload(objects: Objects, call: Call) -> Response:
    """POST to an object with `uploads`."""
    names.check_key(call.key)
    checksum = call.headers.get(f"{checksums.HEADER}algorithm", "").lower()
    if checksum and checksum not in checksums.NAMES:
        raise faults.invalid_request("Checksum algorithm provided is unsupported.")
    kind = call.headers.get(f"{checksums.HEADER}type", "").upper()
    kind = kind or ("FULL_OBJECT" if checksum in ("", "crc64nvme") else "COMPOSITE")
    attributes = replace(attributes_of(call), checksum_type=kind)
    upload = objects.uploads.create(call.bucket, call.key, attributes, checksum)
    headers = {}
    if checksum:
        headers = {
            f"{checksums.HEADER}algorithm": checksum.upper(),
            f"{checksums.HEADER}type": kind,
        }
    content = {"Bucket": call.bucket, "Key": call.key, "UploadId": upload.id}
    return answers.document("InitiateMultipartUploadResult", content, headers=headers)


def upload_part(objects: Objects, call: Call) -> Response:
    """PUT of an object with `partNumber` and `uploadId`."""
    upload = found_upload(objects, call)
    number = _number(call)
    body = call.body()
    content = objects.files.write(body)
    part = objects.uploads.put(upload, number, content, body.checksums)
    told = {checksums.HEADER + name: value for name, value in part.checksums.items()}
    return answers.empty(200, {"ETag": f'"{part.etag}"', **told})


def upload_part_copy(objects: Objects, call: Call) -> Response:
    """PUT of a part with `x-amz-copy-source`, all of that object or a range."""
    upload = found_upload(objects, call)
    number = _number(call)
    info, source = objects.read(*source_of(call))
    with source:
        conditions.check_copy(info, call.headers)
        start, size = _copied_range(call, info)
        source.seek(start)
        content = objects.files.write(_pieces(source, size))
    part = objects.uploads.put(upload, number, content, {})
    result = {"ETag": f'"{part.etag}"', "LastModified": answers.time_text(part.modified_s)}
    return answers.document("CopyPartResult", result)


def complete_upload(objects: Objects, call: Call) -> Response:
    """POST to an object with `uploadId`."""
    upload = found_upload(objects, call)
    chosen = _chosen(call, objects.uploads.parts(upload))
    size = sum(part.size for part in chosen)
    if call.headers.get("x-amz-mp-object-size", str(size)) != str(size):
        raise faults.invalid_request(
            "The provided 'x-amz-mp-object-size' header does not match what was computed."
        )
    content = _joined(objects, call, chosen)
    sums = _checked_sums(objects, call, upload, chosen, content)
    info = objects.uploads.complete(
        upload, chosen, content, sums, lambda old: conditions.check_write(old, call.headers)
    )
    result = {
        "Location": f"http://{call.headers.get('Host', '')}{call.path}",
        "Bucket": info.bucket,
        "Key": info.key,
        "ETag": f'"{info.etag}"',
        **answers.in_document(info),
    }
    return answers.document("CompleteMultipartUploadResult", result)


def abort_upload(objects: Objects, call: Call) -> Response:
    """DELETE of an object with `uploadId`."""
    objects.uploads.abort(found_upload(objects, call))
    return answers.empty(204)


def found_upload(objects: Objects, call: Call) -> Upload:
    """The upload that is meant."""
    return objects.uploads.find(call.bucket, call.key, call.query["uploadId"])


def _number(call: Call) -> int:
    text = call.query["partNumber"]
    if not re.fullmatch(r"\d{1,5}", text) or not 1 <= int(text) <= _MOST_PARTS:
        raise faults.invalid_argument(
            f"Part number must be an integer between 1 and {_MOST_PARTS}, inclusive"
        )
    return int(text)


def _copied_range(call: Call, info: Info) -> tuple[int, int]:
    """Start and size."""
    text = call.headers.get("x-amz-copy-source-range")
    if text is None:
        return 0, info.size
    found = _COPIED_RANGE.fullmatch(text)
    if found is None:
        raise faults.invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first"
            " and last are the zero-based offsets of the first and last bytes to copy"
        )
    first, last = int(found[1]), int(found[2])
    if not first <= last < info.size:
        raise faults.invalid_argument(
            f"Range specified is not valid for source object of size: {info.size}"
        )
    return first, last + 1 - first


def _pieces(source: BinaryIO, size: int) -> Iterator[bytes]:
    while piece := source.read(min(_PIECE, size)):
        size -= len(piece)
        yield piece


def _chosen(call: Call, arrived: Sequence[Part]) -> Sequence[Part]:
    """The parts that the client lists, held against those that arrived."""
    listed = tags.as_list(call.document("CompleteMultipartUpload").get("Part"))
    try:
        wanted = [(int(one["PartNumber"]), one) for one in listed]
    except (KeyError, TypeError, ValueError) as error:
        raise faults.malformed_xml() from error
    if not wanted:
        raise faults.malformed_xml()
    numbers = [number for number, _ in wanted]
    if numbers != sorted(set(numbers)):
        raise ApiError(
            "InvalidPartOrder",
            "The list of parts was not in ascending order. Parts must be ordered by part number.",
        )
    by_number = {part.number: part for part in arrived}
    chosen = [_matching(by_number.get(number), told) for number, told in wanted]
    if any(part.size < _LEAST_PART for part in chosen[:-1]):
        raise ApiError(
            "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size"
        )
    return chosen


def _matching(part: Part | None, told: Mapping[str, Any]) -> Part:
    if part is not None and str(told.get("ETag", "")).strip('"') == part.etag:
        given = [(told.get(checksums.field(name)), value) for name, value in part.checksums.items()]
        if all(one in (None, value) for one, value in given):
            return part
    raise ApiError(
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been"
        " uploaded, or the specified entity tag may not match the part's entity tag.",
    )


def _joined(objects: Objects, call: Call, parts: Sequence[Part]) -> Content:
    try:
        return objects.uploads.join(parts)
    except FileNotFoundError:
        found_upload(objects, call)
        raise faults.no_such_upload() from None


def _checked_sums(
    objects: Objects, call: Call, upload: Upload, parts: Sequence[Part], content: Content
) -> Mapping[str, str]:
    """The checksums of the object; raises ApiError when the client told others."""
    told = checksums.given(call.headers)
    sums = _sums(objects, upload, parts, content, told)
    for name, value in told.items():
        if sums.get(name, value) not in (value, f"{value}-{len(parts)}"):
            objects.files.remove(content.name)
            raise ApiError(
                "BadDigest",
                f"The {name.upper()} you specified did not match the calculated checksum.",
            )
    return told | sums


def _sums(
    objects: Objects,
    upload: Upload,
    parts: Sequence[Part],
    content: Content,
    told: Mapping[str, str],
) -> dict[str, str]:
    name = upload.checksum
    if upload.attributes.checksum_type == "COMPOSITE":
        given = [part.checksums[name] for part in parts if name in part.checksums]
        found = checksums.composite(name, given) if len(given) == len(parts) else None
        return {name: found} if found else {}
    hashes = checksums.computed({name, *told})
    if hashes:
        with objects.files.open(content.name) as source:
            for piece in _pieces(source, content.size):
                for one in hashes.values():
                    one.update(piece)
    return {name: checksums.text(one.digest()) for name, one in hashes.items()}
