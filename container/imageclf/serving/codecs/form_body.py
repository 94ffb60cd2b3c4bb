"""`multipart/form-data`: every file is a picture, every other field an option."""

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from imageclf.config import shortened
from imageclf.errors import RequestError
from imageclf.serving.codecs.json_body import check_count
from imageclf.serving.codecs.media_types import media_type
from imageclf.serving.codecs.question import Asked, Question

MAX_FIELDS = 16
MAX_FIELD_BYTES = 1024
MAX_HEADERS = 8
MAX_HEADER_BYTES = 4096

_PLAIN_ENCODINGS = ("", "7bit", "8bit", "binary")


def read_form(body: bytes, content_type: str, max_images: int) -> Question:
    """The question in a form; of `one` shape when it holds a single file.

    Raises:
        RequestError: ``bad-multipart``, or ``empty`` when there is no file.
        TooLargeError: ``too-many-images``.
    """
    boundary = _boundary(content_type)
    # Before parsing: a boundary of one letter could be there millions of times.
    check_count(body.count(b"--" + boundary) - 1 - MAX_FIELDS, max_images)
    form = _parsed(body, boundary)
    if not form.files:
        raise RequestError("empty", "The form holds no file; send a picture as a file.")
    check_count(len(form.files), max_images)
    return Question(
        tuple(Asked(picture, form.fields) for picture in form.files),
        "one" if len(form.files) == 1 else "several",
    )


class _Form:
    """Takes the parser's events, and keeps files and fields."""

    def __init__(self) -> None:
        self.files: list[bytes] = []
        self.fields: dict[str, object] = {}
        self.ended = False
        self._header = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, str] = {}
        self._content = bytearray()

    def on_part_begin(self) -> None:
        self._headers, self._content = {}, bytearray()

    def on_header_begin(self) -> None:
        self._header, self._value = bytearray(), bytearray()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = self._value.decode("latin-1")

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]

    def on_end(self) -> None:
        self.ended = True

    def on_part_end(self) -> None:
        disposition, names = parse_options_header(self._headers.get(b"content-disposition", ""))
        name = names.get(b"name", b"").decode("utf-8", "replace")
        if disposition != b"form-data":
            raise _bad("a part has no `Content-Disposition: form-data`.")
        if self._headers.get(b"content-transfer-encoding", "").lower() not in _PLAIN_ENCODINGS:
            raise _bad(f"part {shortened(name)} is encoded; send its bytes as they are.")
        if b"filename" in names or self._is_binary():
            self.files.append(bytes(self._content))
        else:
            self._keep_field(name)

    def _is_binary(self) -> bool:
        kind = media_type(self._headers.get(b"content-type", ""))
        return kind.startswith("image/") or kind == "application/octet-stream"

    def _keep_field(self, name: str) -> None:
        if len(self._content) > MAX_FIELD_BYTES or len(self.fields) >= MAX_FIELDS:
            raise _bad(f"field {shortened(name)} is too long or one too many; pictures are files.")
        self.fields[name] = self._content.decode("utf-8", "replace")


def _parsed(body: bytes, boundary: bytes) -> _Form:
    form = _Form()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": form.on_part_begin,
                "on_part_data": form.on_part_data,
                "on_part_end": form.on_part_end,
                "on_header_begin": form.on_header_begin,
                "on_header_field": form.on_header_field,
                "on_header_value": form.on_header_value,
                "on_header_end": form.on_header_end,
                "on_end": form.on_end,
            },
            max_header_count=MAX_HEADERS,
            max_header_size=MAX_HEADER_BYTES,
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _bad("it does not keep to multipart/form-data.") from error
    if not form.ended:
        raise _bad("it ends before its closing boundary.")
    return form


def _boundary(content_type: str) -> bytes:
    _, parameters = parse_options_header(
        content_type.encode("latin-1", "replace").decode("latin-1")
    )
    boundary = parameters.get(b"boundary", b"")
    if not boundary:
        raise _bad("Content-Type names no boundary; let the HTTP client write that header.")
    return boundary


def _bad(detail: str) -> RequestError:
    return RequestError("bad-multipart", f"The form cannot be read: {detail}")
