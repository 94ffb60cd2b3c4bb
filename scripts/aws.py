"""The only place that makes boto3 and SDK sessions.

Region and credentials are found as boto3 finds them; AWS_ENDPOINT_URL leads all of them to a
local endpoint. `explained` turns what AWS or boto3 raises into one sentence.
"""

import os
import urllib.parse
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
)

from imageclf.errors import LaunchError
from scripts import place
from scripts.place import Place
from scripts.sections import Settings

if TYPE_CHECKING:
    from sagemaker.session import Session

LOCAL_POLL_S = 0.5
AWS_POLL_S = 5.0

REFUSALS = (ClientError, BotoCoreError)
"""What boto3 raises when AWS says no, or cannot be asked."""

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_EXPIRED = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
}
_ABSENT_BUCKET = {"404", "NoSuchBucket"}


class Aws:
    """The account that the credentials open, in the region of the settings."""

    def __init__(self, settings: Settings, environment: Mapping[str, str] = os.environ) -> None:
        self.settings = settings
        try:
            self._boto = boto3.Session(
                region_name=settings.region or place.environment_region(environment) or None
            )
        except ProfileNotFound as error:
            raise LaunchError(explained(error)) from error
        if not self._boto.region_name:
            raise LaunchError(
                "No region is known; set AWS_REGION, `region` in the settings, or --region."
            )
        self.region: str = self._boto.region_name
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The boto3 client of a service, made once."""
        if service not in self._clients:
            config = Config(
                retries={"mode": "standard", "max_attempts": 5}, max_pool_connections=32
            )
            self._clients[service] = self._boto.client(service, config=config)
        return self._clients[service]

    @cached_property
    def is_local(self) -> bool:
        """Whether requests go to this machine instead of AWS."""
        host = urllib.parse.urlsplit(self._sagemaker_url).hostname or ""
        return host in {"localhost", "::1"} or host.startswith("127.")

    @property
    def poll_s(self) -> float:
        """Seconds between two looks at what is being made."""
        return LOCAL_POLL_S if self.is_local else AWS_POLL_S

    @cached_property
    def name(self) -> str:
        """What tells this place from others: the account's region, or the local address."""
        if self.is_local:
            return "local-" + urllib.parse.urlsplit(self._sagemaker_url).netloc
        return f"{self.account}-{self.region}"

    @cached_property
    def account(self) -> str:
        """The number of the account."""
        return str(self.client("sts").get_caller_identity()["Account"])

    @cached_property
    def bucket(self) -> str:
        """The bucket of the settings, or the account's default one, which is made if missing.

        Raises:
            LaunchError: the bucket that the settings name is not there.
        """
        name = self.settings.bucket or place.default_bucket(self.account, self.region)
        try:
            self.client("s3").head_bucket(Bucket=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ABSENT_BUCKET:
                raise LaunchError(
                    f"The bucket {name} cannot be used ({_code(error)}); name one of yours in "
                    "`bucket`."
                ) from error
            if self.settings.bucket:
                raise LaunchError(
                    f"There is no bucket {name}; make it (aws s3 mb s3://{name}), or leave "
                    "`bucket` empty for the account's default one."
                ) from error
            self._make_bucket(name)
        return name

    @cached_property
    def role(self) -> str:
        """The ARN of the role of the settings.

        Raises:
            LaunchError: there is no role of that name.
        """
        name = self.settings.role
        if name.startswith("arn:"):
            return name
        try:
            return str(self.client("iam").get_role(RoleName=name)["Role"]["Arn"])
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"NoSuchEntity", "NoSuchEntityException"}:
                raise
            raise LaunchError(
                f"There is no role {name}; make it with scripts/role.sh, or name yours in `role`."
            ) from error

    @cached_property
    def place(self) -> Place:
        """Account, region, bucket, role and image, all of them asked for."""
        return Place(
            account=self.account,
            region=self.region,
            bucket=self.bucket,
            role=self.role,
            image=self.settings.image or place.default_image(self.account, self.region),
            prefix=self.settings.prefix,
        )

    @cached_property
    def sdk(self) -> "Session":
        """A session of the SageMaker SDK on the same clients; it sends nothing by itself."""
        _quieten()
        from sagemaker.session import Session  # noqa: PLC0415  (takes seconds to import)

        session = Session(
            boto_session=self._boto,
            sagemaker_client=self.client("sagemaker"),
            sagemaker_runtime_client=self.client("sagemaker-runtime"),
            default_bucket=self.bucket,
            sagemaker_config={
                "SchemaVersion": "1.0",
                "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
            },
        )
        _trust_the_configuration()
        return session

    def console(self, page: str) -> str | None:
        """The address of a page below SageMaker's console; None where there is no console."""
        if self.is_local:
            return None
        front = f"https://{self.region}.console.aws.amazon.com/sagemaker/home"
        return f"{front}?region={self.region}#/{page.lstrip('/')}"

    @property
    def _sagemaker_url(self) -> str:
        return str(self.client("sagemaker").meta.endpoint_url)

    def _make_bucket(self, name: str) -> None:
        where = {"LocationConstraint": self.region}
        more = {} if self.region == "us-east-1" else {"CreateBucketConfiguration": where}
        self.client("s3").create_bucket(Bucket=name, **more)


def explained(error: ClientError | BotoCoreError) -> str:
    """One sentence: what AWS or boto3 said, and what to do."""
    if isinstance(error, ClientError):
        return _refused(error)
    said = str(error).rstrip(".")
    if isinstance(error, NoCredentialsError):
        return "No AWS credentials are found; run aws configure, or set AWS_PROFILE."
    if isinstance(error, ProfileNotFound):
        return f"{said}; set AWS_PROFILE to one of your profiles."
    if isinstance(error, EndpointConnectionError):
        return f"{said}; start the local cloud, or unset AWS_ENDPOINT_URL."
    return f"AWS cannot be asked: {said}."


def _refused(error: ClientError) -> str:
    code, message = _code(error), _message(error)
    if code in _EXPIRED:
        return f"The AWS credentials are not accepted ({code}: {message}); renew them."
    if code in _DENIED:
        return f"AWS denies {error.operation_name} ({code}: {message}); ask for the permission."
    return f"AWS refused {error.operation_name} ({code}): {message}."


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def _message(error: ClientError) -> str:
    message = str(error.response.get("Error", {}).get("Message", "")).strip()
    return message.rstrip(".") or "no reason given"


def _quieten() -> None:
    """Keep the SDK's notes on its deprecation and its defaults out of the terminal."""
    import logging  # noqa: PLC0415
    import warnings  # noqa: PLC0415

    os.environ.setdefault("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
    warnings.filterwarnings("ignore", module="sagemaker")
    for name in ("botocore", "sagemaker", "sagemaker.config"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _trust_the_configuration() -> None:
    """Spare the SDK seconds: it would hold the same constant against its schema at each look-up."""
    import sagemaker.utils  # noqa: PLC0415

    vars(sagemaker.utils)["validate_sagemaker_config"] = lambda _config: None
