import json
from pathlib import Path

from scripts.role import main
from tests.local_test.cloud.servers import CloudServer
from tests.scripts.launching import call, launch


def test_the_role_is_made_once_and_brought_up_to_date(
    cloud_server: CloudServer, tmp_path: Path
) -> None:
    environment = cloud_server.environment | {"IMAGECLF_LAUNCH_ROLE": "mine"}
    first = launch("role", folder=tmp_path, environment=environment)
    assert first.returncode == 0, first.stderr
    assert "arn:aws:iam::123456789012:role/mine" in first.stdout
    iam = cloud_server.client("iam")
    before = iam.get_role_policy(RoleName="mine", PolicyName="imageclf")["PolicyDocument"]
    environment["IMAGECLF_LAUNCH_PREFIX"] = "other"
    again = call(main, folder=tmp_path, environment=environment)
    assert again.returncode == 0, again.stderr
    after = iam.get_role_policy(RoleName="mine", PolicyName="imageclf")["PolicyDocument"]
    assert "/imageclf/*" in str(before)
    assert "/other/*" in str(after)
    tags = iam.list_role_tags(RoleName="mine")["Tags"]
    assert {"Key": "imageclf:project", "Value": "imageclf"} in tags


def test_a_dry_run_prints_both_documents_without_an_account(tmp_path: Path) -> None:
    done = call(main, "--dry-run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout).keys() == {"Trust", "Permissions"}


def test_a_role_of_another_account_cannot_be_made(tmp_path: Path) -> None:
    done = call(main, "--dry-run", "--role", "arn:aws:iam::123456789012:role/a", folder=tmp_path)
    assert done.returncode == 2
    assert "give the name of a role" in done.stderr
