"""What is under way: ListMultipartUploads and ListParts."""

from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug.wrappers import Response

from local_test.cloud.objects.rest import answers, checksums
from local_test.cloud.objects.rest.call import Call
from local_test.cloud.objects.rest.listings import encoded
from local_test.cloud.objects.rest.multipart import found_upload
from local_test.cloud.objects.store import Objects
from local_test.cloud.objects.uploads import Upload

_MOST = 1_000
_PERSON = {"ID": answers.OWNER}


def list_uploads(objects: Objects, call: Call) -> Response:
    """GET of a bucket with `uploads`."""
    objects.index.check_bucket(call.bucket)
    prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
    key_marker = call.query.get("key-marker", "")
    id_marker = call.query.get("upload-id-marker", "")
    most = max(1, call.whole_number("max-uploads", _MOST, _MOST))
    found = objects.uploads.all(call.bucket, prefix)
    left = _behind(found, key_marker, id_marker)
    page = left[:most]
    prefixes, uploads = _grouped(page, prefix, delimiter)
    is_cut = len(left) > most
    content = {
        "Bucket": call.bucket,
        "KeyMarker": encoded(call, key_marker),
        "UploadIdMarker": id_marker,
        "NextKeyMarker": encoded(call, page[-1].key) if is_cut else None,
        "NextUploadIdMarker": page[-1].id if is_cut else None,
        "Prefix": encoded(call, prefix),
        "Delimiter": encoded(call, delimiter) or None,
        "MaxUploads": most,
        "EncodingType": call.query.get("encoding-type") or None,
        "IsTruncated": is_cut,
        "Upload": [_entry(call, upload) for upload in uploads],
        "CommonPrefixes": [{"Prefix": encoded(call, one)} for one in prefixes],
    }
    return answers.document("ListMultipartUploadsResult", content)


def list_parts(objects: Objects, call: Call) -> Response:
    """GET of an object with `uploadId`."""
    upload = found_upload(objects, call)
    marker = call.whole_number("part-number-marker", 0, 10_000)
    most = call.whole_number("max-parts", _MOST, _MOST)
    left = [part for part in objects.uploads.parts(upload) if part.number > marker]
    page = left[:most]
    content = {
        "Bucket": call.bucket,
        "Key": call.key,
        "UploadId": upload.id,
        "PartNumberMarker": marker,
        "NextPartNumberMarker": page[-1].number if page else 0,
        "MaxParts": most,
        "IsTruncated": len(left) > most,
        **_algorithm(upload),
        "Part": [
            {
                "PartNumber": part.number,
                "LastModified": answers.time_text(part.modified_s),
                "ETag": f'"{part.etag}"',
                "Size": part.size,
                **{checksums.field(name): value for name, value in part.checksums.items()},
            }
            for part in page
        ],
        "Initiator": _PERSON,
        "Owner": _PERSON,
        "StorageClass": _storage_class(upload),
    }
    return answers.document("ListPartsResult", content)


def _behind(found: Sequence[Upload], key_marker: str, id_marker: str) -> Sequence[Upload]:
    """Those after the marker; the id counts only with its key."""
    at = next((n for n, one in enumerate(found) if id_marker and one.id == id_marker), None)
    if at is not None and found[at].key == key_marker:
        return found[at + 1 :]
    return [one for one in found if one.key.encode() > key_marker.encode()]


def _grouped(
    page: Sequence[Upload], prefix: str, delimiter: str
) -> tuple[Sequence[str], Sequence[Upload]]:
    if not delimiter:
        return [], page
    prefixes: dict[str, None] = {}
    uploads = []
    for upload in page:
        at = upload.key.find(delimiter, len(prefix))
        if at < 0:
            uploads.append(upload)
        else:
            prefixes[upload.key[: at + len(delimiter)]] = None
    return list(prefixes), uploads


def _entry(call: Call, upload: Upload) -> Mapping[str, Any]:
    return {
        "Key": encoded(call, upload.key),
        "UploadId": upload.id,
        "Initiator": _PERSON,
        "Owner": _PERSON,
        "StorageClass": _storage_class(upload),
        "Initiated": answers.time_text(upload.created_s),
        **_algorithm(upload),
    }


def _algorithm(upload: Upload) -> Mapping[str, str]:
    if not upload.checksum:
        return {}
    return {
        "ChecksumAlgorithm": upload.checksum.upper(),
        "ChecksumType": upload.attributes.checksum_type,
    }


def _storage_class(upload: Upload) -> str:
    return upload.attributes.headers.get("x-amz-storage-class", "STANDARD")
