"""`teardown.sh`: finds by its tags what the launchers made, and removes it when asked to.

Jobs that run are stopped; endpoints, their configurations and models are deleted. Packages in the
registry go with --all only, objects in S3 with --data only. Nothing without the tags is touched.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError

from imageclf.errors import LaunchError, SettingsError
from scripts import cli, found, place, receipt, removal, s3, table
from scripts.aws import Aws
from scripts.cli import Call
from scripts.found import GROUP, Resource

_NO_BUCKET = {"NoSuchBucket", "404"}


@dataclass(frozen=True)
class Data:
    """What lies below an address in S3."""

    address: str = ""
    objects: int = 0
    size_bytes: int = 0


def main(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ
) -> int:
    """Remove what was made; the exit code."""
    return cli.run(_parser(), _tear_down, arguments, environment)


def _tear_down(call: Call) -> int:
    options = call.options
    if options.names and (options.data or options.all):
        raise SettingsError("Names, --all and --data do not go together; leave the names away.")
    account = Aws(call.settings, call.environment)
    there = found.find(account, call.settings.project)
    chosen = found.named(there, options.names) if options.names else there
    chosen = [one for one in chosen if options.all or one.kind != GROUP]
    data = _data(account) if options.data else Data()
    if not chosen and not data.objects:
        print(_nothing(call, there))
        return 0
    print("\n".join(_listed(chosen, data)), flush=True)
    if options.dry_run:
        print(receipt.requests(removal.requests(chosen)))
        return 0
    if not options.yes and not _agreed():
        print("Nothing was removed.")
        return 1
    removal.remove(account, chosen, lambda line: print(line, flush=True))
    if data.objects:
        deleted = removal.delete_objects(account, data.address)
        print(f"deleted  {deleted} objects below {data.address}")
    _forget(call, chosen, with_data=bool(data.objects))
    return _rest(call, account)


def _listed(chosen: Sequence[Resource], data: Data) -> list[str]:
    rows = [["what", "name", "status"]]
    rows += [[one.kind.word, one.name, one.status] for one in chosen]
    if data.objects:
        size = f"{data.objects} objects, {data.size_bytes / 1e6:.1f} MB"
        rows.append(["data", data.address, size])
    return table.columns(rows)


def _data(account: Aws) -> Data:
    """All that lies below the launchers' prefix.

    The bucket is not made when it is missing, as other launchers would.
    """
    settings = account.settings
    bucket = settings.bucket or place.default_bucket(account.account, account.region)
    address = f"s3://{bucket}/{settings.prefix}/"
    try:
        sizes = [size for _, size in s3.sizes(account.client("s3"), address)]
    except ClientError as error:
        if error.response["Error"]["Code"] in _NO_BUCKET:
            return Data(address)
        raise
    return Data(address, len(sizes), sum(sizes))


def _nothing(call: Call, there: Sequence[Resource]) -> str:
    if call.options.names:
        names = ", ".join(call.options.names)
        return f"Nothing called {names} has the tags of the project {call.settings.project}."
    kept = "; packages in the registry stay without --all" if there else ""
    return f"Nothing of the project {call.settings.project} runs or is deployed{kept}."


def _agreed() -> bool:
    """Ask; only yes is yes.

    Raises:
        SettingsError: there is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise SettingsError("Nobody can be asked whether to remove these; say --yes.")
    return input("Remove all of these? [y/N] ").strip().lower() in {"y", "yes"}


def _forget(call: Call, removed: Sequence[Resource], *, with_data: bool) -> None:
    """Let no launcher take up what is gone."""
    names = {one.name for one in removed}
    notes: dict[str, str | None] = {}
    if call.state.last("endpoint") in names:
        notes["endpoint"] = None
    if with_data:
        notes |= {"data": None, "model_data": None, "training_job": None}
    if notes:
        call.state.remember(**notes)


def _rest(call: Call, account: Aws) -> int:
    """Say what is left.

    Raises:
        LaunchError: something is left that should be gone.
    """
    left = found.find(account, call.settings.project)
    packages = [one for one in left if one.kind == GROUP]
    others = [one for one in left if one.kind != GROUP]
    if call.options.names:
        others = found.named(others, call.options.names)
    if others or (packages and call.options.all):
        names = ", ".join(f"{one.kind.word} {one.name}" for one in left)
        raise LaunchError(f"Still there: {names}; run scripts/teardown.sh again.")
    kept = ["records and logs of jobs that are over"]
    kept += [f"package group {one.name} (--all)" for one in packages]
    kept += [] if call.options.data else ["data in S3 (--data)"]
    print(f"kept     {', '.join(kept)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    made = cli.parser("teardown", "Remove what the launchers made, found by its tags.")
    add = made.add_argument
    add("names", nargs="*", metavar="NAME", help="only these, with what stands behind an endpoint")
    add("--yes", action="store_true", help="do not ask")
    add("--all", action="store_true", help="packages in the registry, too")
    add("--data", action="store_true", help="all objects below the prefix in S3, too")
    return made


if __name__ == "__main__":
    sys.exit(main())
