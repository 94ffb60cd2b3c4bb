"""The contract of multi-model endpoints: `LOADING` goes before other checks, `UNLOADING` behind."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from local_test.conformance.check import (
    MULTI_MODEL,
    Check,
    Verdict,
    failed,
    judged,
    not_applicable,
)
from local_test.conformance.subject import NAMES, Subject
from local_test.wire import Reply

_ABSENT = "conformance-no-such-model"
_PAGES = 1000  # then a server gives the same one for ever

Look = Callable[[Subject], Verdict]


def _in_multi_model_mode(look: Look) -> Look:
    @wraps(look)
    def looked(subject: Subject) -> Verdict:
        if not subject.folders:
            return not_applicable("name two models by --multi-model FOLDER FOLDER")
        return look(subject)

    return looked


@_in_multi_model_mode
def _load(subject: Subject) -> Verdict:
    loaded = [_post(subject, name, url) for name, url in _models(subject)]
    return judged(all(one.status == 200 for one in loaded), f"{_statuses(loaded)} for two models")


@_in_multi_model_mode
def _load_again(subject: Subject) -> Verdict:
    status = _post(subject, *_models(subject)[0]).status
    return judged(status == 409, f"loading {NAMES[0]} again gave {status}")


@_in_multi_model_mode
def _load_nothing(subject: Subject) -> Verdict:
    status = _post(subject, _ABSENT, f"/opt/ml/models/{_ABSENT}/model").status
    return judged(status >= 400, f"loading a folder that is not there gave {status}")


@_in_multi_model_mode
def _list(subject: Subject) -> Verdict:
    found: dict[str, str] = {}
    path = "/models"
    for _ in range(_PAGES):
        reply = subject.ask("GET", path)
        content = _object(reply)
        if reply.status != 200 or not isinstance(models := content.get("models"), list):
            return failed(f"GET {path} gave {reply.status} without a list of models")
        found |= {one.get("modelName"): one.get("modelUrl") for one in models}
        if not (token := content.get("nextPageToken")):
            break
        path = f"/models?next_page_token={quote(str(token))}"
    kept = dict(_models(subject)).items() <= found.items()
    return judged(kept, f"{len(found)} models{'' if kept else ', not all that are loaded'}")


@_in_multi_model_mode
def _describe(subject: Subject) -> Verdict:
    (name, url), _ = _models(subject)
    reply = subject.ask("GET", f"/models/{name}")
    content = _object(reply)
    kept = (content.get("modelName"), content.get("modelUrl")) == (name, url)
    return judged(reply.status == 200 and kept, f"GET /models/{name} gave {reply.status}")


@_in_multi_model_mode
def _invoke(subject: Subject) -> Verdict:
    replies = [_ask(subject, name) for name in NAMES]
    return judged(all(one.status == 200 for one in replies), f"{_statuses(replies)} of two models")


@_in_multi_model_mode
def _unknown(subject: Subject) -> Verdict:
    replies = [
        subject.ask("GET", f"/models/{_ABSENT}"),
        subject.ask("DELETE", f"/models/{_ABSENT}"),
        _ask(subject, _ABSENT),
    ]
    kept = all(one.status == 404 for one in replies)
    return judged(kept, f"describing, unloading and invoking gave {_statuses(replies)}")


@_in_multi_model_mode
def _unload(subject: Subject) -> Verdict:
    status = subject.ask("DELETE", f"/models/{NAMES[0]}").status
    if status != 200:
        return failed(f"unloading {NAMES[0]} gave {status}")
    left, other = _ask(subject, NAMES[0]).status, _ask(subject, NAMES[1]).status
    return judged((left, other) == (404, 200), f"then it gave {left}, and the other model {other}")


@_in_multi_model_mode
def _unload_again(subject: Subject) -> Verdict:
    status = subject.ask("DELETE", f"/models/{NAMES[0]}").status
    return judged(status == 404, f"unloading {NAMES[0]} again gave {status}")


@_in_multi_model_mode
def _load_anew(subject: Subject) -> Verdict:
    status = _post(subject, *_models(subject)[0]).status
    return judged(status == 200, f"loading {NAMES[0]} anew gave {status}")


def clean_up(subject: Subject) -> None:
    """Unload what the checks loaded."""
    for name in NAMES:
        subject.ask("DELETE", f"/models/{name}")


def _models(subject: Subject) -> list[tuple[str, str]]:
    return list(zip(NAMES, subject.folders, strict=True))


def _post(subject: Subject, name: str, url: str) -> Reply:
    body = json.dumps({"model_name": name, "url": url}).encode()
    return subject.ask("POST", "/models", body, {"Content-Type": "application/json"})


def _ask(subject: Subject, name: str) -> Reply:
    return subject.ask("POST", f"/models/{name}/invoke", subject.body, subject.headers)


def _object(reply: Reply) -> dict[str, Any]:
    try:
        content = json.loads(reply.body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _statuses(replies: list[Reply]) -> str:
    return ", ".join(str(one.status) for one in replies)


def _check(name: str, contract: str, look: Look) -> Check:
    return Check(name, contract, MULTI_MODEL, look)


LOADING = (
    _check("load", "POST /models with model_name and url loads a model: 200.", _load),
    _check("load-again", "Loading what is loaded gives 409.", _load_again),
    _check("load-nothing", "What cannot be loaded is not said to be: no 200.", _load_nothing),
    _check("list", "GET /models lists names and urls, page by page.", _list),
    _check("describe", "GET /models/<name> gives its name and url.", _describe),
    _check("invoke", "POST /models/<name>/invoke predicts.", _invoke),
    _check("unknown-model", "Whatever concerns a model that is not loaded gives 404.", _unknown),
)

UNLOADING = (
    _check("unload", "DELETE /models/<name> unloads it, and nothing else: 200.", _unload),
    _check("unload-again", "Unloading what is not loaded gives 404.", _unload_again),
    _check("load-anew", "An unloaded model can be loaded again.", _load_anew),
)
