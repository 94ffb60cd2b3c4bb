"""What processing jobs are called."""

from local_test.cloud.jobs import Kind

KIND = Kind("processing-job", "Processing", "local_test.cloud.processing")
