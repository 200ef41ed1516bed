"""What statistics remember: series by month and by year that do not depend on when a run begins."""

from __future__ import annotations

import numpy as np

from simulator.recursion import lfilter
from simulator.streams import DailyNormals, Floats, Streams

FIRST_YEAR = 1890
FIRST_MONTH = 12 * (FIRST_YEAR - 1970)
FIRST_PERIOD = {"month": FIRST_MONTH, "year": FIRST_YEAR}


class MonthlyMemory:
    """A first-order autoregression by month, of mean 0 and variance 1, in its stationary state since 1890."""

    def __init__(self, streams: Streams, name: str, purpose: str, memory: float) -> None:
        self._normals = DailyNormals(streams.generator(name, purpose), FIRST_MONTH)
        self._memory = memory

    def of(self, months: range) -> Floats:
        """Get the values of months (since 1970-01), (months,)."""
        normals = self._normals.of(range(FIRST_MONTH, months.stop))
        kept, new = self._memory, float(np.sqrt(1.0 - self._memory**2))
        later, _ = lfilter([new], [1.0, -kept], normals[1:], zi=kept * normals[:1])
        return np.asarray(np.append(normals[:1], later)[months.start - FIRST_MONTH :])


class YearlyWalk:
    """A random walk by year with standard normal steps, 0 in the year of its anchor, both ways from there."""

    def __init__(self, streams: Streams, name: str, purpose: str, anchor: int) -> None:
        self._ahead = DailyNormals(streams.generator(name, f"{purpose}/ahead"), 0)
        self._behind = DailyNormals(streams.generator(name, f"{purpose}/behind"), 0)
        self._anchor = anchor

    def of(self, years: range) -> Floats:
        """Get the values of years, (years,)."""
        ahead = np.append(0.0, np.cumsum(self._ahead.of(range(max(years.stop - 1 - self._anchor, 0)))))
        behind = np.append(0.0, np.cumsum(self._behind.of(range(max(self._anchor - years.start, 0)))))
        away = np.array(years) - self._anchor
        return np.asarray(np.where(away >= 0, ahead[np.maximum(away, 0)], behind[np.maximum(-away, 0)]))
