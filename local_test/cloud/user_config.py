"""The defaults of SageMaker's Python SDK (v2) for the local cloud, as the file that it reads.

The SDK asks STS for the account when no bucket is given, at an address that no variable changes;
with a bucket given it does not. Its telemetry is switched off.
"""

import json
from pathlib import Path

from local_test.cloud.beginnings import default_bucket, role_arn
from local_test.cloud.commands import SDK_CONFIG
from local_test.cloud.settings import CloudSettings


def write(settings: CloudSettings) -> Path:
    """Write the file below the root; JSON, which is YAML too."""
    path = settings.root / SDK_CONFIG
    config = {
        "SchemaVersion": "1.0",
        "SageMaker": {
            "PythonSDK": {
                "Modules": {
                    "TelemetryOptOut": True,
                    "Session": {"DefaultS3Bucket": default_bucket(settings)},
                }
            },
            "Model": {"ExecutionRoleArn": role_arn()},
            "ProcessingJob": {"RoleArn": role_arn()},
            "TrainingJob": {"RoleArn": role_arn()},
        },
    }
    path.write_text(json.dumps(config, indent=2) + "\n")
    return path
