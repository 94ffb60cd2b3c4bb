"""The thread that takes asynchronous invocations from the queue, and those that see to one each."""

import json
import logging
import sqlite3
import threading
import time
from collections import Counter

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError
from local_test.cloud.hosting import hosts, sending, states
from local_test.cloud.hosting.async_queue import AsyncQueue, Invocation
from local_test.cloud.hosting.deployment import Deployment
from local_test.cloud.hosting.singles import Singles
from local_test.cloud.logs import ENDPOINTS
from local_test.cloud.objects import uri
from local_test.cloud.objects.store import NoSuchBucketError, NoSuchKeyError
from local_test.cloud.operations import RuntimeRequest, RuntimeResponse

_AT_ONCE = 4
"""For each instance, where the configuration says nothing; AWS then chooses itself."""

_MOST_BYTES = 1 << 30
_LOOK_EVERY_S, _IDLE_S = 0.5, 60.0
_END_S = 5.0

_log = logging.getLogger(__name__)


class _NotNowError(Exception):
    """Nobody can take the invocation for the moment."""


class _FailedError(Exception):
    """There is no answer; the message is what is stored instead."""


class AsyncWorker:
    """Sees to the asynchronous invocations of one cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._queue = AsyncQueue(cloud.settings.root / "asynchronous.sqlite")
        self._lock = threading.Lock()
        self._running: dict[int, str] = {}
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="asynchronous", daemon=True)
        self._thread.start()

    def add(self, invocation: Invocation, body: bytes) -> None:
        """One more; it is on disk when this returns."""
        self._queue.add(invocation, body)
        self._wake.set()

    def end(self) -> None:
        """Begin nothing more; what is not answered soon stays in the queue."""
        self._ending.set()
        self._wake.set()
        self._thread.join()
        deadline_s = time.monotonic() + _END_S
        while self._running and time.monotonic() < deadline_s:
            time.sleep(0.02)

    def _run(self) -> None:
        while not self._ending.is_set():
            self._wake.clear()
            try:
                left = self._look()
            except (OSError, sqlite3.Error):
                _log.exception("The queue of asynchronous invocations cannot be read.")
                left = True
            self._wake.wait(_LOOK_EVERY_S if left else _IDLE_S)

    def _look(self) -> bool:
        """Begin what there is room for; whether some are left."""
        waiting = self._queue.waiting()
        with self._lock:
            new = [one for one in waiting if one[0] not in self._running]
            busy = Counter(self._running.values())
        rooms: dict[str, int] = {}
        for number, endpoint in new:
            if endpoint not in rooms:
                rooms[endpoint] = self._room(endpoint)
            if busy[endpoint] < rooms[endpoint]:
                busy[endpoint] += 1
                self._begin(number, endpoint)
        return bool(new)

    def _room(self, endpoint: str) -> int:
        """How many invocations the endpoint takes at once; one where it is gone, to say so."""
        keeper = hosts.of(self._cloud).find(endpoint)
        deployment = keeper.fleet.deployment if keeper else None
        if deployment is None or not deployment.asynchronous:
            return 1
        client = deployment.asynchronous.get("ClientConfig", {})
        each = int(client.get("MaxConcurrentInvocationsPerInstance", _AT_ONCE))
        return max(1, each * deployment.instances)

    def _begin(self, number: int, endpoint: str) -> None:
        with self._lock:
            self._running[number] = endpoint
        threading.Thread(
            target=self._work, args=(number,), name=f"asynchronous {number}", daemon=True
        ).start()

    def _work(self, number: int) -> None:
        try:
            found = self._queue.read(number)
            if found is not None:
                self._answer(*found)
                self._queue.remove(number)
        except _NotNowError:
            time.sleep(_LOOK_EVERY_S)
        except (OSError, sqlite3.Error):
            _log.exception("An asynchronous invocation is left in the queue.")
            time.sleep(_LOOK_EVERY_S)
        finally:
            with self._lock:
                del self._running[number]
            self._wake.set()

    def _answer(self, invocation: Invocation, body: bytes) -> None:
        began_s = time.time()
        try:
            response = self._response(invocation, body)
            self._store(invocation.output, response)
        except _FailedError as error:
            self._fail(invocation, str(error))
            return
        self._note(
            invocation,
            "The response from container primary was uploaded to S3. "
            f"TimeInBacklog: {1000 * (began_s - invocation.at_s):.0f}, "
            f"TotalProcessingTime: {1000 * (time.time() - began_s):.0f}",
            "SuccessTopic",
        )

    def _response(self, invocation: Invocation, body: bytes) -> RuntimeResponse:
        """The container's answer."""
        if time.time() > invocation.at_s + invocation.ttl_s:
            raise _FailedError("ClientError: The request expired while it waited in the queue.")
        if self._cloud.store.find(states.KIND, invocation.endpoint) is None:
            raise _FailedError(f"ClientError: Endpoint {invocation.endpoint} was deleted.")
        asked = RuntimeRequest(
            invocation.endpoint,
            invocation.headers,
            self._read(invocation.source) if invocation.source else body,
            invocation.region,
            asynchronous=True,
        )
        try:
            response = sending.send(self._cloud, asked, invocation.timeout_s)
        except ApiError as error:
            if error.status == 503 or "not in service" in error.message:
                raise _NotNowError from error
            raise _FailedError(f"{error.code}: {error.message}") from error
        if response.status != 200:
            if self._ending.is_set():
                raise _NotNowError  # the server was ended under it
            raise _FailedError(json.loads(response.body)["Message"])
        return response

    def _read(self, address: str) -> bytes:
        bucket, key = uri.split(address)
        try:
            if self._cloud.objects.info(bucket, key).size > _MOST_BYTES:
                raise _FailedError(f"ClientError: {address} has more than 1 GB.")
            with self._cloud.objects.open(bucket, key) as file:
                return file.read()
        except (NoSuchBucketError, NoSuchKeyError) as error:
            raise _FailedError(
                f"ClientError: Failed to download the input from {address}: it is not there."
            ) from error

    def _store(self, address: str, response: RuntimeResponse) -> None:
        kind = response.headers.get("Content-Type", "application/octet-stream")
        try:
            self._cloud.objects.put(*uri.split(address), response.body, kind)
        except NoSuchBucketError as error:
            raise _FailedError(
                f"ClientError: Failed to upload the response to {address}: there is no such "
                "bucket; create it first."
            ) from error

    def _fail(self, invocation: Invocation, reason: str) -> None:
        if invocation.failure:
            try:
                where = uri.split(invocation.failure)
                self._cloud.objects.put(*where, reason.encode(), "text/plain")
            except NoSuchBucketError:
                reason += f" (And {invocation.failure} cannot be written: there is no such bucket.)"
        self._note(invocation, reason, "ErrorTopic")

    def _note(self, invocation: Invocation, message: str, topic: str) -> None:
        """Say in the endpoint's log what became of it."""
        document = self._cloud.store.find(states.KIND, invocation.endpoint)
        if document is None:
            return
        lines = [f"[sagemaker logs] [{invocation.inference_id}] {message}"]
        active = Deployment.read(document["_active"]) if document["_active"] else None
        config = (active.asynchronous if active else None) or {"OutputConfig": {}}
        wanted = (config["OutputConfig"].get("NotificationConfig") or {}).get(topic)
        if wanted:
            lines.append(f"[sagemaker logs] The local endpoint sends no notification to {wanted}.")
        at_ms = int(time.time() * 1000)
        group = ENDPOINTS + invocation.endpoint
        self._cloud.logs.put(group, "data-log", [(at_ms, line) for line in lines])


_workers = Singles(AsyncWorker)
of = _workers.of


def resume(cloud: Cloud) -> None:
    """Go on with what an earlier process left in the queue."""
    of(cloud)


def end(cloud: Cloud) -> None:
    """Leave in the queue what is not answered soon."""
    worker = _workers.pop(cloud)
    if worker is not None:
        worker.end()
