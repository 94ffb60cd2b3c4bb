"""One request of S3's REST API, taken apart."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import WSGIEnvironment

import xmltodict
from werkzeug.datastructures import EnvironHeaders

from local_test.cloud.errors import ApiError
from local_test.cloud.objects.info import DEFAULT_REGION
from local_test.cloud.objects.rest import faults
from local_test.cloud.objects.rest.bodies import Body
from local_test.cloud.settings import ACCOUNT

_PRESERVED_NAMES = "moto.preserved_header_names"
_LARGEST_DOCUMENT = 8 << 20
_SCOPE = re.compile(r"[^/\s=]+/\d{8}/(?P<region>[^/\s]+)/s3/aws4_request")


class Call:
    """What is asked for.

    Attributes:
        method: of HTTP.
        bucket: empty for a request of the service.
        key: empty for a request of a bucket.
        query: parameters; the first of those with the same name.
        headers: of HTTP; names in any case.
    """

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.headers = EnvironHeaders(environ)
        try:
            path = environ.get("PATH_INFO", "/").encode("latin-1").decode()
            pairs = parse_qsl(environ.get("QUERY_STRING", ""), True, errors="strict")
        except UnicodeError as error:
            raise ApiError("InvalidURI", "Couldn't parse the specified URI.") from error
        self.query = dict(reversed(pairs))
        self.bucket, _, self.key = path.removeprefix("/").partition("/")

    @property
    def path(self) -> str:
        """Where the bucket or object is."""
        return f"/{self.bucket}/{self.key}" if self.key else f"/{self.bucket}"

    @property
    def region(self) -> str:
        """The region that the request was signed for."""
        signed = self.headers.get("Authorization", "") + self.query.get("X-Amz-Credential", "")
        scope = _SCOPE.search(signed)
        return scope["region"] if scope else DEFAULT_REGION

    @property
    def metadata(self) -> dict[str, str]:
        """The user's own of an object that is made; a server may have told names with `_`."""
        names: Mapping[str, str] = self.environ.get(_PRESERVED_NAMES, {})
        found = {
            names.get(name, name.removeprefix("HTTP_").replace("_", "-")).lower(): value
            for name, value in self.environ.items()
            if name.startswith("HTTP_X_AMZ_META_")
        }
        return {name.removeprefix("x-amz-meta-"): value for name, value in found.items()}

    def body(self) -> Body:
        """What the request carries, to be read once."""
        return Body(self.environ, self.headers)

    def document(self, root: str) -> dict[str, Any]:
        """The XML that the request carries, whose outermost element has to be `root`.

        Raises:
            ApiError: it is another, damaged, too large, or declares entities.
        """
        text = self.body().all(_LARGEST_DOCUMENT)
        try:
            content = xmltodict.parse(text, strip_whitespace=False)[root]
        except (xmltodict.expat.ExpatError, KeyError, ValueError) as error:
            raise faults.malformed_xml() from error
        return content if isinstance(content, dict) else {}

    def whole_number(self, name: str, default: int, most: int) -> int:
        """A parameter from 0 up; more than `most` is `most`.

        Raises:
            ApiError: it is none.
        """
        text = self.query.get(name) or str(default)
        if not re.fullmatch(r"\d{1,10}", text):
            raise faults.invalid_argument(
                f"Argument {name} must be an integer between 0 and {most}"
            )
        return min(int(text), most)

    def check(self) -> None:
        """Raises ApiError for a request that may not be answered, whatever it asks for."""
        self._check_expiry()
        owner = self.headers.get("x-amz-expected-bucket-owner", ACCOUNT)
        if owner != ACCOUNT:
            raise ApiError("AccessDenied", "Access Denied", 403)
        if self.query.get("versionId", "null") not in ("null", ""):
            raise faults.no_such_version()
        if "x-amz-server-side-encryption-customer-algorithm" in self.headers:
            raise faults.not_implemented("encryption with keys of the customer")

    def _check_expiry(self) -> None:
        """A presigned address is good until its time; who signed it is not asked."""
        if "X-Amz-Expires" in self.query:
            until_s = _signed_s(self.query) + self.whole_number("X-Amz-Expires", 0, 604_800)
        elif "Signature" in self.query:
            until_s = self.whole_number("Expires", 0, 1 << 40)
        else:
            return
        if time.time() > until_s:
            raise ApiError("AccessDenied", "Request has expired", 403)


def _signed_s(query: dict[str, str]) -> float:
    try:
        signed = datetime.strptime(query.get("X-Amz-Date", ""), "%Y%m%dT%H%M%SZ")
    except ValueError as error:
        raise ApiError(
            "AuthorizationQueryParametersError",
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
        ) from error
    return signed.replace(tzinfo=UTC).timestamp()
