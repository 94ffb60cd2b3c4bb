"""`python -m imageclf COMMAND`, the entry point of the image."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from imageclf import startup
from imageclf.errors import ImageclfError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ImageclfError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="imageclf", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    train = commands.add_parser("train", help="train as SageMaker asks, on the tree under /opt/ml")
    train.set_defaults(run=_train)
    serve = commands.add_parser("serve", help="answer /ping and /invocations, as SageMaker asks")
    serve.set_defaults(run=_serve)
    ensemble = commands.add_parser("ensemble", help="make one model of several")
    ensemble.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="model folders")
    ensemble.add_argument("--output", type=Path, required=True, help="the new model's folder")
    ensemble.add_argument("--weights", default="", help="one for each model, as in 1,1,2")
    ensemble.add_argument("--data", type=Path, help="pictures to measure it on")
    ensemble.set_defaults(run=_ensemble)
    check = commands.add_parser("check-data", help="look at a folder of pictures as training does")
    check.add_argument("folder", type=Path)
    check.add_argument("hyperparameters", nargs="*", metavar="NAME=VALUE", help="as in training")
    check.add_argument("--json", action="store_true", help="all that was found, for programs")
    check.set_defaults(run=_check_data)
    report = commands.add_parser("report", help="make the pages anew from a run's output/data")
    report.add_argument("folder", type=Path)
    report.set_defaults(run=_report)
    analyze = commands.add_parser("analyze", help="judge saved tensors and a profile by rules")
    _add_analysis(analyze)
    analyze.set_defaults(run=_analyze)
    return parser


def _add_analysis(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "saved",
        metavar="FOLDER",
        help="a run's folder, its saved tensors, its profile, or s3://BUCKET/PREFIX",
    )
    add("--rules", metavar="RULES", help="standard (the default), or NAME,NAME(PARAMETER=VALUE)")
    add("--rules-file", type=Path, help="JSON list, shaped as DebugRuleConfigurations")
    add("--price", type=float, metavar="DOLLARS", help="of one machine of the run, an hour")
    add(
        "--module",
        action="append",
        default=[],
        metavar="FILE.py[:CLASS]",
        help="a rule of yours, derived from smdebug's Rule; may come again",
    )
    add("--output", type=Path, help="folder for the statuses, the findings and the reports")
    add("--no-pages", action="store_true", help="into --output only files for programs")
    add("--live", action="store_true", help="go on until the training has ended; needs --output")
    add("--stop-file", type=Path, help="file that the action stop writes, with --live")
    add("--fail-on-findings", action="store_true", help="end with 1 when a rule found something")


def _train(_options: argparse.Namespace) -> int:
    with startup.imports():
        from imageclf.training.entry import train  # noqa: PLC0415  (only its room)

    return train()


def _serve(_options: argparse.Namespace) -> int:
    with startup.imports():
        from imageclf.serving.supervisor import serve  # noqa: PLC0415

    return serve()


def _ensemble(options: argparse.Namespace) -> int:
    with startup.imports():
        from imageclf.serving import ensemble, measure  # noqa: PLC0415

    weights = ensemble.parse_weights(options.weights)
    _, measured = ensemble.make(options.models, options.output, weights, options.data)
    sys.stdout.write(measure.table(measured) if measured else "")
    sys.stdout.write(f"{options.output}\n")
    return 0


def _check_data(options: argparse.Namespace) -> int:
    with startup.imports():
        from imageclf import config  # noqa: PLC0415
        from imageclf.data.checked import load_data  # noqa: PLC0415
        from imageclf.data.listing import listing  # noqa: PLC0415

    values = dict(text.partition("=")[::2] for text in options.hyperparameters)
    data = load_data(options.folder, config.parse(values))
    found = json.dumps(listing(data, options.folder)) if options.json else None
    sys.stdout.write(f"{found or chr(10).join(data.summary_lines())}\n")
    return 0


def _report(options: argparse.Namespace) -> int:
    with startup.imports():
        from imageclf.report.joint import write_reports  # noqa: PLC0415

    sys.stdout.write(f"{write_reports(options.folder)}\n")
    return 0


def _analyze(options: argparse.Namespace) -> int:
    with startup.imports():
        from imageclf import analysis  # noqa: PLC0415

    return analysis.run(options)


if __name__ == "__main__":
    sys.exit(main())
