from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imageclf.errors import SettingsError
from scripts.state import State


def test_what_was_made_last_is_found_again_and_can_be_forgotten(tmp_path: Path) -> None:
    State(str(tmp_path), "here").remember(endpoint="one", training_job="job")
    State(str(tmp_path), "here").remember(endpoint="two")
    assert State(str(tmp_path), "here").all() == {"endpoint": "two", "training_job": "job"}
    State(str(tmp_path), "here").remember(endpoint=None)
    assert State(str(tmp_path), "here").last("endpoint") is None


def test_each_place_has_its_own_notes(tmp_path: Path) -> None:
    State(str(tmp_path), "local-127.0.0.1:4577").remember(data="s3://here")
    assert State(str(tmp_path), "123456789012-eu-west-1").last("data") is None


def test_what_is_missing_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No training job is noted for this place; train one"):
        State(str(tmp_path), "here").need("training_job", "train one")


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    state = State(str(tmp_path), "here")
    state.remember(data="s3://here")
    (state.folder / "last.json").write_text('{"data": "s3:/')
    assert state.all() == {}
    state.remember(endpoint="one")
    assert state.all() == {"endpoint": "one"}


def test_launchers_that_note_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number in range(24):
            pool.submit(State(str(tmp_path), "here").remember, **{f"note_{number}": "x"})
    assert len(State(str(tmp_path), "here").all()) == 24


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot be written to"):
        State(str(tmp_path / "file"), "here").remember(data="s3://here")
