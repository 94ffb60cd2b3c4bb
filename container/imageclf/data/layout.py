"""Where the pictures are: split folders, class folders, and the files in them.

Accepted below a root (a user's folder, or SageMaker's `input/data` with its channels):

- `train/`, optional `valid/` (`val/`, `validation/`), optional `test/`, a folder per class in each;
- a single folder of classes;
- either of them below one single sub-folder or channel.

Links: the split folders themselves may be links (a channel that is mounted by a link); what is
below them may not lead outside.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from imageclf.errors import DataError

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "valid": "validation",
    "val": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""Folder names, in lower case, and the split they stand for."""

_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}  # and every name that begins with a dot


@dataclass(frozen=True)
class Layout:
    """Split folders below a data folder.

    `train` is the folder of classes; `single` says that it is the only one, from which every
    other split is taken. `unused` are folders beside the splits that stand for no split.
    """

    train: Path
    validation: Path | None = None
    test: Path | None = None
    single: bool = False
    unused: tuple[Path, ...] = ()

    def splits(self) -> dict[str, Path]:
        """The split folders that are there, by name."""
        folders = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: folder for name, folder in folders.items() if folder is not None}


@dataclass
class ClassFolder:
    """The files of one class in one split; `outside` are links that lead out of the data."""

    name: str
    files: list[Path] = field(default_factory=list)
    outside: list[Path] = field(default_factory=list)


def find_layout(root: Path, ignore: Collection[str] = ("pretrained",)) -> Layout:
    """Find the split folders at or below `root`; direct children named in `ignore` are no data.

    Raises:
        DataError: `root` is missing, unreadable, empty or holds no folder of classes.
    """
    folder = root
    children = [child for child in sub_folders(root) if child.name not in ignore]
    while True:
        layout = _splits_of(children)
        if layout is None and len(children) != 1:
            break
        inner = children[0] if layout is None else layout.train
        inner_children = sub_folders(inner)
        if layout is not None and not (len(children) == 1 and _has_train(inner_children)):
            return layout
        if not inner_children:
            break
        folder, children = inner, inner_children
    if not children:
        raise DataError(
            f"{folder} {_what_it_holds(folder)}; give a folder with one for each class."
        )
    return Layout(train=folder, single=True)


def class_folders(split: Path, within: Iterable[Path]) -> list[ClassFolder]:
    """The classes of a split folder, natural-sorted, with all their files, sub-folders included.

    Links are followed as long as they stay below one of `within`.
    """
    roots = tuple(folder.resolve() for folder in within)
    return [_class_folder(folder, roots) for folder in sub_folders(split)]


def sub_folders(folder: Path) -> list[Path]:
    """Visible folders in `folder`, natural-sorted.

    Raises:
        DataError: `folder` is missing, no folder or unreadable.
    """
    return [child for child in _visible(folder) if child.is_dir()]


def loose_files(folder: Path) -> list[Path]:
    """Visible files that lie in a split folder beside the class folders."""
    return [child for child in _visible(folder) if not child.is_dir()]


def display_names(folders: Iterable[str]) -> tuple[str, ...]:
    """How classes are shown: `005.Alaskan_malamute` is "Alaskan malamute".

    Where two would look alike, they keep their folders' names.
    """
    folders = tuple(folders)
    shown = [re.sub(r"^\d+\.\s*", "", name).replace("_", " ").strip() or name for name in folders]
    distinct = tuple(
        folder if shown.count(name) > 1 else name
        for folder, name in zip(folders, shown, strict=True)
    )
    return distinct if len(set(distinct)) == len(folders) else folders


def natural_key(text: str) -> tuple[list[tuple[int, str]], str]:
    """Sort key that puts `2` before `10`."""
    parts = re.split(r"(\d+)", text.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], text


def _splits_of(children: list[Path]) -> Layout | None:
    """The layout of `children` if they are split folders, None if they are something else."""
    named: dict[str, list[Path]] = {}
    others = []
    for child in children:
        split = SPLIT_NAMES.get(child.name.lower())
        if split is None:
            others.append(child)
        else:
            named.setdefault(split, []).append(child)
    if named and "train" not in named and not others:
        raise DataError(
            f"{children[0].parent} has {', '.join(child.name for child in children)} but no train "
            "folder; add one with a folder for each class."
        )
    if "train" not in named or (others and not any(sub_folders(f) for f in named["train"])):
        return None
    for split, folders in named.items():
        if len(folders) > 1:
            names = " and ".join(folder.name for folder in folders)
            raise DataError(f"{folders[0].parent} has {names}, both for {split}; keep one of them.")
    found = {split: folders[0] for split, folders in named.items()}
    return Layout(
        found["train"],
        found.get("validation"),
        found.get("test"),
        single=len(found) == 1,
        unused=tuple(others),
    )


def _has_train(children: list[Path]) -> bool:
    return any(SPLIT_NAMES.get(child.name.lower()) == "train" for child in children)


def _class_folder(folder: Path, roots: tuple[Path, ...]) -> ClassFolder:
    found = ClassFolder(folder.name)
    seen: set[Path] = set()
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        target = current.resolve()
        if not _is_below(target, roots):
            found.outside.append(current)
        elif target not in seen and current.is_dir():
            seen.add(target)
            waiting.extend(reversed(_visible(current)))
        elif not current.is_dir():
            found.files.append(current)
    return found


def _is_below(path: Path, roots: tuple[Path, ...]) -> bool:
    return any(path.is_relative_to(root) for root in roots)


def _visible(folder: Path) -> list[Path]:
    try:
        names = [child.name for child in folder.iterdir()]
    except FileNotFoundError as error:
        raise DataError(f"{folder} does not exist; give the folder of the pictures.") from error
    except OSError as error:
        raise DataError(
            f"{folder} cannot be read ({error.strerror}); give a readable folder of pictures."
        ) from error
    return [folder / name for name in sorted(_without_clutter(names), key=natural_key)]


def _without_clutter(names: Iterable[str]) -> Iterator[str]:
    return (n for n in names if not n.startswith(".") and n.lower() not in _CLUTTER)


def _what_it_holds(folder: Path) -> str:
    return "holds files but no class folders" if loose_files(folder) else "is empty"
