"""A training from the settings to the artifact, by the real program."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imageclf import artifact, metrics
from imageclf.artifact import Manifest
from imageclf.contract import Tree
from imageclf.data.transforms import EvalTransform, normalise
from imageclf.model.weights import load_model
from imageclf.training.checkpoint import decode
from tests.training import runs


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    root = tmp_path_factory.mktemp("trained") / "ml"
    data = root.parent / "data"
    for split, count in (("train", 12), ("valid", 6), ("test", 5)):
        runs.write_pictures(data / split, per_class=count, seed=len(split))
    (data / "train" / "class_0" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    given = {"units": "32", "dropout": "0.1", "lr": "0.003", "onnx": "true"}
    tree = runs.make_tree(root, data, epochs="4", **given)
    assert runs.train(tree) == 0, runs.log(tree)
    return tree


def test_the_artifact_predicts_as_the_training_measured(trained: Tree) -> None:
    network, manifest = load_model(trained.model)
    transform = EvalTransform(manifest.network.image_size, manifest.crop_share)
    right, files = 0, sorted((trained.channel("training") / "valid").glob("*/*.png"))
    for file in files:
        mean, std = manifest.normalisation.mean, manifest.normalisation.std
        images = normalise(transform(file)[None], mean, std, torch.float32, False)
        predicted = int(network(images).argmax())
        right += manifest.folders[predicted] == file.parent.name
    assert right / len(files) == pytest.approx(manifest.metrics["validation:top1"])
    assert manifest.complete


def test_the_artifact_has_a_graph_that_was_compared_on_pictures_of_validation(
    trained: Tree,
) -> None:
    manifest = Manifest.read(trained.model)
    assert manifest.onnx is not None
    assert manifest.onnx.images == 8
    assert manifest.onnx.sha256 == artifact.sha256(trained.model / artifact.GRAPH)
    assert "ONNX graph: logits within " in runs.log(trained)


def test_the_log_has_every_metric_a_tuner_can_read(trained: Tree) -> None:
    read = [metrics.read(line) for line in runs.log(trained).splitlines()]
    epochs = [values for values in read if "epoch" in values]
    assert [values["epoch"] for values in epochs] == [1, 2, 3, 4]
    seen = {name for values in read for name in values}
    assert seen == {metric.name for metric in metrics.METRICS}


def test_the_results_agree_with_each_other(trained: Tree) -> None:
    evaluation = json.loads((trained.output_data / "evaluation.json").read_text())
    confusion = np.array(evaluation["confusion"])
    summary = runs.summary(trained)
    assert evaluation["split"] == "test"
    assert confusion.sum() == evaluation["images"] == 15
    assert np.trace(confusion) / 15 == pytest.approx(summary["metrics"]["test:top1"])
    assert len(evaluation["mistakes"]) == 15 - np.trace(confusion)
    history = runs.figures(trained)
    best = history[summary["best_epoch"] - 1]
    assert best["validation:top1"] == max(entry["validation:top1"] for entry in history)
    assert summary["metrics"]["best:top1"] == best["validation:top1"]
    assert (trained.output_data / "report.html").stat().st_size > 10_000


def test_a_bad_file_is_left_out_and_named(trained: Tree) -> None:
    data = json.loads((trained.output_data / "data.json").read_text())
    assert [item["file"].rsplit("/", 1)[-1] for item in data["left_out"]] == ["broken.png"]
    assert "broken.png" in runs.log(trained)
    assert data["images"]["train"] == {"class 0": 12, "class 1": 12, "class 2": 12}


def test_the_same_seed_gives_the_same_weights_whatever_the_workers(tmp_path: Path) -> None:
    data = tmp_path / "data"
    runs.write_pictures(data)
    trees = [
        runs.make_tree(tmp_path / workers, data, workers=workers, epochs="1", augment="strong")
        for workers in ("0", "2")
    ]
    other = runs.make_tree(tmp_path / "other", data, seed="1", epochs="1", augment="strong")
    assert [runs.train(tree) for tree in (*trees, other)] == [0, 0, 0]
    assert runs.weights(trees[0]) == runs.weights(trees[1])
    assert runs.weights(trees[0]) != runs.weights(other)


@pytest.mark.parametrize(
    "settings",
    [
        {"train": "head", "optimizer": "sgd", "precision": "bf16"},
        {"train": "gradual", "optimizer": "rmsprop", "clip_norm": "1", "schedule": "constant"},
        {"train": "last-block", "class_weights": "balanced", "channels_last": "false"},
        {"mixup": "0.4", "label_smoothing": "0.1", "augment": "medium", "test_split": "0.2"},
        {
            "architecture": "inception_v3",
            "image_size": "299",
            "epochs": "1",
            "data_fraction": "0.3",
        },
    ],
    ids=["head", "gradual", "last-block", "mixup", "inception"],
)
def test_ways_to_train_end_in_an_artifact(tmp_path: Path, settings: dict[str, str]) -> None:
    tree = runs.make_tree(tmp_path / "ml", None, **settings)
    assert runs.train(tree) == 0, runs.log(tree)
    _, manifest = load_model(tree.model)
    assert manifest.hyperparameters["train"] == settings.get("train", "all")
    assert ("test:top1" in manifest.metrics) == ("test_split" in settings)


def test_training_ends_early_when_nothing_gets_better(tmp_path: Path) -> None:
    tree = runs.make_tree(tmp_path / "ml", epochs="30", lr="1e-9", early_stop_patience="2")
    assert runs.train(tree) == 0
    summary = runs.summary(tree)
    assert summary["epochs_done"] < 30
    assert "ended early" in summary["reason"]


def test_a_loss_that_is_no_number_stops_with_a_sentence_and_spares_the_checkpoint(
    tmp_path: Path,
) -> None:
    tree = runs.make_tree(
        tmp_path / "ml", optimizer="sgd", lr="10", warmup="2", checkpoint_minutes="0.00001",
        batch_norm="frozen", momentum="0.99", epochs="8",
    )  # fmt: skip
    assert runs.train(tree) == 8, runs.log(tree)
    assert tree.failure.read_text().startswith("The loss is no longer a number (epoch ")
    assert "lower lr, which is 10" in tree.failure.read_text()
    newest = tree.checkpoints / runs.checkpoints(tree)[-1]
    assert decode(newest.read_bytes()).step > 0


@pytest.mark.parametrize(
    ("settings", "code", "sentence"),
    [
        ({"learning_rate": "1"}, 2, "Hyperparameter learning-rate is not known; did you mean"),
        ({"architecture": "resnet5"}, 2, "did you mean resnet50"),
        ({"pretrained": "absent.pth"}, 4, "neither imagenet, none, a file nor one of the channels"),
        ({"device": "cuda"}, 7, "Hyperparameter device is 'cuda', but no GPU is visible"),
        ({"image_size": "16", "architecture": "inception_v3"}, 2, "cannot take; use 96"),
    ],
)
def test_a_job_that_cannot_be_done_says_why_in_its_failure_file(
    tmp_path: Path, settings: dict[str, str], code: int, sentence: str
) -> None:
    tree = runs.make_tree(tmp_path / "ml", None, **settings)
    assert runs.train(tree) == code, runs.log(tree)
    assert sentence in tree.failure.read_text()
    assert "Traceback" not in tree.failure.read_text()
    assert not (tree.model / "manifest.json").exists()


def test_a_signal_before_training_ends_at_once_and_in_good_order(tmp_path: Path) -> None:
    tree = runs.make_tree(tmp_path / "ml")
    pictures = tree.channel("training") / "class_0"
    side = 2000
    for number in range(40):
        Image.effect_noise((side, side), 80).save(pictures / f"large_{number}.png")
    process = runs.program(tree)
    runs.wait_for((tree.root / "log").exists, process)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGTERM)
    assert runs.finish(process) in {143, -signal.SIGTERM}
    assert runs.checkpoints(tree) == []
