"""How a transform job does its work: what the request says, else the container, else AWS."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_test.cloud.operations import Document
from local_test.cloud.transform.joining import Joining
from local_test.cloud.transform.records import MIB

_PAYLOAD_MB = 6
_TIMEOUT_S = 600.0
_RETRIES = 3
_STRATEGIES = {"MULTI_RECORD": "MultiRecord", "SINGLE_RECORD": "SingleRecord"}
_MOST_AT_ONCE = 256


@dataclass(frozen=True)
class Plan:
    """All that is to be known for cutting files, asking, and writing results.

    Attributes:
        max_bytes: of the body of one request; 0 for any number.
        at_once: requests that one instance has at the same time.
        timeout_s: for the answer to one request.
        retries: how often a request is sent again.
        headers: of each request.
    """

    split: str
    strategy: str
    max_bytes: int
    at_once: int
    timeout_s: float
    retries: int
    gzip: bool
    lines: bool
    headers: Mapping[str, str]
    joining: Joining

    @classmethod
    def of(cls, job: Document, offered: Mapping[str, Any]) -> "Plan":
        """The plan of a job whose container's `/execution-parameters` say what is `offered`."""
        given, output = job["TransformInput"], job["TransformOutput"]
        content_type, client = given.get("ContentType", ""), job.get("ModelClientConfig", {})
        headers = {"Content-Type": content_type, "Accept": output.get("Accept", "")}
        offered_strategy = _STRATEGIES.get(str(offered.get("BatchStrategy")), "MultiRecord")
        return cls(
            split=given["SplitType"],
            strategy=job.get("BatchStrategy", offered_strategy),
            max_bytes=MIB * _number(job, offered, "MaxPayloadInMB", _PAYLOAD_MB),
            at_once=_at_once(job, offered),
            timeout_s=client.get("InvocationsTimeoutInSeconds", _TIMEOUT_S),
            retries=client.get("InvocationsMaxRetries", _RETRIES),
            gzip=given["CompressionType"] == "Gzip",
            lines=output["AssembleWith"] == "Line",
            headers={name: value for name, value in headers.items() if value},
            joining=Joining.of(job.get("DataProcessing", {}), content_type),
        )

    def __str__(self) -> str:
        strategy = next(name for name, ours in _STRATEGIES.items() if ours == self.strategy)
        return (
            f"MaxConcurrentTransforms={self.at_once}, MaxPayloadInMB={self.max_bytes // MIB}, "
            f"BatchStrategy={strategy}"
        )


def _at_once(job: Document, offered: Mapping[str, Any]) -> int:
    given = {name: value for name, value in job.items() if value != 0}
    return min(_MOST_AT_ONCE, max(1, _number(given, offered, "MaxConcurrentTransforms", 1)))


def _number(job: Document, offered: Mapping[str, Any], name: str, default: int) -> int:
    if name in job:
        return int(job[name])
    value = offered.get(name, default)
    return value if isinstance(value, int) and value >= 0 else default
