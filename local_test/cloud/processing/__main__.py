"""The process that sees to one processing job: `python -m local_test.cloud.processing NAME`."""

import sys

from local_test.cloud import job_run
from local_test.cloud.processing.kind import KIND
from local_test.cloud.processing.runner import work

if __name__ == "__main__":
    sys.exit(job_run.main(sys.argv[1:], KIND, work))
