"""Which collections a tensor is in, from the files that each worker's hook wrote.

A run without such a file gets the usual collections, by the names that hooks give to tensors.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from imageclf.debugger import names
from imageclf.debugger.tensors.folder import Folder
from imageclf.errors import TensorsError

FOLDER = "collections"

_MAX_BYTES = 64 << 20
_FILE = re.compile(r"(.+_)?collections\.json")
_INDEX_SUFFIX = re.compile(r":\d+$")


@dataclass(frozen=True)
class Collection:
    """The tensors that are named, and those whose names one of the patterns finds."""

    name: str
    tensor_names: frozenset[str] = frozenset()
    include_regex: tuple[str, ...] = ()

    def holds(self, tensor: str) -> bool:
        return tensor in self._plain_names or any(each.search(tensor) for each in self._patterns)

    @cached_property
    def _plain_names(self) -> frozenset[str]:
        """A statistic's name has lost the `:0` at the end of TensorFlow's names."""
        return self.tensor_names | {_INDEX_SUFFIX.sub("", name) for name in self.tensor_names}

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(_compiled(self.include_regex))


USUAL: Mapping[str, Collection] = {
    name: Collection(name, include_regex=(pattern,))
    for name, pattern in {
        names.WEIGHTS: r"^(?!gradient).*(weight|kernel)",
        names.BIASES: r"^(?!gradient).*(bias|beta)",
        names.GRADIENTS: r"^gradient",
        names.LOSSES: r"(?i)^(?!gradient).*loss(?!.*(weight|bias|input))",
        names.RELU_OUTPUT: r"(?i)relu_output",
        names.RELU_INPUT: r"(?i)relu_input",
        names.SATURATING_INPUT: r"(?i)(tanh|sigmoid)_input",
        names.LABELS: r"^labels$",
        names.PREDICTIONS: r"^predictions$",
    }.items()
}
"""What a hook's collections hold, where its file is missing."""


class Collections:
    """The collections of a run in `folder`, read anew when a file changed."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._seen: dict[str, tuple[int, int, int]] = {}
        self._of: dict[str, frozenset[str]] = {}
        self.by_name: Mapping[str, Collection] = USUAL
        self.workers = 0
        """How many workers the files speak of; 0 without a file."""
        self.faults: tuple[str, ...] = ()

    def refresh(self) -> None:
        """Look for new and changed files."""
        seen = dict(_files(self._folder))
        if seen == self._seen:
            return
        self._seen, self._of = seen, {}
        self.by_name, self.workers, self.faults = self._read(sorted(seen))

    def of(self, tensor: str) -> frozenset[str]:
        """The names of the collections that `tensor` is in."""
        if tensor not in self._of:
            inside = (name for name, each in self.by_name.items() if each.holds(tensor))
            self._of[tensor] = frozenset(inside)
        return self._of[tensor]

    def _read(self, paths: Iterable[str]) -> tuple[dict[str, Collection], int, tuple[str, ...]]:
        found: dict[str, Collection] = {}
        workers, faults = 0, []
        for path in paths:
            try:
                content = json.loads(self._folder.read(path, _MAX_BYTES))
                told = dict(_parsed(content))
            except (ValueError, RecursionError):
                faults.append(f"{path} is not a whole file of collections and was left out.")
                continue
            except TensorsError as error:
                faults.append(str(error))
                continue
            workers = max(workers, 1, _workers(content))
            found = {name: _merged(found.get(name), told.get(name)) for name in {**found, **told}}
        return found or dict(USUAL), workers, tuple(faults)


def _files(folder: Folder) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Each file of collections, and what changes when it does."""
    for step in _scan(folder, FOLDER):
        if step.is_dir(follow_symlinks=False):
            for entry in _scan(folder, f"{FOLDER}/{step.name}"):
                if _FILE.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    changes = (status.st_ino, status.st_mtime_ns, status.st_size)
                    yield f"{FOLDER}/{step.name}/{entry.name}", changes


def _scan(folder: Folder, name: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder.path / name) as entries:
            return list(entries)
    except OSError:
        return []


def _parsed(content: object) -> Iterator[tuple[str, Collection]]:
    if not isinstance(content, dict) or not isinstance(content.get("collections"), dict):
        raise ValueError("no collections")
    for name, told in content["collections"].items():
        if isinstance(told, dict):
            tensors = frozenset(_texts(told.get("tensor_names")))
            yield name, Collection(name, tensors, tuple(_texts(told.get("include_regex"))))


def _texts(told: object) -> list[str]:
    return [each for each in told if isinstance(each, str)] if isinstance(told, list) else []


def _workers(content: Mapping[str, Any]) -> int:
    meta = content.get("_meta")
    told = meta.get("num_workers") if isinstance(meta, dict) else None
    return told if isinstance(told, int) and 0 < told <= 10_000 else 1


def _merged(one: Collection | None, other: Collection | None) -> Collection:
    if one is None or other is None:
        both = one or other
        assert both is not None
        return both
    patterns = dict.fromkeys([*one.include_regex, *other.include_regex])
    return Collection(one.name, one.tensor_names | other.tensor_names, tuple(patterns))


def _compiled(patterns: Iterable[str]) -> Iterator[re.Pattern[str]]:
    for pattern in patterns:
        try:
            yield re.compile(pattern)
        except re.error:
            continue
