"""The process that sees to one transform job: `python -m local_test.cloud.transform NAME`."""

import sys

from local_test.cloud import job_run
from local_test.cloud.transform.kind import KIND
from local_test.cloud.transform.runner import work

if __name__ == "__main__":
    sys.exit(job_run.main(sys.argv[1:], KIND, work))
