"""Windows of data points, counted from the first, whatever the portions in which they come."""

import numpy as np

from imageclf.profiler.recorded import Floats


class Windows:
    """Gives the last `window` data points once `patience` have come, then each `window` more.

    Args:
        patience: data points before the first judgement; at least `window` are waited for.
        window: data points that are judged together.
        width: values of each data point.
    """

    def __init__(self, patience: int, window: int, width: int = 1) -> None:
        self.count = 0
        self._window = window
        self._next = max(patience, window)
        self._at_s: Floats = np.empty(0)
        self._rows: Floats = np.empty((0, width))

    def add(self, at_s: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """Take data points [N] and their rows [N, width].

        Returns:
            The time at which each window that is now complete ends [K], and the windows
            [K, window, width].
        """
        self._at_s = np.concatenate((self._at_s, at_s))
        self._rows = np.concatenate((self._rows, rows))
        self.count += len(at_s)
        complete = max(0, (self.count - self._next) // self._window + 1)
        kept_from = self.count - len(self._rows)
        begin = self._next - self._window - kept_from
        end = begin + complete * self._window
        ends_s = self._at_s[begin + self._window - 1 : end : self._window] if complete else at_s[:0]
        windows = self._rows[max(begin, 0) : max(end, 0)] if complete else self._rows[:0]
        self._next += complete * self._window
        self._forget(self._next - self._window - kept_from)
        return ends_s, windows.reshape(complete, self._window, self._rows.shape[1])

    def _forget(self, before: int) -> None:
        if before > 0:
            self._at_s, self._rows = self._at_s[before:].copy(), self._rows[before:].copy()
