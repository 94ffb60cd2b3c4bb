"""`scripts/role.sh`: the role that jobs and endpoints run under, with the least that it needs."""

import argparse
import json
import sys
from collections.abc import Sequence

from botocore.exceptions import ClientError

from imageclf.errors import SettingsError
from scripts import cli, place, receipt
from scripts.cli import Call
from scripts.place import Place
from scripts.receipt import Made
from scripts.requests import role


def main(arguments: Sequence[str] | None = None) -> int:
    """One call; its exit code."""
    return cli.run(_parser(), _role, arguments)


def _parser() -> argparse.ArgumentParser:
    made = cli.parser("role", "Make the role of jobs and endpoints, or bring it up to date.")
    cli.setting(made, "--role", "role", "its name")
    cli.setting(made, "--bucket", "bucket", "the bucket that it may use")
    cli.setting(made, "--image", "image", "address of the image that it may pull")
    return made


def _role(call: Call) -> int:
    name = call.settings.role
    if name.startswith("arn:"):
        raise SettingsError("`role` is an ARN; give the name of a role of this account.")
    at = _place(call)
    if call.dry:
        print(
            json.dumps(
                {"Trust": role.trust(at.account), "Permissions": role.permissions(at)}, indent=2
            )
        )
        return 0
    iam = call.aws.client("iam")
    arn = _made(call, name, at)
    iam.put_role_policy(**role.put_policy(name, at))
    undo = [
        f"aws iam delete-role-policy --role-name {name} --policy-name {role.POLICY}",
        f"aws iam delete-role --role-name {name}",
    ]
    print("\n".join(receipt.lines([Made("role", name, arn)], "nothing", undo)))
    return 0


def _place(call: Call) -> Place:
    """The account with the role left open: it is what is being made."""
    if call.dry:
        return call.place
    aws = call.aws
    image = call.settings.image or place.default_image(aws.account, aws.region)
    return Place(aws.account, aws.region, aws.bucket, "", image, call.settings.prefix)


def _made(call: Call, name: str, at: Place) -> str:
    """The ARN of the role, which is created, or trusted anew, when it is there."""
    iam = call.aws.client("iam")
    try:
        iam.update_assume_role_policy(**role.update_trust(name, at.account))
        return str(iam.get_role(RoleName=name)["Role"]["Arn"])
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"NoSuchEntity", "NoSuchEntityException"}:
            raise
    made = iam.create_role(**role.create_role(name, call.settings.project, at.account))
    return str(made["Role"]["Arn"])


if __name__ == "__main__":
    sys.exit(main())
