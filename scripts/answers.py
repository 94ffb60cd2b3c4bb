"""The answers of a batch transform: fetched from S3, summed up, written as CSV."""

import csv
import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imageclf.errors import EndpointError, SettingsError
from scripts import endpoints, s3

_SUFFIX = ".out"
_THREADS = 16
_NO_ANSWER = "(no answer)"


@dataclass(frozen=True)
class Row:
    """The most probable class of a picture; `label` is None where there is no answer."""

    file: str
    label: str | None = None
    probability: float = 0.0


def fetch(client: Any, input_uri: str, output_uri: str) -> list[Row]:
    """A row for each picture below `input_uri`, read from `<picture>.out` below `output_uri`."""
    _, prefix = s3.split(input_uri)
    bucket, folder = s3.split(output_uri.rstrip("/") + "/")
    asked = [key.removeprefix(prefix) for key, size in s3.sizes(client, input_uri) if size]
    there = {key.removeprefix(folder) for key, _ in s3.sizes(client, f"s3://{bucket}/{folder}")}

    def row(file: str) -> Row:
        if file + _SUFFIX not in there:
            return Row(file)
        return _row(file, s3.read(client, bucket, folder + file + _SUFFIX))

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(row, asked))


def summary(rows: Sequence[Row]) -> list[list[str]]:
    """Each class, the most frequent first, with its pictures and their mean probability."""
    of_label: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        of_label[_NO_ANSWER if row.label is None else row.label].append(row.probability)
    ranked = sorted(of_label.items(), key=lambda item: (-len(item[1]), item[0]))
    told = [
        [label, str(len(found)), "" if label == _NO_ANSWER else f"{sum(found) / len(found):.4f}"]
        for label, found in ranked
    ]
    return [["class", "pictures", "mean probability"], *told, ["all", str(len(rows)), ""]]


def write(file: Path, rows: Sequence[Row]) -> None:
    """Write `file,class,probability`, whole or not at all; class is empty without an answer.

    Raises:
        SettingsError: it cannot be written.
    """
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", newline="", encoding="utf-8") as target:
            writer = csv.writer(target, lineterminator="\n")
            writer.writerow(["file", "class", "probability"])
            writer.writerows(_cells(row) for row in rows)
        part.replace(file)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise SettingsError(
            f"{file} cannot be written ({error.strerror}); name another file with --out."
        ) from error


def _cells(row: Row) -> list[str]:
    if row.label is None:
        return [row.file, "", ""]
    return [row.file, row.label, f"{row.probability:.6f}"]


def _row(file: str, content: bytes) -> Row:
    try:
        found = endpoints.predictions(content)
    except EndpointError:
        return Row(file)
    return Row(file, *found[0]) if found else Row(file)
