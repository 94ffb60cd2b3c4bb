"""From a folder to a data set that can be trained on, or one sentence why not."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imageclf.config import Hyperparameters
from imageclf.data.dataset import DataSet, Item, LeftOut
from imageclf.data.layout import (
    ClassFolder,
    Layout,
    class_folders,
    display_names,
    find_layout,
    loose_files,
)
from imageclf.data.scan import Picture, Unusable, scan
from imageclf.data.split import deal, keep_share
from imageclf.errors import DataError

BLANK_SHARE = 0.9
"""A picture with one colour on more of its area may be a placeholder ("image not found")."""

_BLANKS_ARE_RARE = 0.05
_NAMED_IN_A_SENTENCE = 3

Labelled = tuple[Picture, int]


@dataclass
class _Found:
    """The class folders of each split, and what the scan said of their files."""

    root: Path
    layout: Layout
    classes: dict[str, list[ClassFolder]]
    looked_at: dict[Path, Picture | Unusable]

    @property
    def folders(self) -> tuple[str, ...]:
        return tuple(folder.name for folder in self.classes["train"])

    def pictures(self, split: str) -> list[list[Picture]]:
        """The usable pictures of a split, a list for each class in label order."""
        by_name = {folder.name: folder for folder in self.classes.get(split, [])}
        return [
            [p for path in by_name[name].files if isinstance(p := self.looked_at[path], Picture)]
            if name in by_name
            else []
            for name in self.folders
        ]

    def unusable(self) -> list[Unusable]:
        folders = [folder for split in self.classes.values() for folder in split]
        outside = [
            Unusable(path, "outside", "The link leads out of the data folder; copy what it shows.")
            for folder in folders
            for path in folder.outside
        ]
        return [seen for seen in self.looked_at.values() if isinstance(seen, Unusable)] + outside

    def relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def load_data(root: Path, hyperparameters: Hyperparameters) -> DataSet:
    """Find, check and split the pictures below `root`.

    Raises:
        DataError: the folder is missing, unreadable or empty; there are fewer than two classes; a
            class has no usable picture; validation or test has classes that train lacks; or more
            than `max-bad-share` of the files are unusable.
    """
    found = _find(root, hyperparameters.max_megapixels)
    _check_share(found, hyperparameters.max_bad_share)
    _check_pictures(found)
    splits, sentence = _splits(found, hyperparameters)
    return DataSet(
        classes=display_names(found.folders),
        folders=found.folders,
        train=_items(splits["train"]),
        validation=_items(splits["validation"]),
        test=_items(splits["test"]),
        fingerprint=_fingerprint(found.folders, splits),
        max_megapixels=hyperparameters.max_megapixels,
        split=sentence,
        left_out=_left_out(found),
        warnings=tuple(_warnings(found, splits)),
        figures=_figures([picture for split in splits.values() for picture, _ in split]),
    )


def _find(root: Path, max_megapixels: float) -> _Found:
    layout = find_layout(root)
    folders = layout.splits()
    classes = {
        name: class_folders(folder, within=[root, *folders.values()])
        for name, folder in folders.items()
    }
    _check_classes(layout, classes)
    paths = [p for split in classes.values() for folder in split for p in folder.files]
    seen = scan(paths, max_megapixels=max_megapixels)
    return _Found(root, layout, classes, dict(zip(paths, seen, strict=True)))


def _check_classes(layout: Layout, classes: dict[str, list[ClassFolder]]) -> None:
    known = {folder.name for folder in classes["train"]}
    if len(known) < 2:
        raise DataError(
            f"{layout.train} has {len(known)} class folder(s) ({', '.join(sorted(known)) or 'none'}"
            "); two or more are needed, a folder for each class."
        )
    for split, folders in classes.items():
        strange = [folder.name for folder in folders if folder.name not in known]
        if strange:
            raise DataError(
                f"{layout.splits()[split]} has classes that {layout.train} lacks: "
                f"{_some(strange)}; add training images of them or remove them."
            )


def _check_share(found: _Found, max_bad_share: float) -> None:
    unusable = found.unusable()
    total = len(found.looked_at) + sum(
        len(folder.outside) for split in found.classes.values() for folder in split
    )
    if len(unusable) > max_bad_share * total:
        named = [f"{found.relative(bad.path)} ({bad.reason})" for bad in unusable]
        raise DataError(
            f"{len(unusable)} of {total} files are unusable, more than max-bad-share "
            f"{max_bad_share:g} allows: {_some(named)}; repair or remove them, or raise "
            "max-bad-share."
        )


def _check_pictures(found: _Found) -> None:
    names, per_class = found.folders, found.pictures("train")
    empty = [name for name, pictures in zip(names, per_class, strict=True) if not pictures]
    if empty:
        raise DataError(
            f"{found.layout.train} has no usable image for {_some(empty)}; add images or remove "
            "the folder."
        )
    for split, folder in found.layout.splits().items():
        if not any(found.pictures(split)):
            raise DataError(f"{folder} holds no usable image; add images or remove the folder.")
    if found.layout.validation is None and all(len(pictures) == 1 for pictures in per_class):
        raise DataError(
            f"{found.layout.train} has one image a class, so none is left for validation; add "
            "images or a validation folder."
        )


def _splits(found: _Found, settings: Hyperparameters) -> tuple[dict[str, list[Labelled]], str]:
    per_split = {split: found.pictures(split) for split in ("train", "validation", "test")}
    words = [f"{' and '.join(found.layout.splits())} folders as given"]
    if found.layout.validation is None:
        test_share = settings.test_split if found.layout.single else 0.0
        _split_off(found.folders, per_split, test_share, settings)
        words = [f"{settings.validation_split:.3g} of each class split off for validation"]
        words += [f"{test_share:.3g} for test"] if test_share else []
        words += [f"by seed {settings.seed}"]
    if settings.data_fraction < 1:
        _thin_out(found.folders, per_split, settings)
        words += [f"{settings.data_fraction:.3g} of each class's training images used"]
    labelled = {
        split: [(picture, label) for label, pictures in enumerate(classes) for picture in pictures]
        for split, classes in per_split.items()
    }
    return labelled, ", ".join(words)


def _split_off(
    names: Sequence[str],
    per_split: dict[str, list[list[Picture]]],
    test_share: float,
    settings: Hyperparameters,
) -> None:
    for label, name in enumerate(names):
        pictures = per_split["train"][label]
        train, validation, test = deal(
            pictures,
            [picture.digest for picture in pictures],
            validation_share=settings.validation_split,
            test_share=test_share,
            seed=settings.seed,
            name=name,
        )
        per_split["train"][label] = train
        per_split["validation"][label] = validation
        if test_share:
            per_split["test"][label] = test


def _thin_out(
    names: Sequence[str], per_split: dict[str, list[list[Picture]]], settings: Hyperparameters
) -> None:
    per_split["train"] = [
        keep_share(pictures, settings.data_fraction, seed=settings.seed, name=name)
        for name, pictures in zip(names, per_split["train"], strict=True)
    ]


def _items(labelled: Iterable[Labelled]) -> tuple[Item, ...]:
    return tuple(Item(picture.path, label) for picture, label in labelled)


def _left_out(found: _Found) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(found.relative(bad.path), bad.reason, bad.detail) for bad in found.unusable()
    )


def _fingerprint(names: Sequence[str], splits: dict[str, list[Labelled]]) -> str:
    digest = hashlib.sha256("\0".join(names).encode(errors="surrogateescape"))
    for split, labelled in splits.items():
        digest.update(f"\n{split}".encode())
        for picture, label in labelled:
            digest.update(f"\n{label} {picture.digest}".encode())
    return digest.hexdigest()


def _warnings(found: _Found, splits: dict[str, list[Labelled]]) -> Iterable[str]:
    labels: dict[str, set[int]] = defaultdict(set)
    for picture, label in (labelled for split in splits.values() for labelled in split):
        labels[picture.digest].add(label)
    trained_on = {picture.digest for picture, _ in splits["train"]}
    for split in ("validation", "test"):
        copies = sum(picture.digest in trained_on for picture, _ in splits[split])
        if copies:
            yield f"{copies} {split} images are copies of training images; its figures flatter."
    ambiguous = sum(len(found_in) > 1 for found_in in labels.values())
    if ambiguous:
        yield f"{ambiguous} images stand in more than one class, with the same content."
    for split in ("validation", "test"):
        present = {label for _, label in splits[split]}
        lacking = [name for label, name in enumerate(found.folders) if label not in present]
        if present and lacking:
            yield f"{split} has no image of {_some(lacking)}."
    yield from _blank_warning(found, splits)
    loose = [path for folder in found.layout.splits().values() for path in loose_files(folder)]
    if loose:
        yield f"{_some([found.relative(path) for path in loose])} in no class folder, not used."
    if found.layout.unused:
        yield f"{_some([path.name for path in found.layout.unused])} beside train, not used."


def _blank_warning(found: _Found, splits: dict[str, list[Labelled]]) -> Iterable[str]:
    pictures = [picture for split in splits.values() for picture, _ in split]
    blank = [p for p in pictures if p.share_of_one_colour > BLANK_SHARE]
    if 0 < len(blank) <= max(1, _BLANKS_ARE_RARE * len(pictures)):
        named = _some([found.relative(picture.path) for picture in blank])
        yield f"{named} almost of one colour, perhaps a placeholder; look at it, it is used as is."


def _figures(pictures: Sequence[Picture]) -> dict[str, Any]:
    megapixels = [round(picture.width * picture.height / 1e6, 4) for picture in pictures]
    return {
        "sizes": {
            "width": _spread([picture.width for picture in pictures]),
            "height": _spread([picture.height for picture in pictures]),
            "megapixels": _spread(megapixels),
        },
        "bytes": sum(picture.bytes for picture in pictures),
        "formats": dict(Counter(picture.format for picture in pictures).most_common()),
        "modes": dict(Counter(picture.mode for picture in pictures).most_common()),
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {"min": ordered[0], "p50": ordered[len(ordered) // 2], "max": ordered[-1]}


def _some(names: Sequence[str]) -> str:
    """The first few of `names`, and how many more."""
    shown = ", ".join(names[:_NAMED_IN_A_SENTENCE])
    more = len(names) - _NAMED_IN_A_SENTENCE
    return f"{shown} and {more} more" if more > 0 else shown
