"""What a client is told when a request cannot be done: AWS's error codes, as values to raise."""


class ApiError(Exception):
    """An answer that is an error, as AWS would give it.

    `code` is what clients match on; `status` is the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def validation(message: str) -> ApiError:
    """A field is wrong, or (SageMaker's way for most kinds) a resource is not there."""
    return ApiError("ValidationException", message)


def not_found(message: str) -> ApiError:
    """A resource is not there; the code that jobs are missed with."""
    return ApiError("ResourceNotFound", message)


def in_use(message: str) -> ApiError:
    """There is one of that name already, or it may not be changed now."""
    return ApiError("ResourceInUse", message)


def limit_exceeded(message: str) -> ApiError:
    """More than is allowed."""
    return ApiError("ResourceLimitExceeded", message)


def unsupported(message: str) -> ApiError:
    """A thing of SageMaker that this endpoint does not do; never a pretended success."""
    return ApiError("ValidationException", f"The local endpoint does not do this: {message}")
