import errno
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError
from local_test.cloud.journal import Entry, Journal
from local_test.cloud.moto_side import MotoSide
from local_test.cloud.settings import CloudSettings


def request(operation: str, body: dict[str, Any], service: str = "ecr") -> dict[str, Any]:
    content = json.dumps(body).encode()
    scope = f"test/20261121/us-east-1/{service}/aws4_request"
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(content)),
        "CONTENT_TYPE": "application/x-amz-json-1.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={scope}, x",
        "HTTP_X_AMZ_TARGET": f"Target.{operation}",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": io.StringIO(),
    }


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud.open(CloudSettings(root=tmp_path))


def kept(cloud: Cloud) -> list[Entry]:
    return list(Journal(cloud.settings.root / "journal.jsonl").entries())


def ask(side: MotoSide, environ: dict[str, Any]) -> str:
    begun: list[str] = []
    list(side(environ, lambda status, *_: begun.append(status)))
    assert len(begun) == 1
    return begun[0]


def test_only_what_changed_something_is_kept(cloud: Cloud) -> None:
    side = MotoSide(cloud)
    name = {"repositoryName": "kept-or-not"}
    assert ask(side, request("CreateRepository", name)).startswith("200")
    assert ask(side, request("CreateRepository", name)).startswith("400")
    assert ask(side, request("DescribeRepositories", {})).startswith("200")
    assert [json.loads(entry.body) for entry in kept(cloud)] == [name]


def test_a_large_request_is_done_but_not_kept(cloud: Cloud) -> None:
    policy = {"repositoryName": "large", "policyText": "x" * (64 << 10)}
    side = MotoSide(cloud)
    ask(side, request("CreateRepository", {"repositoryName": "large"}))
    ask(side, request("SetRepositoryPolicy", policy))
    assert len(kept(cloud)) == 1


def test_a_change_that_cannot_be_kept_is_not_told_as_done(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Journal, "append", fail)
    begun: list[object] = []
    with pytest.raises(OSError, match="No space left"):
        MotoSide(cloud)(
            request("CreateRepository", {"repositoryName": "full"}),
            lambda *begin: begun.append(begin),
        )
    assert begun == []


def test_what_moto_does_not_know_is_not_done(cloud: Cloud) -> None:
    with pytest.raises(ApiError, match=r"does not do this: .*get_download_url") as caught:
        ask(MotoSide(cloud), request("GetDownloadUrlForLayer", {}))
    assert caught.value.status == 501


def test_what_moto_lacks_a_package_for_is_refused_with_its_name(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "joserfc", None)
    asked = request("ListUserPools", {"MaxResults": 1}, service="cognito-idp")
    with pytest.raises(ApiError, match="without the package joserfc; install it") as caught:
        ask(MotoSide(cloud), asked)
    assert caught.value.status == 501
