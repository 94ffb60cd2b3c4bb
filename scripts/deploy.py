"""`deploy.sh`: a trained model behind an endpoint, asked once, with how to call it from then on.

The SDK's Model and MultiDataModel send the requests that `scripts.requests.hosting` builds.
"""

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from imageclf.errors import LaunchError, SettingsError
from scripts import (
    calling,
    cli,
    endpoints,
    models,
    naming,
    pictures,
    prices,
    receipt,
    sdk_hosting,
    table,
)
from scripts.cli import Call
from scripts.models import Source
from scripts.receipt import Made
from scripts.requests import hosting, invoking
from scripts.requests.hosting import Deployment

_SECONDS_A_MINUTE = 60
_ENDPOINT_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


def main(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ
) -> int:
    """Make or update an endpoint; the exit code."""
    return cli.run(_parser(), _deploy, arguments, environment)


def _deploy(call: Call) -> int:
    at = naming.now()
    endpoint = _endpoint_name(call, at)
    if not call.dry:
        _check_name(call, endpoint)
    sources = models.resolve(call, call.options.model, call.options.job)
    wanted = plan(call, endpoint, sources, at)
    if call.dry:
        print(receipt.requests(_requests(call, wanted, sources)))
        return 0
    _send(call, wanted, sources)
    call.state.remember(endpoint=wanted.endpoint)
    print("\n".join(_receipt(call, wanted)), flush=True)
    if call.options.wait:
        try:
            endpoints.wait(call.aws, wanted.endpoint, wanted.config, _say)
        except KeyboardInterrupt:
            print(f"\nThe endpoint goes on starting. Remove it: {calling.undo(wanted)}")
            return cli.INTERRUPTED
        if call.options.smoke_test:
            _smoke_test(call, wanted, sources)
    print("\n".join(calling.lines(wanted, sources[0].name)))
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _requests(
    call: Call, wanted: Deployment, sources: Sequence[Source]
) -> list[tuple[str, dict[str, Any]]]:
    copies = [
        ("CopyObject", hosting.copy_model(wanted, source.data, calling.target(source.name)))
        for source in sources
        if wanted.kind == "multi-model"
    ]
    return [*copies, *hosting.all_requests(wanted, update=call.options.update)]


def plan(call: Call, endpoint: str, sources: Sequence[Source], at: datetime) -> Deployment:
    """The endpoint of this name as it shall be.

    Raises:
        SettingsError: its kind does not go with what is asked for.
    """
    deploy, place = call.settings.deploy, call.place
    if deploy.kind != "multi-model" and len(sources) > 1:
        raise SettingsError(f"A {deploy.kind} endpoint has one model; use --kind multi-model.")
    if deploy.kind == "serverless" and deploy.capture:
        raise SettingsError("A serverless endpoint captures no data; leave --capture away.")
    return Deployment(
        endpoint=endpoint,
        model=naming.name(call.settings, "model", at),
        config=naming.name(call.settings, "config", at) if call.options.update else endpoint,
        kind=deploy.kind,
        image=sources[0].image,
        role=place.role,
        model_data=_model_data(call, endpoint, sources),
        instance_type=deploy.instance_type,
        count=deploy.instances,
        memory_mb=deploy.serverless_memory_mb,
        max_concurrency=deploy.serverless_concurrency,
        capture_to=place.uri("captured", endpoint) if deploy.capture else "",
        capture_percent=deploy.capture_percent,
        async_to=place.uri("async", endpoint),
        startup_timeout_s=_startup_timeout_s(call),
        environment=deploy.environment,
        tags={**naming.tag_values(call.settings), naming.ENDPOINT_TAG: endpoint},
    )


def _endpoint_name(call: Call, at: datetime) -> str:
    name = call.options.name
    if name is None and call.options.update:
        return call.state.need("endpoint", "name it with --name, or make one without --update")
    if name is None:
        return naming.name(call.settings, "", at)
    if not _ENDPOINT_NAME.fullmatch(name):
        raise SettingsError(
            f"--name is {name!r}; give at most 63 letters, digits and single hyphens."
        )
    return str(name)


def _model_data(call: Call, endpoint: str, sources: Sequence[Source]) -> str:
    if call.settings.deploy.kind == "multi-model":
        return call.place.uri("multi-model", endpoint) + "/"
    return sources[0].data


def _startup_timeout_s(call: Call) -> int | None:
    """The SDK's MultiDataModel sends none."""
    deploy = call.settings.deploy
    return None if deploy.kind == "multi-model" else deploy.startup_minutes * _SECONDS_A_MINUTE


def _check_name(call: Call, endpoint: str) -> None:
    there = endpoints.find(call.aws, endpoint) is not None
    if call.options.update and not there:
        raise LaunchError(
            f"There is no endpoint {endpoint} to update; leave --update away to make it."
        )
    if there and not call.options.update:
        raise LaunchError(
            f"There is an endpoint {endpoint} already; give it this model with --update, or take "
            "another --name."
        )


def _send(call: Call, wanted: Deployment, sources: Sequence[Source]) -> None:
    if wanted.kind == "multi-model":
        archives = {calling.target(source.name): source.data for source in sources}
        sdk_hosting.add_models(call.aws, wanted, archives)
    start = sdk_hosting.update if call.options.update else sdk_hosting.make
    start(call.aws, wanted)


def _smoke_test(call: Call, wanted: Deployment, sources: Sequence[Source]) -> None:
    """Ask for the classes of one picture, so that it is known to answer."""
    picture = call.options.picture
    body = pictures.content(picture) if picture else pictures.made_up_jpeg()
    kind = invoking.content_type(picture or Path(calling.SAMPLE))
    if wanted.kind == "async":
        uri = endpoints.upload(call.aws, body, kind, wanted.async_to + "/pictures")
        request = invoking.invoke_async(wanted.endpoint, kind, uri)
        answer = endpoints.collect(call.aws, endpoints.ask_later(call.aws, request))
    else:
        target = calling.target(sources[0].name) if wanted.kind == "multi-model" else ""
        answer = endpoints.ask(
            call.aws, invoking.invoke(wanted.endpoint, kind, target_model=target), body
        )
    title = f"It answers ({picture or 'a made-up picture'}):"
    for line in table.classes(title, endpoints.predictions(answer), bars=sys.stdout.isatty()):
        print(line)


def _receipt(call: Call, wanted: Deployment) -> list[str]:
    made = [
        Made("endpoint", wanted.endpoint, page=call.aws.console(f"/endpoints/{wanted.endpoint}")),
        Made("config", wanted.config),
        Made("model", wanted.model, wanted.model_data),
    ]
    return receipt.lines(made, call.charged(_cost(call, wanted)), [calling.undo(wanted)])


def _cost(call: Call, wanted: Deployment) -> str:
    region, own = call.place.region, call.settings.prices
    if wanted.kind == "serverless":
        return prices.serverless(wanted.memory_mb, region)
    return prices.hourly(wanted.instance_type, wanted.count, region, own) + ", until it is removed"


def _parser() -> argparse.ArgumentParser:
    made = cli.parser("deploy", "Put a trained model behind an endpoint.")
    cli.waiting(made)
    add = made.add_argument
    add(
        "--model",
        action="append",
        default=[],
        metavar="[NAME=]MODEL",
        help="s3://.../model.tar.gz, an archive here, or a model package; several for multi-model",
    )
    add("--job", action="append", default=[], help="training job; the last one by itself")
    add("--name", help="of the endpoint")
    add("--update", action="store_true", help="give the model to an endpoint that is there")
    add("--picture", type=_picture, metavar="FILE", help="to try it with; one is made up else")
    add(
        "--smoke-test",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="ask it once when it is ready",
    )
    cli.setting(made, "--kind", "deploy.kind", ", ".join(hosting.KINDS))
    cli.setting(made, "--instance-type", "deploy.instance_type", "such as ml.g4dn.xlarge")
    add("--instances", "--count", dest="deploy.instances", metavar="N", help="how many of them")
    add(
        "--serverless-memory-mb",
        dest="deploy.serverless_memory_mb",
        metavar="MB",
        help="1024 to 6144",
    )
    cli.setting(made, "--capture", "deploy.capture", "keep requests and answers in S3", yes_no=True)
    return made


def _picture(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{path} is not there; name a picture.")
    return path


if __name__ == "__main__":
    sys.exit(main())
