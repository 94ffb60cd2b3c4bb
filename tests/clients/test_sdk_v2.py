"""SageMaker's Python SDK v2 with nothing but the variables that `cloud.sh env` prints.

Its tuner, multi-model endpoints, transformer, processors and registry are tried beside the rooms
that answer them; here it waits and looks as often as it does by itself, which takes minutes.
"""

from pathlib import Path

from imageclf import metrics
from local_test.pictures import made_up_jpeg
from tests.clients.clients import Clients
from tests.training import runs


def test_an_estimator_trains_on_spot_shows_its_log_and_is_deployed(
    clients: Clients, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "picture.jpg").write_bytes(made_up_jpeg(40))
    told, printed = clients.program(
        "v2_estimator",
        pictures=str(pictures),
        picture=str(tmp_path / "picture.jpg"),
        hyperparameters=runs.SMALL | {"epochs": "1"},
        metrics=metrics.definitions(),
        environment={"IMAGECLF_WORKERS": "1"},
    )
    assert "epoch=1 " in printed, "its log"
    assert "Training seconds: " in printed
    assert "Managed Spot Training savings: " in printed
    assert "validation:top1" in told["metrics"]
    assert told["checkpoints"]
    assert set(told["classes"]) == {"class 0", "class 1", "class 2"}
