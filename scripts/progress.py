"""Watching what runs in the account: its state, what it says on the way, its logs.

The SDK looks every 30 s; here a look is as frequent as the place can bear. Ctrl-C ends the
watching, never the job.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

Description = Mapping[str, Any]

_EVENTS_A_CALL = 10_000


@dataclass
class LogTail:
    """The lines that came since the last look, of all streams whose names begin with `prefix`.

    Args:
        logs: a boto3 client of CloudWatch Logs.
        group: the log group, such as /aws/sagemaker/TrainingJobs.
        prefix: of the streams: the job's name and a slash.
    """

    logs: Any
    group: str
    prefix: str = ""
    _tokens: dict[str, str | None] = field(default_factory=dict)

    def read(self) -> Iterator[tuple[str, str]]:
        """Pairs of the stream's last part (`algo-1`) and a line; nothing before there are logs."""
        for stream in self._streams():
            yield from ((_host(stream), line) for line in self._lines(stream))

    def _streams(self) -> list[str]:
        request = {"logGroupName": self.group}
        if self.prefix:
            request["logStreamNamePrefix"] = self.prefix
        pages = self.logs.get_paginator("describe_log_streams").paginate(**request)
        try:
            return sorted(
                stream["logStreamName"] for page in pages for stream in page["logStreams"]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return []
            raise

    def _lines(self, stream: str) -> Iterator[str]:
        """What is new; the service gives the same token back when there is no more."""
        while True:
            token = self._tokens.get(stream)
            reply = self.logs.get_log_events(
                logGroupName=self.group,
                logStreamName=stream,
                startFromHead=True,
                limit=_EVENTS_A_CALL,
                **({"nextToken": token} if token else {}),
            )
            yield from (str(event["message"]).rstrip("\n") for event in reply["events"])
            self._tokens[stream] = reply["nextForwardToken"]
            if reply["nextForwardToken"] == token or not reply["events"]:
                return


def watch(
    describe: Callable[[], Description],
    is_over: Callable[[Description], bool],
    look: Callable[[Description], None],
    poll_s: float,
    pause: Callable[[float], None] = time.sleep,
) -> Description:
    """Describe every `poll_s` seconds and hand each description to `look`; the last one."""
    while True:
        seen = describe()
        look(seen)
        if is_over(seen):
            return seen
        pause(poll_s)


def status_is_over(status: str) -> Callable[[Description], bool]:
    """Whether the field `status` is one of those that a job ends in."""
    return lambda seen: seen[status] in {"Completed", "Failed", "Stopped"}


@dataclass
class Steps:
    """Says each new entry of a job's SecondaryStatusTransitions, once."""

    say: Callable[[str], None]
    _said: set[tuple[str, Any]] = field(default_factory=set)

    def __call__(self, seen: Description) -> None:
        """Look at a description of a training job."""
        for step in seen.get("SecondaryStatusTransitions", []):
            key = (step["Status"], step["StartTime"])
            if key not in self._said:
                self._said.add(key)
                message = step.get("StatusMessage", "")
                self.say(f"[{step['StartTime']:%H:%M:%S}] {step['Status']}: {message}".rstrip(": "))


def _host(stream: str) -> str:
    """`algo-1` of `job/algo-1-1700000000`."""
    last = stream.rpartition("/")[2]
    front, _, stamp = last.rpartition("-")
    return front if front and stamp.isdecimal() and len(stamp) > 8 else last
