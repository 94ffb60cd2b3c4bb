"""What a client of S3 is told when a request cannot be done: S3's codes, statuses and words."""

from local_test.cloud.errors import ApiError


def no_such_bucket() -> ApiError:
    """The bucket is not there."""
    return ApiError("NoSuchBucket", "The specified bucket does not exist", 404)


def no_such_key() -> ApiError:
    """The object is not there."""
    return ApiError("NoSuchKey", "The specified key does not exist.", 404)


def no_such_upload() -> ApiError:
    """The multipart upload is not there."""
    return ApiError(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have"
        " been aborted or completed.",
        404,
    )


def no_such_version() -> ApiError:
    """A version was asked for; objects here have none but `null`."""
    return ApiError("NoSuchVersion", "The specified version does not exist.", 404)


def invalid_argument(message: str) -> ApiError:
    """A parameter or header is wrong."""
    return ApiError("InvalidArgument", message)


def invalid_request(message: str) -> ApiError:
    """The parts of a request do not fit together."""
    return ApiError("InvalidRequest", message)


def malformed_xml() -> ApiError:
    """The body is not the document that it should be."""
    return ApiError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def precondition_failed() -> ApiError:
    """A header If-... does not hold."""
    return ApiError(
        "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412
    )


def not_implemented(what: str) -> ApiError:
    """A thing of S3 that this endpoint does not do."""
    return ApiError("NotImplemented", f"The local endpoint does not do this: {what}.", 501)


def method_not_allowed() -> ApiError:
    """There is no such operation."""
    return ApiError(
        "MethodNotAllowed", "The specified method is not allowed against this resource.", 405
    )
