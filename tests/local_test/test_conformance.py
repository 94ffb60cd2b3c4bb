"""The conformance test, of a server that keeps the contracts and of one that breaks them."""

import json
from pathlib import Path

import pytest

from local_test.conformance import __main__ as conformance
from local_test.conformance.check import Outcome, Verdict
from local_test.conformance.subject import Limits, Subject
from local_test.conformance.victim import Process
from local_test.pictures import made_up_jpeg
from tests.local_test.servers import real_server, wrong_server
from tests.local_test.wrong_server import FAULTS

LIMITS = Limits(ping_s=0.4, stop_s=3.0)
BREAKS = [
    ("unready", "ping"),
    ("silent-ping", "ping-under-load"),
    ("fixed-type", "accept-header"),
    ("blames-itself", "unknown-type"),
    ("small", "body-6mb"),
    ("drops", "keep-alive"),
    ("narrow", "platform-headers"),
    ("one-at-a-time", "concurrent"),
    ("managed", "management"),
    ("deaf", "stop-ping"),
    ("deaf", "stop-end"),
    ("abrupt", "stop-in-flight"),
    ("abrupt", "stop-end"),
]


def look(url: str, name: str, pid: int | None = None) -> Verdict:
    victim = Process(pid) if pid is not None else None
    subject = Subject(url, made_up_jpeg(), "image/jpeg", victim=victim, limits=LIMITS)
    (check,) = (one for one in conformance.checks() if one.name == name)
    return check.judge(subject)


def outcomes(printed: str) -> dict[str, str]:
    rows = (line.split(None, 2) for line in printed.splitlines())
    return {row[1]: row[0] for row in rows if len(row) == 3 and row[0] in {*Outcome}}


def test_ours_keeps_the_contract_of_one_model(
    insects: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model").symlink_to(insects)
    with real_server(tmp_path) as (url, process):
        code = conformance.main([url, "--pid", str(process.pid), "--clients", "4"])
    printed = capsys.readouterr().out
    found = outcomes(printed)
    assert code == 0, printed
    assert {name for name, outcome in found.items() if outcome == Outcome.NOT_APPLICABLE} == {
        *("load", "load-again", "load-nothing", "list", "describe", "invoke", "unknown-model"),
        *("unload", "unload-again", "load-anew"),
    }
    assert "with exit code 0" in printed


def test_ours_keeps_the_contract_of_several_models(
    insects: Path, birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with real_server(tmp_path, SAGEMAKER_MULTI_MODEL="true") as (url, process):
        models = ["--multi-model", str(insects), str(birds)]
        code = conformance.main([url, *models, "--pid", str(process.pid), "--clients", "4"])
    printed = capsys.readouterr().out
    found = outcomes(printed)
    assert code == 0, printed
    assert {name for name, outcome in found.items() if outcome != Outcome.KEPT} == {"management"}


@pytest.mark.parametrize(("fault", "broken"), BREAKS)
def test_each_fault_breaks_its_check_and_without_it_the_check_is_kept(
    fault: str, broken: str
) -> None:
    with wrong_server() as (url, process):
        assert look(url, broken, process.pid).outcome is Outcome.KEPT
    with wrong_server(fault) as (url, process):
        verdict = look(url, broken, process.pid)
    assert verdict.outcome is Outcome.BROKEN, verdict.sentence


def test_every_fault_of_the_wrong_server_is_tried() -> None:
    assert {fault for fault, _ in BREAKS} == FAULTS.keys()


def test_a_refused_25_mb_is_reported_and_does_not_fail() -> None:
    with wrong_server("small") as (url, _):
        verdict = look(url, "body-25mb")
    assert verdict.outcome is Outcome.NOT_APPLICABLE
    assert "25,000,000 bytes were answered with 413" in verdict.sentence


def test_a_broken_contract_ends_with_1_and_is_told_with_its_source(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    body = tmp_path / "a.png"
    body.write_bytes(b"whatever")
    with wrong_server("unready") as (url, _):
        assert conformance.main([url, "--body", str(body), "--clients", "2"]) == 1
        printed = capsys.readouterr().out
        assert conformance.main([url, "--body", str(body), "--clients", "2", "--json"]) == 1
    assert outcomes(printed)["ping"] == Outcome.BROKEN
    assert "source: Amazon SageMaker AI Developer Guide, Custom Inference Code" in printed
    found = json.loads(capsys.readouterr().out)
    assert found["counts"]["fail"] == 2
    assert [one["name"] for one in found["checks"] if one["outcome"] == "fail"] == [
        "ping",
        "ping-under-load",
    ]
    assert all(one["contract"] and one["source"] for one in found["checks"])


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["http://127.0.0.1:1"], 11, "Nothing answers at http://127.0.0.1:1"),
        (["127.0.0.1:1"], 2, "is not an address"),
        (["http://127.0.0.1:1", "--pid", "99999999"], 2, "There is no process 99999999"),
        (["http://127.0.0.1:1", "--body", "/nowhere.jpg"], 2, "/nowhere.jpg cannot be read"),
    ],
)
def test_what_cannot_be_looked_at_is_one_sentence(
    arguments: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert conformance.main(arguments) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert told in printed.err
    assert len(printed.err.splitlines()) == 1
