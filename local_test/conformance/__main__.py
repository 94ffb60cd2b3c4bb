"""`make conformance URL=...`: whether a server keeps SageMaker's contracts of hosting."""

import argparse
import mimetypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from imageclf.errors import ImageclfError, SettingsError
from local_test.conformance import health, invocations, multi_model, paths, report, stop
from local_test.conformance.check import Check, Outcome
from local_test.conformance.report import Finding
from local_test.conformance.subject import Subject
from local_test.conformance.victim import Container, Process, Victim
from local_test.pictures import made_up_jpeg
from local_test.wire import Connection

_INTERRUPTED = 130
_ANY_BYTES = "application/octet-stream"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was found; 1 when the server breaks a contract."""
    options = _parser().parse_args(arguments)
    try:
        subject = _subject(options)
        with Connection(subject.url, subject.limits.ping_s):
            pass  # somebody is there
    except ImageclfError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    try:
        findings = _look(subject, told=not options.json)
    except KeyboardInterrupt:
        return _INTERRUPTED
    if options.json:
        print(report.as_json(subject.url, findings))
    return int(any(verdict.outcome is Outcome.BROKEN for _, verdict in findings))


def _look(subject: Subject, *, told: bool) -> list[Finding]:
    findings: list[Finding] = []
    for check in checks():
        findings.append((check, check.judge(subject)))
        if told:
            print(report.line(*findings[-1]), flush=True)
    if subject.folders and subject.victim is None:
        multi_model.clean_up(subject)
    if told:
        print(f"\n{report.counts(findings)}")
    return findings


def checks() -> tuple[Check, ...]:
    """All of them, in the order in which they can be looked at."""
    return (
        *multi_model.LOADING,
        *health.CHECKS,
        *invocations.CHECKS,
        *paths.CHECKS,
        *multi_model.UNLOADING,
        *stop.checks(),
    )


def _subject(options: argparse.Namespace) -> Subject:
    picture: Path | None = options.body
    try:
        body = picture.read_bytes() if picture else made_up_jpeg()
    except OSError as error:
        raise SettingsError(f"{picture} cannot be read ({error.strerror}).") from error
    guessed = mimetypes.guess_type(picture.name)[0] if picture else "image/jpeg"
    return Subject(
        url=options.url.rstrip("/"),
        body=body,
        content_type=options.content_type or guessed or _ANY_BYTES,
        accepts=tuple(options.accept or ["application/json"]),
        clients=options.clients,
        folders=tuple(options.multi_model or ()),
        victim=_victim(options),
    )


def _victim(options: argparse.Namespace) -> Victim | None:
    if options.container:
        return Container(options.container, os.environ.get("DOCKER", "docker"))
    return Process(options.pid) if options.pid else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local_test.conformance", description=__doc__)
    parser.add_argument("url", help="address of the server, such as http://127.0.0.1:8080")
    parser.add_argument("--body", type=Path, help="what is sent; else a made-up JPEG")
    parser.add_argument("--content-type", help="of the body; else by the file's name")
    parser.add_argument(
        "--accept", action="append", help="a type that answers can have (application/json)"
    )
    parser.add_argument("--clients", type=int, default=8, help="that ask at the same time")
    parser.add_argument(
        "--multi-model",
        nargs=2,
        metavar="FOLDER",
        help="two models' folders, as the server sees them: holds it to that contract",
    )
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument("--pid", type=int, help="the server's process: ends it, and looks how")
    ends.add_argument("--container", help="the server's container: ends it, and looks how")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
