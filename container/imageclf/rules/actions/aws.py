"""Clients of AWS for actions: imported when one is needed, impatient, faults in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imageclf.errors import ActionError

_CONNECT_S = 5
_READ_S = 10
_TRIES = 2


def client(service: str, region: str) -> Any:
    """A boto3 client that gives up after half a minute; `region` may be empty: boto3's own.

    Raises as `asking` expects it.
    """
    import boto3  # noqa: PLC0415  (a watching process seldom needs it)
    from botocore.config import Config  # noqa: PLC0415

    patience = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=_READ_S,
        retries={"total_max_attempts": _TRIES, "mode": "standard"},
    )
    return boto3.Session().client(service, region_name=region or None, config=patience)


@contextmanager
def asking(purpose: str) -> Iterator[None]:
    """Run a block that asks AWS; `purpose` begins the sentence of a fault: `No event was sent`.

    Raises:
        ActionError: AWS refuses, or cannot be asked.
    """
    from botocore.exceptions import (  # noqa: PLC0415
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        NoRegionError,
    )

    try:
        yield
    except NoCredentialsError as error:
        raise ActionError(
            f"{purpose}: no AWS credentials are found; give the job a role, or set AWS_PROFILE."
        ) from error
    except NoRegionError as error:
        raise ActionError(f"{purpose}: no region is known; set AWS_REGION.") from error
    except ClientError as error:
        told = error.response.get("Error", {})
        code, message = (
            told.get("Code", "unknown"),
            str(told.get("Message", "")).strip().rstrip("."),
        )
        raise ActionError(
            f"{purpose}: AWS refused {error.operation_name} ({code}: {message}); see to the "
            "permissions of the role."
        ) from error
    except (BotoCoreError, ValueError) as error:  # ValueError: an address that is none
        said = " ".join(str(error).split()).rstrip(".")
        raise ActionError(f"{purpose}: AWS cannot be asked ({said}).") from error
