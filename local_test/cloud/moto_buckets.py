"""What moto answers of S3 (policies, tags, life cycles, ... of buckets that `Objects` keeps)."""

from collections.abc import Iterable

from moto.s3.models import s3_backends

from local_test.cloud.objects.store import Objects
from local_test.cloud.settings import ACCOUNT
from local_test.cloud.wsgi import Application, Environ, StartResponse


class BucketsOfMoto:
    """A WSGI application: `moto`, which knows of the bucket of each request whether it is there.

    What moto remembers of a bucket that has been deleted is forgotten with it.
    """

    def __init__(self, objects: Objects, moto: Application, region: str) -> None:
        self._objects = objects
        self._moto = moto
        self._region = region

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        bucket = environ["PATH_INFO"].lstrip("/").partition("/")[0]
        backend = s3_backends[ACCOUNT]["aws"]
        is_known = bucket in backend.buckets
        if self._objects.has_bucket(bucket) and not is_known:
            backend.create_bucket(bucket, self._region)
        elif is_known and not self._objects.has_bucket(bucket):
            s3_backends.bucket_accounts.pop(bucket, None)
            backend.buckets.pop(bucket, None)
        return self._moto(environ, start_response)
