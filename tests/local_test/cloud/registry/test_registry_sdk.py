"""Registering a model with SDK v2, unchanged."""

from pathlib import Path

from tests.local_test.cloud.sdk_session import sdk_session
from tests.local_test.cloud.servers import CloudServer


def test_a_registered_model_is_a_new_version_in_its_group(
    cloud_server: CloudServer, tmp_path: Path
) -> None:
    cloud_server.client("s3").create_bucket(Bucket="sdk")
    with sdk_session(cloud_server, tmp_path, "sdk") as session:
        from sagemaker.model import Model  # noqa: PLC0415  (dear, and only for these tests)

        model = Model(
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/imageclf:1",
            "s3://sdk/model.tar.gz",
            role="arn:aws:iam::123456789012:role/imageclf",
            sagemaker_session=session,
        )
        packages = [
            model.register(
                content_types=["image/jpeg"],
                response_types=["application/json"],
                inference_instances=["ml.m5.large"],
                model_package_group_name="registered",
                approval_status=status,
            )
            for status in ("Approved", "PendingManualApproval")
        ]
        found = session.get_most_recently_created_approved_model_package("registered")
    assert packages[1].model_package_arn.endswith(":model-package/registered/2")
    assert found.model_package_arn == packages[0].model_package_arn
