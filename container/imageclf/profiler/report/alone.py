"""The JSON files of some rules without the page: what a rule that is evaluated alone leaves."""

from pathlib import Path

from imageclf import artifact
from imageclf.errors import ReportError
from imageclf.profiler.report import written
from imageclf.profiler.report.given import Judged
from imageclf.rules.status import finite


def write_rules(judged: Judged, folder: Path) -> Path:
    """Write a file for each rule into `folder`, which is made and returned.

    Raises:
        ReportError: the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for rule, state in judged:
            artifact.write_json(
                folder / f"{rule.name}.json", finite(written.of_rule(rule, state, []))
            )
    except OSError as error:
        raise ReportError(
            f"{folder} cannot be written to ({error.strerror}); make room or name another folder."
        ) from error
    return folder
