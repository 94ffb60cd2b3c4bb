"""Saved tensors in S3: what `imageclf.rules.bucket` is to fetch of them."""

import time
from collections.abc import Callable
from pathlib import Path

from imageclf.debugger.names import END_OF_JOB
from imageclf.debugger.tensors.places import CONTENT, WITHIN
from imageclf.errors import TensorsError
from imageclf.rules import bucket

KEPT = bucket.Kept(
    within=WITHIN,
    folders=("collections", "events", "index"),
    files=(END_OF_JOB,),
    marks=(*(f"{name}/" for name in CONTENT), END_OF_JOB),
    error=TensorsError,
)
"""An index comes after the events that it tells of, the end after everything."""


class Bucket(bucket.Bucket):
    """The tensors at `address`, `s3://BUCKET/PREFIX`, copied into the folder `into`.

    Raises:
        TensorsError: the address is none.
    """

    def __init__(
        self, address: str, into: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(address, into, KEPT, clock)
