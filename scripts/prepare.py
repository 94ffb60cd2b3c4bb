"""`scripts/prepare.sh`: pictures, checked as in training, to S3; only what changed is sent."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imageclf.errors import SettingsError
from scripts import cli, receipt, sources, state, upload
from scripts.cli import Call
from scripts.receipt import Made
from scripts.sources import Source
from scripts.upload import Outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """One call; its exit code."""
    return cli.run(_parser(), _prepare, arguments)


def _parser() -> argparse.ArgumentParser:
    made = cli.parser("prepare", "Check pictures as training does, and upload them to S3.")
    made.add_argument("source", help="a folder, a zip file, the address of one, or `dogs`")
    made.add_argument("--name", default="", help="what the data is called in S3")
    made.add_argument(
        "--mirror", action="store_true", help="delete from S3 what the source has no longer"
    )
    cli.setting(made, "--bucket", "bucket", "instead of the account's default one")
    return made


def _prepare(call: Call) -> int:
    options = call.options
    if options.name and not options.name.replace("-", "").replace("_", "").isalnum():
        raise SettingsError(f"--name is {options.name!r}; use letters, digits, - and _.")
    cache = state.ROOT / call.settings.state / "sources"
    source = sources.find(options.source, options.name, cache)
    report = sources.check(source.folder, call.settings.hyperparameters)
    print("\n".join(_told(report)), flush=True)
    prefix = f"{call.settings.prefix}/data/{source.name}/"
    uri = f"s3://{call.bucket}/{prefix}"
    if call.dry:
        print(f"would be at  {uri} ({len(report['files'])} files; only what differs is sent)")
        return 0
    outcome = _uploaded(call, source, report, prefix)
    file = _write_report(call, source, report)
    call.state.remember(data=uri)
    made = [Made("data", uri), Made("report", str(file))]
    print(_words(outcome))
    print("\n".join(receipt.lines(made, undo=["scripts/teardown.sh --data"])))
    print("next    scripts/train.sh, or scripts/tune.sh")
    return 0


def _uploaded(call: Call, source: Source, report: dict[str, Any], prefix: str) -> Outcome:
    try:
        return upload.upload(
            call.aws.client("s3"),
            source.folder,
            report["files"],
            call.bucket,
            prefix,
            mirror=call.options.mirror,
        )
    except KeyboardInterrupt:
        print("\nThe upload is broken off; the same command goes on from there.", file=sys.stderr)
        raise


def _told(report: dict[str, Any]) -> list[str]:
    """The lines that the training's log will have, and the sizes."""
    sizes = report["sizes"]
    spread = " ".join(
        f"{name} {sizes[name]['min']} to {sizes[name]['max']} (median {sizes[name]['p50']})"
        for name in ("width", "height")
    )
    formats = ", ".join(f"{count} {name}" for name, count in report["formats"].items())
    counts = [f"  {name:<24} {_counts(report, name)}" for name in report["classes"][:_SHOWN]]
    if len(report["classes"]) > _SHOWN:
        counts.append(f"  ... and {len(report['classes']) - _SHOWN} classes more")
    header = f"  {'class':<24} " + " ".join(f"{split:>10}" for split in report["images"])
    total = f"{report['bytes'] / 1e6:.1f} MB; {formats}; {spread} pixels."
    return [*report["summary"], total, header, *counts]


_SHOWN = 20


def _counts(report: dict[str, Any], name: str) -> str:
    return " ".join(f"{counts[name]:>10}" for counts in report["images"].values())


def _words(outcome: Outcome) -> str:
    told = (
        f"{outcome.sent} files sent ({outcome.sent_bytes / 1e6:.1f} MB), {outcome.unchanged} were "
        "there"
    )
    if outcome.deleted:
        told += f", {outcome.deleted} deleted"
    if outcome.strange:
        told += (
            f"; {len(outcome.strange)} in S3 are not in the source and will be trained on all the "
            "same, remove them with --mirror"
        )
    return told + "."


def _write_report(call: Call, source: Source, report: dict[str, Any]) -> Path:
    file = call.state.folder / f"data-{source.name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    shown = {name: value for name, value in report.items() if name != "files"}
    file.write_text(json.dumps(shown, indent=2) + "\n", encoding="utf-8")
    return file


if __name__ == "__main__":
    sys.exit(main())
