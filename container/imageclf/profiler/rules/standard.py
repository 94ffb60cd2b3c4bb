"""The rules of `profile=on`: all of them, with figures for trainings of minutes as well as days."""

from imageclf.rules.configuration import RuleConfiguration

_STANDARD: dict[str, dict[str, str]] = {}


def configurations() -> tuple[RuleConfiguration, ...]:
    """Rules and parameters of `profile=on`."""
    return tuple(
        RuleConfiguration(name, name, dict(given), optional=True)
        for name, given in _STANDARD.items()
    )
