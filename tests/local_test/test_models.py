import json
from pathlib import Path

import pytest
from PIL import Image

from imageclf.errors import SettingsError
from local_test import models


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run on a data set of two pictures."""
    for path in ("photos/train/bees/a.jpg", "photos/valid/bees/b.PNG"):
        (tmp_path / path).parent.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / path)
    run = tmp_path / "runs" / "20260101-photos"
    (run / "model").mkdir(parents=True)
    (run / "model" / "manifest.json").write_text("{}")
    (run / "model.tar.gz").touch()
    (run / "run.json").write_text(json.dumps({"data": str(tmp_path / "photos")}))
    return run


@pytest.mark.parametrize("place", [".", "model", "model.tar.gz"])
def test_a_run_its_model_and_its_archive_are_one_model_with_its_data(run: Path, place: str) -> None:
    (model,) = models.find(str(run / place), run.parent)
    assert model.name == "20260101-photos"
    assert model.source == (run / "model" if place != "model.tar.gz" else run / place)
    assert model.is_packed == (place == "model.tar.gz")
    assert model.data == run.parents[1] / "photos"


def test_the_latest_run_is_taken_where_none_is_named(run: Path) -> None:
    (run.parent / "latest").symlink_to(run.name)
    (model,) = models.find("", run.parent)
    assert model.source == run / "model"
    assert model.name == run.name


def test_a_path_with_spaces_is_one_path(run: Path) -> None:
    folder = run.parent / "my model"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    (model,) = models.find(f"'it={folder}'", run.parent)
    assert (model.name, model.source, model.data) == ("it", folder, None)
    with pytest.raises(SettingsError, match="The name 'my model' of a model"):
        models.find(str(folder), run.parent)


def test_a_picture_that_was_held_out_is_preferred(run: Path) -> None:
    photos = run.parents[1] / "photos"
    assert models.picture(photos) == photos / "valid" / "bees" / "b.PNG"
    assert models.picture(photos / "train") == photos / "train" / "bees" / "a.jpg"
    assert models.picture(run) is None


@pytest.mark.parametrize(
    ("text", "several", "told"),
    [
        ("", False, "There is no run in .* to serve; train one with `make local-train`"),
        ("{run} {run}", False, "add MULTI=1"),
        ("{run} {run}", True, "MODEL has 20260101-photos twice"),
        ("no/such={run}", True, "The name 'no/such' of a model must begin"),
        ("{run}/model/nothing", False, "holds no model"),
        ("'{run}", False, "close the quotation mark"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(
    run: Path, text: str, several: bool, told: str
) -> None:
    with pytest.raises(SettingsError, match=told):
        models.find(text.format(run=run), run.parent, several=several)


def test_a_run_whose_data_are_gone_knows_of_none(run: Path) -> None:
    (run / "run.json").write_text(json.dumps({"data": "/nowhere"}))
    assert models.find(str(run), run.parent)[0].data is None
    (run / "run.json").write_text("broken")
    assert models.find(str(run), run.parent)[0].data is None
