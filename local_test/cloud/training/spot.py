"""When spot instances are taken away: as scheduled, or by chance."""

import random
from dataclasses import dataclass

from imageclf.errors import SettingsError

_HOUR_S = 3600.0


@dataclass(frozen=True)
class Schedule:
    """`after_s` the training began, once; or `per_hour` times an hour on average; or never."""

    after_s: float | None = None
    per_hour: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """The schedule that LOCAL_CLOUD_SPOT writes as `after=20` or `rate=2`.

        Raises:
            SettingsError: it is neither.
        """
        name, _, number = text.partition("=")
        try:
            value = float(number) if text else 0.0
        except ValueError:
            value = -1.0
        if name not in {"after", "rate", ""} or not 0 <= value < float("inf"):
            raise SettingsError(
                f"LOCAL_CLOUD_SPOT is {text!r}; write after=20 (seconds after the training "
                "began), rate=2 (times an hour), or nothing."
            )
        return cls(after_s=value) if name == "after" else cls(per_hour=value)

    def due_s(self, interruptions: int, chance: random.Random) -> float:
        """Seconds of training until the next interruption; infinite for none."""
        if self.after_s is not None:
            return float("inf") if interruptions else self.after_s
        return chance.expovariate(self.per_hour / _HOUR_S) if self.per_hour else float("inf")
