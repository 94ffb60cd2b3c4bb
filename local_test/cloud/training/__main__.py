"""`python -m local_test.cloud.training NAME`: the process of one training job."""

import sys

from local_test.cloud.cloud import Cloud
from local_test.cloud.machines import runners
from local_test.cloud.settings import CloudSettings
from local_test.cloud.training import runner


def main(name: str) -> None:
    """See to the job `name` of the cloud that the environment tells of."""
    settings = CloudSettings.from_environment()
    runners.guard(settings)
    runner.run(Cloud.open(settings), name)


if __name__ == "__main__":
    main(sys.argv[1])
