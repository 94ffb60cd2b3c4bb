"""One attempt at a training job: data, instances, their end, and what is carried to S3."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from imageclf.contract import Tree
from local_test.cloud.cloud import Cloud
from local_test.cloud.machines.machine import UnusableImageError
from local_test.cloud.machines.ports import free_port
from local_test.cloud.machines.start import host_names
from local_test.cloud.operations import Document
from local_test.cloud.training import (
    artifacts,
    channels,
    confined,
    input_files,
    instances,
    profiling,
    readings,
    rules,
    transitions,
)
from local_test.cloud.training.evaluation import Evaluations
from local_test.cloud.training.faults import FAULTS, explain
from local_test.cloud.training.instances import Instances
from local_test.cloud.training.mirror import Mirror
from local_test.cloud.training.transitions import KIND
from local_test.cloud.training.watch import Watch, Why

_FLUSH_EVERY_S = 0.5
_END_OF_TENSORS = "training_job_end.ts"  # smdebug's name
_MEETING_PORT = "MASTER_PORT"  # torchrun's, and the image's


class JobFailedError(Exception):
    """The job is to be Failed; the message is its FailureReason."""


class Attempt:
    """The instances of a job from their start to their end; a spot job has several attempts."""

    def __init__(self, cloud: Cloud, job: Document, watch: Watch) -> None:
        self._cloud = cloud
        self._job = job
        self._name: str = job["TrainingJobName"]
        self._watch = watch
        self._folder = cloud.store.folder(KIND, self._name)
        self._instances = Instances(cloud.settings.stop_grace_s)
        self._mirrors: list[Mirror] = []
        self._carried: set[Path] = set()
        self._flushed_s = time.monotonic()
        self._readings = readings.Readings.of(
            job["AlgorithmSpecification"].get("MetricDefinitions", ())
        )
        try:
            count = job["ResourceConfig"]["InstanceCount"]
            image = job["AlgorithmSpecification"]["TrainingImage"]
            self._hosts = host_names(cloud.settings, image, count)
        except UnusableImageError as error:
            raise JobFailedError(f"ClientError: {error}") from error
        self._profiling = profiling.Profiling(
            job, self._trees, self._hosts, self._folder / "profile"
        )
        watched = {
            rules.DEBUGGER: input_files.tensors(self._trees[0], job),
            rules.PROFILER: self._profiling.folder,
        }
        self._rules = Evaluations(cloud, job, self._folder / "rules", watched)

    def run(self) -> Why:
        """Bring the data, run the program, keep the checkpoints; why it ended.

        Raises:
            JobFailedError: the data cannot be had, or the program cannot be started or failed.
        """
        self._prepare()
        why = self._watch.why()
        if why is not None:
            return why
        try:
            self._start()
            why = self._instances.follow(self._watch.why, self._tick)
        except (UnusableImageError, OSError) as error:
            raise JobFailedError(f"ClientError: The job cannot be started: {error}") from error
        finally:
            self._instances.close()
            self._flush()
            self._profiling.end(for_good=why is not Why.INTERRUPTED)
            if why is not Why.INTERRUPTED:
                self._mark_end()
            self._carry_the_last()
        failure = self._instances.failure() if why is Why.ENDED else None
        if failure is not None:
            raise JobFailedError(failure + self._keep_output())
        return why

    def upload(self) -> None:
        """Put model and output into S3.

        Raises:
            JobFailedError: the bucket is not there, or the disk is full.
        """
        models = confined.folders(self._trees, "model")
        try:
            if models:
                artifacts.upload_model(self._cloud, self._job, models)
            self._upload_output()
        except FAULTS as error:
            raise JobFailedError(
                f"ClientError: Artifact upload failed: {explain(error)}"
            ) from error

    def end_rules(self, why: Why | None) -> None:
        """Let the rules come to their end, or anew with the next attempt where there is one."""
        if why is Why.INTERRUPTED:
            self._rules.abandon()
        elif why in {None, Why.ENDED}:
            self._rules.finish(lambda: self._watch.why() is None)
        else:
            self._rules.finish(lambda: False)

    @property
    def _trees(self) -> list[Tree]:
        count = self._job["ResourceConfig"]["InstanceCount"]
        return [Tree(self._folder / f"algo-{number}" / "ml") for number in range(1, count + 1)]

    def _keep_output(self) -> str:
        """Upload what a failed job wrote; what is said of it where that does not go."""
        try:
            self._upload_output()
        except FAULTS as error:
            return f" (its output could not be uploaded: {explain(error)})"
        return ""

    def _upload_output(self) -> None:
        outputs = confined.folders(self._trees, "output/data")
        if outputs:
            artifacts.upload_output(self._cloud, self._job, outputs)

    def _prepare(self) -> None:
        inputs = input_files.inputs(self._job)
        if inputs:
            self._proceed("Downloading")
        try:
            for number, (tree, host) in enumerate(zip(self._trees, self._hosts, strict=True)):
                input_files.write(tree, self._job, host, self._hosts)
                for channel in inputs:
                    self._fetch(channel, tree, number)
                self._mirror(tree)
        except channels.ChannelError as error:
            raise JobFailedError(str(error)) from error
        except FAULTS as error:
            raise JobFailedError(f"ClientError: Data download failed: {explain(error)}") from error

    def _fetch(self, channel: Mapping[str, Any], tree: Tree, number: int) -> None:
        channels.fetch(
            self._cloud,
            channel["DataSource"]["S3DataSource"],
            tree.channel(channel["ChannelName"]),
            shard=number,
            shards=len(self._hosts),
            compressed=channel.get("CompressionType") == "Gzip",
            go_on=lambda: self._watch.why() is None,
        )

    def _mirror(self, tree: Tree) -> None:
        """Bring the checkpoints, and remember what is to be carried to S3 from now on."""
        if configuration := self._job.get("CheckpointConfig"):
            folder = input_files.checkpoints(tree, self._job)
            checkpoints = Mirror(
                self._cloud, configuration["S3Uri"], folder, tree.root, deletes=True
            )
            checkpoints.restore()
            self._mirrors.append(checkpoints)
        self._carry(tree, self._job)

    def _carry(self, tree: Tree, job: Document) -> list[Mirror]:
        """Remember the folders that are to be carried and were not so far."""
        more = []
        for folder, address in input_files.carried(tree, job):
            if folder not in self._carried:
                self._carried.add(folder)
                more.append(Mirror(self._cloud, address, folder, tree.root))
        self._mirrors += more
        return more

    def _start(self) -> None:
        self._proceed("Training")
        self._watch.train()
        environment = self._environment()
        for number, host in enumerate(self._hosts, start=1):
            made = instances.container(
                self._job,
                host,
                self._hosts,
                self._folder / f"algo-{number}",
                environment,
            )
            stream = f"{self._name}/algo-{number}-{int(self._job['CreationTime'] * 1000)}"
            self._instances.start(self._cloud, made, stream, self._readings.read)
        job = self._described()
        self._profiling.begin(job)
        self._rules.start(job)
        for kept in self._mirrors:
            kept.start()

    def _environment(self) -> dict[str, str]:
        # All hosts are on one network here, so two jobs must not meet at the same port.
        meeting = {_MEETING_PORT: str(free_port())} if len(self._hosts) > 1 else {}
        platform = {
            "TRAINING_JOB_NAME": self._name,
            "TRAINING_JOB_ARN": self._job["TrainingJobArn"],
        }
        return {**meeting, **self._job.get("Environment", {}), **platform}

    def _carry_the_last(self) -> None:
        try:
            for kept in self._mirrors:
                kept.stop()
        except FAULTS as error:
            raise JobFailedError(
                f"ClientError: Upload of checkpoints or tensors failed: {explain(error)}"
            ) from error

    def _proceed(self, secondary: str) -> None:
        self._cloud.store.change(KIND, self._name, lambda job: transitions.proceed(job, secondary))

    def _tick(self) -> None:
        if time.monotonic() - self._flushed_s > _FLUSH_EVERY_S:
            self._flush()
            self._follow_changes(self._described())
            self._rules.look()

    def _follow_changes(self, job: Document) -> None:
        """What UpdateTrainingJob asked for meanwhile."""
        self._profiling.look(job)
        self._rules.start(job)
        if job.get("ProfilingStatus") == "Disabled" and "S3OutputPath" in job["ProfilerConfig"]:
            self._rules.leave(rules.PROFILER)
        for tree in self._trees:
            for kept in self._carry(tree, job):
                input_files.profile(tree, job).mkdir(parents=True, exist_ok=True)
                kept.start()

    def _described(self) -> Document:
        return self._cloud.store.find(KIND, self._name) or self._job

    def _mark_end(self) -> None:
        """Nothing more is saved: say so where the tensors lie, if the job has not said it."""
        tree = self._trees[0]
        path = input_files.tensors(tree, self._job) / _END_OF_TENSORS
        if rules.DEBUGGER.configurations in self._job and confined.is_inside(path, tree.root):
            with suppress(OSError):  # it is there, or the disk is full
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))

    def _flush(self) -> None:
        self._flushed_s = time.monotonic()
        fresh = self._readings.take()
        if not fresh:
            return
        self._cloud.store.change(KIND, self._name, lambda job: readings.note(job, fresh))
        readings.publish(self._cloud.metrics, self._name, fresh)
