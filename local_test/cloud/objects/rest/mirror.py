"""What other software answers about our buckets: their configurations (policy, encryption, ...).

That software keeps nothing on disk. So what was put there is kept here too, and told to it again,
bucket by bucket, when it is first asked after a restart.
"""

import io
import threading
from urllib.parse import urlencode
from wsgiref.types import WSGIApplication, WSGIEnvironment

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Response

from local_test.cloud.objects.index import Configuration, Index
from local_test.cloud.objects.info import DEFAULT_REGION
from local_test.cloud.objects.rest import faults
from local_test.cloud.objects.rest.answers import Answer
from local_test.cloud.objects.rest.call import Call

_LARGEST = 1 << 20
_DATE = "20200101"
_UNKEPT = ("x-id", "x-amz-", "awsaccesskeyid", "signature", "expires")
_NOTIFICATIONS = (b"<Queue", b"<Topic", b"<CloudFunction", b"<EventBridge")
_TAGS: Configuration = ("tagging", {}, b"")
"""moto forgets a bucket's tags only when it is told to."""


class Mirror:
    """`forward` answers; `index` keeps."""

    def __init__(self, index: Index, forward: WSGIApplication) -> None:
        self._index = index
        self._forward = forward
        self._lock = threading.Lock()
        self._known: set[str] = set()

    def answer(self, call: Call) -> Response:
        """The answer to a request about a configuration of a bucket.

        Raises:
            NoSuchBucketError: the bucket is not there.
            ApiError: the configuration is for something that is not done here.
        """
        self._index.check_bucket(call.bucket)
        has_body = call.environ.get("CONTENT_LENGTH") not in (None, "", "0")
        body = call.body().all(_LARGEST) if has_body else b""
        _check_is_done(call, body)
        self._introduce(call.bucket)
        rewound = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        response = self._ask(call.environ | rewound)
        if response.status_code < 300:
            self._keep(call, body)
        return response

    def forget(self, bucket: str) -> None:
        """The bucket was deleted."""
        with self._lock:
            if bucket in self._known:
                self._known.discard(bucket)
                self._ask(_environ("DELETE", bucket, DEFAULT_REGION, _TAGS))
                self._ask(_environ("DELETE", bucket, DEFAULT_REGION))

    def _introduce(self, bucket: str) -> None:
        """Have it make the bucket and configure it as it was; once in the life of the process."""
        with self._lock:
            if bucket in self._known:
                return
            region = self._index.buckets(bucket)[0].region
            constraint = f"<LocationConstraint>{region}</LocationConstraint>"
            body = f"<CreateBucketConfiguration>{constraint}</CreateBucketConfiguration>".encode()
            is_default = region == DEFAULT_REGION
            self._ask(_environ("PUT", bucket, region, ("", {}, b"" if is_default else body)))
            for configuration in self._index.configurations(bucket):
                self._ask(_environ("PUT", bucket, region, configuration))
            self._known.add(bucket)

    def _keep(self, call: Call, body: bytes) -> None:
        query = urlencode(sorted(_kept_query(call)))
        if call.method == "PUT":
            headers = {
                name: value
                for name, value in call.headers.items()
                if name.lower().startswith(("x-amz-acl", "x-amz-grant-", "content-type"))
            }
            self._index.configure(call.bucket, query, headers, body)
        elif call.method == "DELETE":
            self._index.unconfigure(call.bucket, query)

    def _ask(self, environ: WSGIEnvironment) -> Response:
        pieces, status, headers = run_wsgi_app(self._forward, environ, buffered=True)
        return Answer(b"".join(pieces), status, headers)


def _kept_query(call: Call) -> list[tuple[str, str]]:
    return [
        (name, value) for name, value in call.query.items() if not name.lower().startswith(_UNKEPT)
    ]


def _environ(
    method: str,
    bucket: str,
    region: str,
    configuration: Configuration = ("", {}, b""),
) -> WSGIEnvironment:
    query, headers, body = configuration
    scope = f"local/{_DATE}/{region}/s3/aws4_request"
    signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=local"}
    return EnvironBuilder(
        f"/{bucket}",
        base_url="http://127.0.0.1/",
        query_string=query,
        method=method,
        headers=Headers(headers | signed),
        data=body,
    ).get_environ()


def _check_is_done(call: Call, body: bytes) -> None:
    """Refuse what would change what happens to objects, which nothing here would do."""
    if call.method != "PUT":
        return
    if "versioning" in call.query and b"<Status>Enabled" in body:
        raise faults.not_implemented("versions of objects")
    if "object-lock" in call.query:
        raise faults.not_implemented("locking of objects")
    if "replication" in call.query:
        raise faults.not_implemented("replication of buckets")
    if "notification" in call.query and any(one in body for one in _NOTIFICATIONS):
        raise faults.not_implemented("notifications of changes to objects")
