"""Sees to one transform job: serves the model, asks it about every object, stores the results."""

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Semaphore

from local_test.cloud import logs
from local_test.cloud.errors import ApiError
from local_test.cloud.hosting import containers, models
from local_test.cloud.job_run import JobFailedError, Run, StoppedError
from local_test.cloud.machines import images, slots
from local_test.cloud.transform import inputs
from local_test.cloud.transform.file_work import Desk, FileFailedError, transform
from local_test.cloud.transform.inputs import Input, InputError
from local_test.cloud.transform.model_server import ModelServer
from local_test.cloud.transform.plan import Plan

_LOOK_EVERY_S = 0.05
_SEE_LOGS = "See job logs for more information"


def work(run: Run) -> None:
    """Do the job.

    Raises:
        JobFailedError, StoppedError, UnusableImageError: how it ended, if not well.
        OSError: the disk is full, or no process can be started.
    """
    settings = run.cloud.settings
    count = run.job["TransformResources"]["InstanceCount"]
    folder = run.cloud.store.folder(run.kind.resource, run.name)
    try:
        found = inputs.find(
            run.cloud.objects, run.job["TransformInput"]["DataSource"]["S3DataSource"]
        )
        with slots.taken(
            settings.root,
            count,
            settings.slots,
            since_s=run.job["CreationTime"],
            is_over=run.is_over,
        ):
            _on_instances(run, folder, found, count)
    except InputError as error:
        raise JobFailedError(str(error)) from error
    except slots.GivenUpError as error:
        raise StoppedError from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _on_instances(run: Run, folder: Path, found: Sequence[Input], count: int) -> None:
    """Share the objects among the instances; each has every `count`th."""
    try:
        model = containers.of_model(run.cloud, models.described(run.cloud, run.job["ModelName"]))
    except ApiError as error:
        raise JobFailedError(f"ClientError: {error.message}") from error
    images.check(run.cloud.settings, model.image)
    with ExitStack() as stack:
        servers = []
        for _ in range(count):
            servers.append(ModelServer(run, model, folder))
            stack.callback(servers[-1].close)
        for server in servers:
            server.wait_ready()
        run.change(TransformStartTime=time.time())
        with ThreadPoolExecutor(count) as executor:
            shares = [
                executor.submit(_share, run, server, found[number::count])
                for number, server in enumerate(servers)
            ]
            while wait(shares, _LOOK_EVERY_S).not_done:
                if run.is_over():
                    stack.close()  # else a stop would wait for answers
    run.check()
    if failures := [failure for share in shares for failure in share.result()]:
        raise JobFailedError(_summary(failures))


def _share(run: Run, server: ModelServer, found: Sequence[Input]) -> list[str]:
    """Transform the objects of one instance; what became of those that failed."""
    plan = Plan.of(run.job, server.parameters())
    log = partial(_log, run, f"{run.name}/{server.id}/data-log")
    log(str(plan))
    target = run.job["TransformOutput"]["S3OutputPath"]
    # Threads that read files and threads that ask: were they the same, all could read and none ask.
    with ThreadPoolExecutor(plan.at_once) as asking, ThreadPoolExecutor(plan.at_once) as reading:
        desk = Desk(partial(server.ask, plan), asking, Semaphore(plan.at_once), server.folder)
        work = [
            (one, reading.submit(transform, run.cloud.objects, desk, plan, one, target))
            for one in found
        ]
        failures = list(_failures(work))
    for one, failure in failures:
        log(f"{one.bucket}/{one.key}: {failure}")
    return [f"{failure} ({one.uri})" for one, failure in failures]


def _failures(work: Sequence[tuple[Input, "Future[None]"]]) -> Iterator[tuple[Input, str]]:
    for one, future in work:
        try:
            future.result()
        except FileFailedError as error:
            yield one, str(error)
        except BaseException:
            for _, other in work:
                other.cancel()
            raise


def _summary(failures: Sequence[str]) -> str:
    whose, _, first = failures[0].partition(": ")
    more = f" and {len(failures) - 1} more" if len(failures) > 1 else ""
    return f"{whose}: {_SEE_LOGS}. {first}{more}"


def _log(run: Run, stream: str, message: str) -> None:
    at_ms = int(time.time() * 1000)
    run.cloud.logs.put(logs.TRANSFORM_JOBS, stream, [(at_ms, f"[sagemaker logs]: {message}")])
