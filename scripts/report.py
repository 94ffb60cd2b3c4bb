"""`scripts/report.sh`: fetches the reports of a training job, and shows them."""

import argparse
import os
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imageclf.errors import LaunchError
from scripts import cli, receipt, reports
from scripts.cli import Call

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
_OVER = frozenset({"Completed", "Failed", "Stopped"})


def main(arguments: Sequence[str] | None = None) -> int:
    """One call; its exit code."""
    return cli.run(_parser(), _report, arguments)


def _parser() -> argparse.ArgumentParser:
    made = cli.parser(
        "report", "Fetch the reports of a training job: what it did and what it cost."
    )
    made.add_argument("job", nargs="?", metavar="JOB", help="its name; else the last one's")
    made.add_argument("--into", type=Path, metavar="FOLDER", help="else in the folder of notes")
    made.add_argument(
        "--open",
        action=argparse.BooleanOptionalAction,
        help="show the first page in a browser; by itself where there is a screen",
    )
    return made


def _report(call: Call) -> int:
    name = call.options.job or call.state.need("training_job", "name one")
    if call.dry:
        print(receipt.requests([("DescribeTrainingJob", {"TrainingJobName": name})]))
        return 0
    job = call.aws.client("sagemaker").describe_training_job(TrainingJobName=name)
    folder = call.options.into or call.state.folder / "reports" / name
    found = reports.fetch(call.aws.client("s3"), job, folder)
    if not found:
        raise LaunchError(_none(name, job))
    page = reports.page(folder)
    shown = [path for path in found if path.suffix == ".html"] or found
    print("\n".join(str(path) for path in shown))
    if job["TrainingJobStatus"] not in _OVER:
        print(f"{name} still runs: there is more when it has ended.")
    wanted = call.options.open
    if wanted or (wanted is None and is_watched()):
        _show(page or shown[0])
    return 0


def _none(name: str, job: dict[str, Any]) -> str:
    status = job["TrainingJobStatus"]
    if status not in _OVER:
        return f"{name} is {status} and has no report yet; ask again when it has ended."
    return f"{name} left no report; train with the hyperparameter profile=on, or debug=standard."


def is_watched() -> bool:
    """Whether a person sits here, at a screen: a browser in the terminal helps nobody."""
    graphical = sys.platform == "darwin" or any(name in os.environ for name in _DISPLAYS)
    return sys.stdout.isatty() and graphical


def _show(page: Path) -> None:
    if not webbrowser.open(page.resolve().as_uri()):
        print(f"No browser can be started here; open {page} yourself.")


if __name__ == "__main__":
    sys.exit(main())
