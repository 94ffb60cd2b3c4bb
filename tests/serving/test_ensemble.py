import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from imageclf.artifact import GRAPH, MANIFEST, WEIGHTS, EnsembleManifest, read_manifest
from imageclf.errors import ArtifactError, DataError, SettingsError
from imageclf.serving.ensemble import make, parse_weights
from imageclf.serving.measure import table
from imageclf.serving.predictor import Predictor
from imageclf.serving.settings import ServeSettings
from tests.data.pictures import encoded, gradient, make_folder
from tests.serving.artifacts import write_artifact

PICTURES = [encoded(gradient(60, 40), "JPEG"), encoded(gradient(40, 60), "PNG")]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three networks of other architectures and sizes, their classes in another order each."""
    root = tmp_path_factory.mktemp("models")
    write_artifact(root / "a", classes=("Ants", "Bees", "Cats"), temperature=2.0)
    write_artifact(
        root / "b", "shufflenet_v2_x0_5", ("Cats", "Ants", "Bees"), image_size=64, onnx=False
    )
    write_artifact(root / "c", classes=("Bees", "Cats", "Ants"), seed=3, onnx=False)
    return [root / name for name in "abc"]


def probabilities(folder: Path) -> npt.NDArray[np.float32]:
    predictor = Predictor.open(folder, ServeSettings.from_environment({}))
    predictor.start()
    return predictor.probabilities([predictor.view(picture) for picture in PICTURES])


def refusal(*arguments: object, kind: type[Exception] = ArtifactError) -> str:
    with pytest.raises(kind) as caught:
        make(*arguments)  # type: ignore[arg-type]
    return str(caught.value)


def test_an_ensemble_predicts_the_weighted_mean_of_its_members(
    tmp_path: Path, models: list[Path]
) -> None:
    make(models, tmp_path / "all", weights=[1, 1, 2])
    a, b, c = (probabilities(folder) for folder in models)
    expected = 0.25 * a + 0.25 * b[:, [1, 2, 0]] + 0.5 * c[:, [2, 0, 1]]
    found = probabilities(tmp_path / "all")
    assert np.allclose(found, expected, atol=1e-5)
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)


def test_an_ensemble_is_a_folder_of_complete_models(tmp_path: Path, models: list[Path]) -> None:
    manifest, _ = make(models, tmp_path / "all")
    folders = [member.folder for member in manifest.ensemble]
    assert folders == ["resnet18", "shufflenet_v2_x0_5", "resnet18-2"]
    assert manifest.classes == ("Ants", "Bees", "Cats")
    assert {path.name for path in (tmp_path / "all" / "resnet18").iterdir()} == {
        MANIFEST,
        WEIGHTS,
        GRAPH,
    }
    assert read_manifest(tmp_path / "all") == manifest
    assert [path.name for path in tmp_path.iterdir()] == ["all"]


def test_versions_of_ensembles_differ_with_members_and_shares(
    tmp_path: Path, models: list[Path]
) -> None:
    made = [
        make(models[:2], tmp_path / "one")[0],
        make(models[:2], tmp_path / "two", weights=[1, 3])[0],
        make(models[1:], tmp_path / "three")[0],
        make(models[:2], tmp_path / "again", weights=[2, 2])[0],
    ]
    versions = [manifest.version for manifest in made]
    assert versions[0] == versions[3]
    assert len(set(versions)) == 3


@pytest.mark.parametrize(
    ("layout", "split"), [(("train", "valid", "test"), "test"), (("train", "val"), "validation")]
)
def test_an_ensemble_is_measured_on_the_split_that_was_held_back(
    tmp_path: Path, models: list[Path], layout: tuple[str, ...], split: str
) -> None:
    for place, folder in enumerate(layout):
        make_folder(tmp_path / "data" / folder, {"ants": 2 + place, "bees": 3, "cats": 1})
    manifest, measured = make(models[:2], tmp_path / "all", data=tmp_path / "data")
    assert [row.name for row in measured] == ["resnet18", "shufflenet_v2_x0_5", "ensemble"]
    assert {row.images for row in measured} == {5 + len(layout)}
    assert manifest.metrics[f"{split}:top1"] == measured[-1].scores.top1
    assert set(manifest.metrics) == {f"{split}:{name}" for name in ("loss", "top1", "top5", "f1")}
    assert read_manifest(tmp_path / "all") == manifest
    assert table(measured).count("\n") == 4


def test_a_folder_without_splits_is_measured_whole_without_its_broken_files(
    tmp_path: Path, models: list[Path]
) -> None:
    data = make_folder(tmp_path / "data", {"1.Ants": 9, "2.Cats": 12})
    (data / "1.Ants" / "note.jpg").write_text("no picture")
    manifest, measured = make(models[:1], tmp_path / "all", data=data)
    assert measured[-1].images == 21
    assert measured[0].scores == measured[-1].scores
    assert manifest.metrics["all:loss"] == measured[-1].scores.loss


def test_data_of_other_classes_is_refused_and_nothing_is_left(
    tmp_path: Path, models: list[Path]
) -> None:
    data = make_folder(tmp_path / "data", {"ants": 1, "dogs": 1})
    sentence = refusal(models, tmp_path / "all", (), data, kind=DataError)
    assert sentence.startswith("The model does not know the class dogs of the data; ")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_models_of_different_classes_are_refused(tmp_path: Path, models: list[Path]) -> None:
    write_artifact(tmp_path / "other", classes=("Ants", "Bees", "Dogs"), onnx=False)
    sentence = refusal([models[0], tmp_path / "other"], tmp_path / "all")
    assert sentence.startswith(f"{tmp_path}/other and {models[0]} have different classes (cats, do")
    assert not (tmp_path / "all").exists()


def test_a_damaged_model_is_refused_and_nothing_is_left(tmp_path: Path, models: list[Path]) -> None:
    write_artifact(tmp_path / "bad", onnx=False)
    with (tmp_path / "bad" / WEIGHTS).open("ab") as file:
        file.write(b"more")
    assert "SHA-256 differs" in refusal([models[0], tmp_path / "bad"], tmp_path / "all")
    assert [path.name for path in tmp_path.iterdir()] == ["bad"]


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, models: list[Path]) -> None:
    (tmp_path / "mine").write_text("dear to me")
    sentence = refusal(models, tmp_path, kind=SettingsError)
    assert sentence == f"--output {tmp_path} holds something already; give a new folder."
    assert (tmp_path / "mine").read_text() == "dear to me"


def test_an_ensemble_of_ensembles_is_refused(tmp_path: Path, models: list[Path]) -> None:
    make(models[:2], tmp_path / "all")
    assert "is an ensemble itself" in refusal([tmp_path / "all"], tmp_path / "more")


@pytest.mark.parametrize("weights", [[1.0], [1, 0, 1], [1, -1, 1], [1, float("nan"), 1]])
def test_weights_that_do_not_fit_are_refused(
    tmp_path: Path, models: list[Path], weights: list[float]
) -> None:
    assert "--weights" in refusal(models, tmp_path / "all", weights, kind=SettingsError)


def test_weights_are_numbers_with_commas() -> None:
    assert parse_weights("1, 2.5,1") == [1, 2.5, 1]
    assert parse_weights("") == []
    with pytest.raises(SettingsError, match="--weights is '1,x'; give a number for each"):
        parse_weights("1,x")


def test_the_command_makes_an_ensemble_and_prints_its_figures(
    tmp_path: Path, models: list[Path]
) -> None:
    data = make_folder(tmp_path / "data", {"ants": 3, "bees": 3, "cats": 3})
    command = ["ensemble", *map(str, models[:2]), "--output", str(tmp_path / "all")]
    command += ["--weights", "1,2", "--data", str(data)]
    ended = subprocess.run(
        [sys.executable, "-m", "imageclf", *command],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["model", "images", "top-1", "top-5", "macro", "F1", "loss"]
    assert [line.split()[0] for line in lines[1:4]] == [
        "resnet18",
        "shufflenet_v2_x0_5",
        "ensemble",
    ]
    assert lines[4] == str(tmp_path / "all")
    manifest = read_manifest(tmp_path / "all")
    assert isinstance(manifest, EnsembleManifest)
    assert [round(member.share, 3) for member in manifest.ensemble] == [0.333, 0.667]


@pytest.fixture
def ensemble(tmp_path: Path, models: list[Path]) -> Path:
    make(models[:2], tmp_path / "all")
    return tmp_path / "all"


def edited(model: Path, **changes: object) -> str:
    """What opening says when the manifest's first member is changed."""
    path = model / MANIFEST
    content = json.loads(path.read_text())
    content["ensemble"][0] |= changes
    path.write_text(json.dumps(content))
    with pytest.raises(ArtifactError) as caught:
        Predictor.open(model, ServeSettings.from_environment({}))
    return str(caught.value)


@pytest.mark.parametrize("folder", ["../a", "/etc", ".", "..", "a/b", "", ".hidden"])
def test_a_member_outside_of_the_ensemble_is_refused(ensemble: Path, folder: str) -> None:
    assert "ensemble: 0: folder: " in edited(ensemble, folder=folder)


def test_a_member_that_is_a_link_is_refused(ensemble: Path, models: list[Path]) -> None:
    (ensemble / "link").symlink_to(models[0])
    assert "is a link to another place" in edited(ensemble, folder="link")


def test_a_replaced_member_is_refused(ensemble: Path) -> None:
    write_artifact(ensemble / "resnet18", seed=9, onnx=False)
    sentence = edited(ensemble)
    assert sentence.startswith(f"Member resnet18 of the ensemble in {ensemble} is not the model")


def test_an_absent_member_is_refused(ensemble: Path) -> None:
    assert "holds no model" in edited(ensemble, folder="gone")


def test_shares_that_do_not_add_up_are_refused(ensemble: Path) -> None:
    assert "the shares of its members do not add up to 1" in edited(ensemble, share=0.9)
