"""Writes the files of a training run as training does, for reports to be made of."""

import base64
import io
import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

BREEDS = ("hound", "terrier", "spaniel", "retriever", "collie", "mastiff", "pointer")


def class_names(count: int) -> list[str]:
    if count == 2:
        return ["ants", "bees"]
    return [f"{BREEDS[i % len(BREEDS)].title()} of county {i // len(BREEDS)}" for i in range(count)]


def write_run(
    folder: Path,
    classes: Sequence[str] = ("ants", "bees"),
    *,
    epochs: int = 10,
    mistakes: int = 8,
    split: str = "validation",
    images_per_class: int = 40,
    **summary: Any,
) -> Path:
    """A completed run in `folder`; further arguments replace fields of summary.json."""
    chance = random.Random(7)
    folder.mkdir(parents=True, exist_ok=True)
    history = [_epoch(number, epochs, chance) for number in range(1, epochs + 1)]
    confusion = _confusion(len(classes), images_per_class, chance)
    write_lines(folder / "metrics.jsonl", history)
    write_json(folder / "data.json", _data(classes, images_per_class))
    write_json(folder / "evaluation.json", _evaluation(classes, confusion, split, mistakes, chance))
    write_json(folder / "summary.json", _summary(classes, history, confusion) | summary)
    return folder


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


def write_lines(path: Path, objects: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(one) + "\n" for one in objects))


def edit_json(path: Path, **changes: Any) -> None:
    write_json(path, json.loads(path.read_text()) | changes)


def jpeg(side: int = 112, colour: str = "peru") -> str:
    """A thumbnail as training writes it: a base64 JPEG."""
    picture = Image.new("RGB", (side, side), "darkolivegreen")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((side * 0.2, side * 0.25, side * 0.8, side * 0.9), fill=colour)
    draw.line((0, side, side, 0), fill="white", width=3)
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=80)
    return base64.b64encode(content.getvalue()).decode()


def _epoch(number: int, epochs: int, chance: random.Random) -> dict[str, float]:
    done = number / epochs
    right = 0.95 - 0.4 * math.exp(-4 * done) + chance.uniform(-0.015, 0.015)
    return {
        "epoch": number,
        "train:loss": 0.1 + 0.7 * math.exp(-3.5 * done),
        "train:top1": min(0.99, right - 0.01),
        "validation:loss": 0.2 + 0.5 * math.exp(-3 * done) + chance.uniform(0, 0.03),
        "validation:top1": right,
        "validation:top5": 1.0,
        "validation:f1": right - 0.005,
        "train:lr": 0.001 * (1 + math.cos(math.pi * done)) / 2,
        "train:images_per_s": 23 + chance.uniform(-1, 1),
        "epoch_s": 12.4,
    }


def _confusion(size: int, images: int, chance: random.Random) -> list[list[int]]:
    rows = [[0] * size for _ in range(size)]
    for label, row in enumerate(rows):
        for _ in range(images):
            near = (label + chance.choice((1, 7, 14))) % size
            row[near if chance.random() < 0.08 + 0.2 * (label % 9 == 4) else label] += 1
    return rows


def _summary(
    classes: Sequence[str], history: list[dict[str, float]], confusion: list[list[int]]
) -> dict[str, Any]:
    right = sum(row[i] for i, row in enumerate(confusion)) / sum(map(sum, confusion))
    best = max(history, key=lambda one: one["validation:top1"], default={"epoch": None})
    return {
        "status": "completed",
        "reason": "all epochs were done",
        "architecture": "resnet50",
        "pretrained": "none",
        "train": "all",
        "classes": list(classes),
        "best_epoch": best["epoch"],
        "epochs": len(history),
        "epochs_done": len(history),
        "metrics": {"best:top1": right, "validation:loss": 0.24},
        "seconds": 123.4,
        "images_per_s": 23.1,
        "device": "CPU, 2 threads",
        "precision": "bf16",
        "processes": 1,
        "started": "2026-11-20T10:00:00Z",
        "hyperparameters": {
            "architecture": "resnet50",
            "pretrained": "none",
            "train": "all",
            "epochs": "10",
            "batch-size": "auto",
            "lr": "0.001",
            "optimizer": "adamw",
            "augment": "light",
            "image-size": "auto",
            "label-smoothing": "0.0",
            "seed": "0",
        },
        "versions": {"imageclf": "0.1.0", "python": "3.11.2", "torch": "2.13.0+cpu"},
        "temperature": 1.3,
        "resumed": [],
        "warnings": [],
    }


def _data(classes: Sequence[str], images: int) -> dict[str, Any]:
    return {
        "fingerprint": "3f1c0a7d9be24410",
        "classes": list(classes),
        "split": "train from the folder train, validation from the folder val.",
        "images": {
            "train": {name: images + 3 * (i % 11) for i, name in enumerate(classes)},
            "validation": dict.fromkeys(classes, images),
        },
        "sizes": {
            "width": {"min": 120, "p50": 500, "max": 2048},
            "height": {"min": 96, "p50": 375, "max": 1536},
            "megapixels": {"min": 0.0115, "p50": 0.1875, "max": 3.1457},
        },
        "bytes": 48_213_113,
        "formats": {"JPEG": 243, "PNG": 2},
        "modes": {"RGB": 241, "L": 4},
        "left_out": [
            {
                "file": "train/ants/imageNotFound.gif",
                "reason": "unsupported",
                "detail": "GIF of 1 x 1 pixels",
            }
        ],
    }


def _evaluation(
    classes: Sequence[str],
    confusion: list[list[int]],
    split: str,
    mistakes: int,
    chance: random.Random,
) -> dict[str, Any]:
    total = sum(map(sum, confusion))
    right = sum(row[i] for i, row in enumerate(confusion)) / total
    return {
        "split": split,
        "images": total,
        "confusion": confusion,
        "per_class": [_score(name, i, confusion) for i, name in enumerate(classes)],
        "metrics": {"loss": 0.24, "top1": right, "top5": 1.0, "f1": right},
        "calibration": {
            "temperature": 1.3,
            "ece_before": 0.061,
            "ece_after": 0.019,
            "bins": [
                {
                    "confidence": (i + 0.5) / 10,
                    "accuracy": min(1.0, max(0.0, (i + 0.5) / 10 + chance.uniform(-0.08, 0.08))),
                    "count": 2 + i**2,
                }
                for i in range(3, 10)
            ]
            + [{"confidence": None, "accuracy": None, "count": 0}],
        },
        "mistakes": [_mistake(i, classes) for i in range(mistakes)],
    }


def _score(name: str, index: int, confusion: list[list[int]]) -> dict[str, Any]:
    right = confusion[index][index]
    recall = right / sum(confusion[index])
    precision = right / max(1, sum(row[index] for row in confusion))
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return {
        "class": name,
        "images": sum(confusion[index]),
        "precision": precision,
        "recall": recall,
        "f1": f1,
    }


def _mistake(index: int, classes: Sequence[str]) -> dict[str, Any]:
    label, predicted = classes[index % len(classes)], classes[(index + 1) % len(classes)]
    return {
        "file": f"val/{label}/{index:06d}_9a2f.jpg",
        "label": label,
        "predicted": predicted,
        "probability": 0.99 - 0.01 * index,
        "label_probability": 0.008,
        "thumbnail": jpeg(),
    }
