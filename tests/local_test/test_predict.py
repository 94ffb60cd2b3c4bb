from pathlib import Path

import pytest

from imageclf.errors import SettingsError
from local_test import predict, predict_settings, table
from local_test.serving_folder import State
from tests.local_test.servers import wrong_server

SEVERAL = State("http://127.0.0.1:9", 1, 0.0, ("birds", "insects"))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a photo.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    return path


def test_what_runs_here_is_asked_unless_a_server_is_named(picture: Path) -> None:
    def url(state: State | None, **environment: str) -> str:
        return predict_settings.read([str(picture)], environment, state).url

    assert url(None) == "http://127.0.0.1:8080"
    assert url(SEVERAL) == SEVERAL.url
    assert url(SEVERAL, PORT="81") == "http://127.0.0.1:81"
    assert url(SEVERAL, PORT="81", URL="http://there") == "http://there"


def test_of_several_models_the_first_is_asked_unless_one_is_named(picture: Path) -> None:
    def path(state: State | None, **environment: str) -> str:
        return predict_settings.read([str(picture)], environment, state).path

    assert path(None) == "/invocations"
    assert path(SEVERAL) == "/models/birds/invoke"
    assert path(SEVERAL, NAME="a b") == "/models/a%20b/invoke"


def test_pictures_of_the_environment_are_a_path_with_spaces_or_several(picture: Path) -> None:
    def pictures(text: str) -> list[Path]:
        return list(predict_settings.read([], {"PICTURES": text}, None).pictures)

    assert pictures(str(picture)) == [picture]
    assert pictures(f"'{picture}' '{picture.parent}'") == [picture, picture]


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        ([], {}, "No picture is named"),
        ([], {"PICTURES": "'a"}, "close the quotation mark"),
        (["/nowhere.jpg"], {}, "/nowhere.jpg is not there"),
        (["/proc/self/fd"], {}, "holds no picture"),
        (["{picture}"], {"TOP": "all"}, "TOP=all is not a number"),
        (["{picture}"], {"TOP": "0"}, "TOP=0 is not a number"),
        (["{picture}"], {"PORT": "99999"}, "PORT=99999 is not a port"),
    ],
)
def test_a_wrong_wish_is_one_sentence(
    picture: Path, arguments: list[str], environment: dict[str, str], told: str
) -> None:
    arguments = [one.format(picture=picture) for one in arguments]
    with pytest.raises(SettingsError, match=told):
        predict_settings.read(arguments, environment, None)


def test_where_nothing_answers_it_is_said_how_to_start(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(picture), "--url", "http://127.0.0.1:1"]
    assert predict.main(arguments, {}, home=tmp_path) == 11
    assert "Start one with make local-serve" in capsys.readouterr().err


def test_a_server_of_something_else_is_told(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with wrong_server("unready") as (url, _):
        assert predict.main([str(picture), "--url", f"{url}/other"], {}, home=tmp_path) == 1
        assert "the server answered 404" in capsys.readouterr().err
        assert predict.main([str(picture), "--url", url], {}, home=tmp_path) == 0
    assert "no class reaches the threshold" in capsys.readouterr().out


def test_a_bar_is_as_long_as_the_probability() -> None:
    lines = table.lines("a.jpg", [("bees", 1.0), ("ants", 0.525), ("a wasp", 0.001)], bars=True)
    assert lines == [
        "a.jpg",
        f"  bees    1.0000  {'█' * 20}",
        f"  ants    0.5250  {'█' * 10}▌",
        "  a wasp  0.0010",
    ]
