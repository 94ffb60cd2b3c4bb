"""A stand-in for `python -m imageclf train`: its files, exit codes and signals, without a network.

A data folder that holds a file named `fail` makes it fail with that file's text, `ignore-stop`
makes it deaf to SIGTERM.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

EPOCH_S = 0.02


class StopError(Exception):
    pass


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def stop(_number: int, _frame: FrameType | None) -> None:
    raise StopError


def main() -> int:
    root = Path(os.environ["SAGEMAKER_BASE_DIR"])
    data = root / "input/data/training"
    if (data / "fail").exists():
        (root / "output/failure").write_text((data / "fail").read_text())
        return 3
    deaf = (data / "ignore-stop").exists()
    signal.signal(signal.SIGTERM, signal.SIG_IGN if deaf else stop)
    epochs = int(json.loads((root / "input/config/hyperparameters.json").read_text())["epochs"])
    checkpoint = root / "checkpoints/epoch"
    done = int(checkpoint.read_text()) if checkpoint.exists() else 0
    try:
        if done:
            say(f"resumed from epoch {done}")
        while done < epochs:
            time.sleep(EPOCH_S)
            done += 1
            say(f"epoch={done}")
    except StopError:
        checkpoint.write_text(str(done))
        return 143
    finish(root, sorted(path.name for path in data.iterdir()))
    return 0


def finish(root: Path, classes: list[str]) -> None:
    (root / "model/manifest.json").write_text(json.dumps({"classes": classes}))
    (root / "output/data/report.html").write_text("<html></html>")
    summary = {
        "status": "completed",
        "metrics": {"best:top1": 0.98765, "test:top1": 0.5},
        "best_epoch": 2,
        "seconds": 12.3,
        "images_per_s": 456.78,
    }
    (root / "output/data/summary.json").write_text(json.dumps(summary))


if __name__ == "__main__":
    sys.exit(main())
