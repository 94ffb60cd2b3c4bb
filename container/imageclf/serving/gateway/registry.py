"""The interface of multi-model mode: load, list, describe, unload.

Source: AWS developer guide, "Contract for Custom Containers for Multi-Model Endpoints".
"""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs

from imageclf.artifact import MANIFEST
from imageclf.serving.gateway.answer import Answer, refuse
from imageclf.serving.gateway.model import Model
from imageclf.serving.gateway.models import Models, unknown_model

PAGE = 100

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,255}")


class Registry:
    """Answers what the platform asks about `models`."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def load(self, body: bytes) -> Answer:
        """`POST /models`: load `{"model_name", "url"}`."""
        name, url = _request(body)
        await self._models.load(name, _folder(url), url)
        return Answer.of(200, {"modelName": name, "modelUrl": url})

    def list(self, query: str) -> Answer:
        """`GET /models`: a page of those that are loaded."""
        asked = parse_qs(query)
        first = _number(asked.get("next_page_token", ["0"])[0], "next_page_token")
        limit = max(1, min(_number(asked.get("limit", [str(PAGE)])[0], "limit"), PAGE))
        names = self._models.names()
        page = {"models": [_described(self.loaded(name)) for name in names[first : first + limit]]}
        if first + limit < len(names):
            return Answer.of(200, {**page, "nextPageToken": str(first + limit)})
        return Answer.of(200, page)

    def describe(self, name: str) -> Answer:
        """`GET /models/NAME`."""
        return Answer.of(200, _described(self.loaded(name)))

    async def unload(self, name: str) -> Answer:
        """`DELETE /models/NAME`: answers when the memory is free."""
        await self._models.unload(name)
        return Answer.of(200, {"modelName": name, "status": "unloaded"})

    def loaded(self, name: str) -> Model:
        """The model of that name.

        Raises:
            RefusalError: 404 it is not loaded.
        """
        model = self._models.find(name)
        if model is None:
            raise unknown_model(name)
        return model


def _described(model: Model) -> dict[str, str]:
    return {"modelName": model.name, "modelUrl": model.url}


def _request(body: bytes) -> tuple[str, str]:
    try:
        content = json.loads(body)
        name, url = content["model_name"], content["url"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise refuse(
            400, "bad-json", 'The body must be {"model_name": "...", "url": "<folder>"}.'
        ) from None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise refuse(
            400,
            "bad-name",
            "model_name must begin with a letter or digit and have letters, digits, '_', '.' and "
            "'-', 256 at most.",
        )
    if not isinstance(url, str) or "\0" in url:
        raise refuse(400, "bad-url", "url must be the path of the model's folder.")
    return name, url


def _folder(url: str) -> Path:
    folder = Path(url.removeprefix("file://"))
    if not folder.is_absolute() or not (folder / MANIFEST).is_file():
        raise refuse(
            400,
            "not-loadable",
            f"{url[:300]} holds no model ({MANIFEST} is absent); url must be the absolute path of "
            "a folder that training made.",
        )
    return folder


def _number(text: str, name: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise refuse(400, "bad-option", f"{name} must be a whole number.")
    return int(text)
