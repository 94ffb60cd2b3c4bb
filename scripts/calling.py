"""How an endpoint is called: commands and code for people to copy."""

import shlex
from collections.abc import Iterator

from scripts.models import Source
from scripts.requests.hosting import Deployment

SAMPLE = "photo.jpg"


def target_of(source: Source) -> str:
    """The TargetModel of a model behind a multi-model endpoint."""
    return f"{source.name}.tar.gz"


def undo(wanted: Deployment) -> str:
    """The command that removes the endpoint again."""
    return f"scripts/teardown.sh {shlex.quote(wanted.endpoint)}"


def lines(wanted: Deployment, target: str) -> Iterator[str]:
    """What asks the endpoint; of a multi-model one, the model `target`."""
    target = target if wanted.kind == "multi-model" else ""
    more = f" --target-model {shlex.quote(target)}" if target else ""
    yield "Ask it:"
    yield f"  scripts/predict.sh {SAMPLE} --endpoint {shlex.quote(wanted.endpoint)}{more}"
    if wanted.kind == "async":
        yield from _later(wanted)
    else:
        yield from _at_once(wanted, target, more)


def _at_once(wanted: Deployment, target: str, more: str) -> Iterator[str]:
    yield (
        f"  aws sagemaker-runtime invoke-endpoint --endpoint-name {wanted.endpoint}{more} "
        f"--content-type image/jpeg --body fileb://{SAMPLE} answer.json"
    )
    yield "  In Python:"
    yield '    runtime = boto3.client("sagemaker-runtime")'
    yield "    answer = runtime.invoke_endpoint("
    yield f'        EndpointName="{wanted.endpoint}",'
    if target:
        yield f'        TargetModel="{target}",'
    yield '        ContentType="image/jpeg",'
    yield f'        Body=open("{SAMPLE}", "rb"),'
    yield "    )"
    yield '    print(answer["Body"].read().decode())'


def _later(wanted: Deployment) -> Iterator[str]:
    yield (
        f"  aws sagemaker-runtime invoke-endpoint-async --endpoint-name {wanted.endpoint} "
        f"--content-type image/jpeg --input-location s3://BUCKET/{SAMPLE}"
    )
