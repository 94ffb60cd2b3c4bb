"""Faults of disk and S3 in words that stand in a job's FailureReason."""

import errno
import sqlite3

from local_test.cloud.objects.store import NoSuchBucketError, NoSuchKeyError

FAULTS = (NoSuchBucketError, NoSuchKeyError, OSError, sqlite3.OperationalError)
"""What reading from S3, writing to it, or using the disk can raise."""


def explain(error: Exception) -> str:
    """A sentence about one of `FAULTS`, as AWS or a person would put it."""
    if isinstance(error, NoSuchBucketError):
        return "NoSuchBucket (404): The specified bucket does not exist."
    if isinstance(error, NoSuchKeyError):
        return "NoSuchKey (404): The specified key does not exist."
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "The disk is full; make room and start again."
    if isinstance(error, OSError) and error.errno in {errno.ENOTDIR, errno.EISDIR, errno.EEXIST}:
        return f"{error.filename} is the name of a file and of a folder too; rename one of them."
    return f"{error}."
