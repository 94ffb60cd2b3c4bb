"""Part of it."""


class OpenAPIValidationError(Exception):
    pass
