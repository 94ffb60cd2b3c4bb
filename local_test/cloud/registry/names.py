"""What a model package and its group are called: names, versions, ARNs, and what they stand for."""

from local_test.cloud.errors import validation

GROUP = "model-package-group"
PACKAGE = "model-package"


def group_name(arn_or_name: str) -> str:
    """The name of a group that is given by ARN or by name."""
    return _resource(arn_or_name, GROUP)


def package_key(arn_or_name: str) -> str:
    """What a package is kept under: `group/version`, or its name when it has no versions."""
    return _resource(arn_or_name, PACKAGE)


def _resource(arn_or_name: str, kind: str) -> str:
    if not arn_or_name.startswith("arn:"):
        return arn_or_name
    found, _, name = arn_or_name.rpartition(":")[2].partition("/")
    if found != kind:
        raise validation(f"{arn_or_name} is not the ARN of a {kind.replace('-', ' ')}.")
    return name
