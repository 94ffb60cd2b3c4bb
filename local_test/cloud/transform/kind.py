"""What transform jobs are called."""

from local_test.cloud.jobs import Kind

KIND = Kind("transform-job", "Transform", "local_test.cloud.transform")
