"""Whose turn it is, by weight, exactly: no dice, so that a share is kept from the first request on.

The method is smooth weighted round robin, as nginx has it: each turn every name gains its weight,
the one that has most is taken and pays the sum of all weights.
"""

from collections.abc import Mapping


class Turns:
    """An endless order of the names in `weights`; not for several threads at once."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = {name: weight for name, weight in weights.items() if weight > 0}
        self._weights = self._weights or dict.fromkeys(weights, 1.0)
        self._gained = dict.fromkeys(self._weights, 0.0)
        self._sum = sum(self._weights.values())

    def next(self) -> str:
        """The next name; ties go to the first."""
        for name, weight in self._weights.items():
            self._gained[name] += weight
        chosen = max(self._gained, key=self._gained.__getitem__)
        self._gained[chosen] -= self._sum
        return chosen
