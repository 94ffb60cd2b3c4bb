"""Names and tags of everything that is made, by which it is found again."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from scripts.sections import Settings

PROJECT_TAG = "imageclf:project"
MADE_BY_TAG = "imageclf:made-by"
MADE_BY = "scripts"
ENDPOINT_TAG = "imageclf:endpoint"
"""Names the endpoint that a model or configuration was made for."""

TRAINING_CHARACTERS = 63
TUNING_CHARACTERS = 32


def now() -> datetime:
    """The time that names are made of, UTC."""
    return datetime.now(UTC)


def name(settings: Settings, kind: str, at: datetime, characters: int = TRAINING_CHARACTERS) -> str:
    """`<project>-<kind>-20261121-140509-123`, cut in front to what the service allows."""
    stamp = f"{at:%Y%m%d-%H%M%S}-{at.microsecond // 1000:03d}"
    room = characters - len(stamp) - 1
    front = f"{settings.project}-{kind}" if kind else settings.project
    front = re.sub(r"[^a-zA-Z0-9-]+", "-", front)[:room].strip("-")
    return f"{front}-{stamp}"


def short_name(settings: Settings, at: datetime) -> str:
    """A name of at most 32 characters, as tuning jobs must have."""
    stamp = f"{at:%y%m%d-%H%M%S}-{at.microsecond // 1000:03d}"
    return f"{settings.project[: TUNING_CHARACTERS - len(stamp) - 1].strip('-')}-{stamp}"


def tags(settings: Settings) -> list[dict[str, str]]:
    """`Tags` of every request that takes them."""
    return [{"Key": key, "Value": value} for key, value in tag_values(settings).items()]


def tag_values(settings: Settings) -> Mapping[str, str]:
    """The tags by key; ours go before those of the settings."""
    return {**settings.tags, PROJECT_TAG: settings.project, MADE_BY_TAG: MADE_BY}
