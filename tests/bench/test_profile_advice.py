import json
from pathlib import Path

import pytest
import torch

from bench.profile import advice


def test_predictions_stand_beside_what_happened_when_they_were_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(advice, "RESULTS", tmp_path / "results" / "advice.json")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # so that the bench's own setting is undone
    threads = torch.get_num_threads()
    try:
        code = advice.main(
            [
                *("--alone", "--architectures", "squeezenet1_1", "--image-size", "32"),
                *("--batch-size", "4", "--only", "batch-size=8"),
            ]
        )
    finally:
        torch.set_num_threads(threads)

    assert code == 0
    (followed,) = json.loads(advice.RESULTS.read_text())["followed"]
    assert followed["change"] == "batch-size=8"
    assert followed["predicted_ms"] > 0
    assert followed["error"] == pytest.approx(
        followed["predicted_ms"] / followed["measured_ms"] - 1
    )
    assert "batch-size=8" in capsys.readouterr().out
