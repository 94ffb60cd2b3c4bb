"""`python -m local_test.cloud.tuning NAME`: the process that sees to one tuning job."""

import sys
from collections.abc import Sequence

from local_test.cloud.cloud import Cloud
from local_test.cloud.settings import CloudSettings
from local_test.cloud.tuning.lock import held
from local_test.cloud.tuning.trials import KIND
from local_test.cloud.tuning.tuner import Tuner


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """Run the tuning job to its end, unless another process does."""
    (name,) = arguments
    cloud = Cloud.open(CloudSettings.from_environment())
    try:
        with held(cloud, name):
            document = cloud.store.find(KIND, name)
            if document is not None:
                Tuner(cloud, name, document).run()
    except BlockingIOError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
