"""`DataProcessing`: the part of a record that the container gets, and what is kept of its answer.

Records are lines of CSV, or JSON: one document, or one for each line.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_test.cloud.transform import json_path
from local_test.cloud.transform.json_path import PathError, Step

CSV = "text/csv"
TYPES = (CSV, "application/json", "application/jsonlines")


class JoinError(Exception):
    """A record or an answer cannot be filtered or joined."""


@dataclass(frozen=True)
class Joining:
    """What is done before and after a request.

    Attributes:
        is_csv: whether records are rows of CSV, else JSON.
        input_filter, output_filter: parsed JSONPaths; empty for all.
        joins: whether the input is put before the answer.
    """

    is_csv: bool = False
    input_filter: Sequence[Step] = ()
    output_filter: Sequence[Step] = ()
    joins: bool = False

    @classmethod
    def of(cls, data_processing: Mapping[str, str], content_type: str) -> "Joining":
        """What a request asks for.

        Raises:
            PathError: a filter is not understood.
        """
        return cls(
            media_type(content_type) == CSV,
            json_path.parse(data_processing.get("InputFilter") or "$"),
            json_path.parse(data_processing.get("OutputFilter") or "$"),
            data_processing.get("JoinSource") == "Input",
        )

    def sent(self, records: list[bytes]) -> list[bytes]:
        """The records as the container gets them.

        Raises:
            JoinError: one cannot be read, or the filter finds nothing in it.
        """
        if not self.input_filter:
            return records
        return [self._write(self._select(self.input_filter, self._read(one))) for one in records]

    def kept(self, records: list[bytes], answer: bytes) -> bytes:
        """What is written for these records, the container having given this answer.

        Raises:
            JoinError: the answer cannot be read, or has not one part for each record.
        """
        if not self.joins and not self.output_filter:
            return answer
        answers = self._parts(answer, len(records))
        lines = (self._kept(*pair) for pair in zip(records, answers, strict=True))
        return b"\n".join(lines)

    def _kept(self, record: bytes, answer: bytes) -> bytes:
        result = self._read(answer)
        if self.joins:
            result = self._join(self._read(record), result)
        return self._write(self._select(self.output_filter, result))

    def _parts(self, answer: bytes, count: int) -> list[bytes]:
        if count == 1 and not self.is_csv:
            return [answer]
        parts = [line for line in answer.split(b"\n") if line.strip()]
        if len(parts) != count:
            raise JoinError(
                f"The container answered {len(parts)} lines for {count} records; a filter or a "
                "join needs a line for each."
            )
        return parts

    def _join(self, record: Any, result: Any) -> Any:
        if self.is_csv:
            return [*record, *result]
        if isinstance(record, dict):
            return record | {"SageMakerOutput": result}
        return {"SageMakerInput": record, "SageMakerOutput": result}

    def _read(self, record: bytes) -> Any:
        try:
            text = record.decode()
            if self.is_csv:
                return next(csv.reader([text.rstrip("\r")]), [])
            return json.loads(text)
        except (ValueError, csv.Error) as error:
            kind = "a row of CSV" if self.is_csv else "JSON"
            raise JoinError(f"{record[:60]!r} is not {kind}.") from error

    def _write(self, value: Any) -> bytes:
        if not self.is_csv:
            return json.dumps(value).encode()
        row = value if isinstance(value, list) else [value]
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(row)
        return text.getvalue().encode()

    @staticmethod
    def _select(steps: Sequence[Step], value: Any) -> Any:
        try:
            return json_path.select(steps, value)
        except PathError as error:
            raise JoinError(str(error)) from error


def media_type(content_type: str) -> str:
    """The type without its parameters, in small letters."""
    return content_type.partition(";")[0].strip().lower()
