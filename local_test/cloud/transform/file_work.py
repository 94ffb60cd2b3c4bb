"""One object of a transform job: cut, asked about, put together, and stored beside the others.

Requests of a file are answered in any order and written in that of its records. A file that fails
in part leaves nothing, as on SageMaker.
"""

import gzip
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Semaphore
from typing import BinaryIO, cast

from local_test.cloud.job_run import JobFailedError
from local_test.cloud.objects import uri
from local_test.cloud.objects.store import NoSuchBucketError, NoSuchKeyError, Objects
from local_test.cloud.transform import records
from local_test.cloud.transform.inputs import Input
from local_test.cloud.transform.joining import JoinError
from local_test.cloud.transform.model_server import RequestFailedError
from local_test.cloud.transform.plan import Plan
from local_test.cloud.transform.records import RecordTooLargeError

_LINE_END = b"\n"


class FileFailedError(Exception):
    """One object could not be transformed; the message begins as AWS's reasons do."""


@dataclass(frozen=True)
class Desk:
    """Where requests of all files of one instance go through.

    Attributes:
        ask: sends one body and gives the answer.
        executor: its threads are the requests at once.
        room: bounds how many bodies are in memory.
        folder: for results that are not whole yet.
    """

    ask: Callable[[bytes], bytes]
    executor: Executor
    room: Semaphore
    folder: Path


def transform(objects: Objects, desk: Desk, plan: Plan, one: Input, target: str) -> None:
    """Transform an object; its result is `<target>/<name>.out`.

    Raises:
        FileFailedError: one of its requests failed, or it cannot be read.
        JobFailedError: the job cannot go on.
        StoppedError: it was stopped.
        OSError: the disk is full.
    """
    bucket, key = uri.split(uri.join(target, f"{one.name}.out"))
    with tempfile.TemporaryFile(dir=desk.folder) as file:
        try:
            with _opened(objects, plan, one) as source:
                for answer in _answers(desk, plan, source):
                    file.write(answer)
        except (RecordTooLargeError, JoinError) as error:
            raise FileFailedError(f"ClientError: {error}") from error
        except RequestFailedError as error:
            raise FileFailedError(str(error)) from error
        file.seek(0)
        try:
            objects.put(bucket, key, cast(BinaryIO, file))
        except NoSuchBucketError as error:
            raise JobFailedError(
                f"ClientError: Results cannot be stored below {target}: the bucket {bucket} does "
                "not exist; create it first."
            ) from error


@contextmanager
def _opened(objects: Objects, plan: Plan, one: Input) -> Iterator[BinaryIO]:
    try:
        with objects.open(one.bucket, one.key) as file:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=file)) if plan.gzip else file
    except (NoSuchBucketError, NoSuchKeyError) as error:
        raise FileFailedError("ClientError: The object is not there any more.") from error
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise FileFailedError(f"ClientError: It is not a whole gzip file: {error}") from error


def _answers(desk: Desk, plan: Plan, source: BinaryIO) -> Iterator[bytes]:
    """What is written for each request, in the order of the records."""
    waiting: deque[tuple[list[bytes], Future[bytes]]] = deque()
    try:
        for part in records.payloads(source, plan.split, plan.strategy, plan.max_bytes):
            waiting.append((part, _sent(desk, records.body(plan.joining.sent(part)))))
            if len(waiting) > plan.at_once:
                yield _written(plan, *waiting.popleft())
        while waiting:
            yield _written(plan, *waiting.popleft())
    finally:
        for _, future in waiting:
            future.cancel()


def _sent(desk: Desk, body: bytes) -> "Future[bytes]":
    desk.room.acquire()
    try:
        future = desk.executor.submit(desk.ask, body)
    except BaseException:
        desk.room.release()
        raise
    future.add_done_callback(lambda _: desk.room.release())
    return future


def _written(plan: Plan, part: list[bytes], future: "Future[bytes]") -> bytes:
    answer = plan.joining.kept(part, future.result())
    if plan.lines and not answer.endswith(_LINE_END):
        answer += _LINE_END
    return answer
