"""How an endpoint is called: commands and code for people to copy."""

import shlex
from collections.abc import Iterator

from scripts.requests.hosting import Deployment

SAMPLE = "photo.jpg"
_SUFFIX = ".tar.gz"


def target(name: str) -> str:
    """The TargetModel of the model called `name` behind a multi-model endpoint."""
    return name if name.endswith(_SUFFIX) else name + _SUFFIX


def undo(wanted: Deployment) -> str:
    """The command that removes the endpoint again."""
    return f"scripts/teardown.sh {shlex.quote(wanted.endpoint)}"


def lines(wanted: Deployment, model: str) -> Iterator[str]:
    """What asks the endpoint; of a multi-model one, the one called `model`."""
    wished = target(model) if wanted.kind == "multi-model" else ""
    more = f" --target-model {shlex.quote(wished)}" if wished else ""
    yield "Ask it:"
    yield f"  scripts/predict.sh {SAMPLE} --endpoint {shlex.quote(wanted.endpoint)}{more}"
    if wanted.kind == "async":
        yield from _later(wanted)
    else:
        yield from _at_once(wanted, wished, more)


def _at_once(wanted: Deployment, model: str, more: str) -> Iterator[str]:
    yield (
        f"  aws sagemaker-runtime invoke-endpoint --endpoint-name {wanted.endpoint}{more} "
        f"--content-type image/jpeg --body fileb://{SAMPLE} answer.json"
    )
    yield "  In Python:"
    yield '    runtime = boto3.client("sagemaker-runtime")'
    yield "    answer = runtime.invoke_endpoint("
    yield f'        EndpointName="{wanted.endpoint}",'
    if model:
        yield f'        TargetModel="{model}",'
    yield '        ContentType="image/jpeg",'
    yield f'        Body=open("{SAMPLE}", "rb"),'
    yield "    )"
    yield '    print(answer["Body"].read().decode())'


def _later(wanted: Deployment) -> Iterator[str]:
    yield (
        f"  aws sagemaker-runtime invoke-endpoint-async --endpoint-name {wanted.endpoint} "
        f"--content-type image/jpeg --input-location s3://BUCKET/{SAMPLE}"
    )
