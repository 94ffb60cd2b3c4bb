"""What a full disk and the like are called."""

import errno
import os

import pytest

from local_test.cloud.objects.store import NoSuchBucketError
from local_test.cloud.training.faults import explain


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "The disk is full; make room"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "The disk is full; make room"),
        (NotADirectoryError(errno.ENOTDIR, "", "a/b"), "a/b is the name of a file and of a folder"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), "Permission denied: 'a'."),
        (NoSuchBucketError(), "NoSuchBucket (404)"),
    ],
)
def test_a_fault_is_told_so_that_a_person_understands_it(error: Exception, told: str) -> None:
    assert told in explain(error)
