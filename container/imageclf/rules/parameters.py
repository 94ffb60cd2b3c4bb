"""Parameters of rules, under their documented names; values may come as strings."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _none(value: Any) -> Any:
    return None if isinstance(value, str) and value.strip().lower() in {"none", ""} else value


Maybe = BeforeValidator(_none)
"""Marks a parameter that may be None, written `None`."""

MaybeText = Annotated[str | None, Maybe]
MaybeFloat = Annotated[float | None, Maybe]
MaybeInt = Annotated[int | None, Maybe]


class RuleParameters(BaseModel):
    """Parameters of a rule under their documented names; values may come as strings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
