"""What a consumer holds, in columns, before anything is compared; and what of it is allowed to differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from collector.auditing.expected import Floats, Integers, Mask


@dataclass(frozen=True, slots=True)
class Found:
    """One row for each reading that a consumer holds, (n,) each, in the order in which it tells them.

    `stations` and `indicators` are the names as they came, `station` and `indicator` the index of each row's. `time`
    is in milliseconds since 1970, `value` in the catalogue's unit (NaN throughout where the sink has no values),
    `received` when it came (seconds by the wall, NaN where unknown). `empty` counts cells without a value,
    `unreadable` rows whose time or value makes no sense, with an `example` of them.
    """

    stations: Sequence[str]
    indicators: Sequence[str]
    station: Integers
    indicator: Integers
    time: Integers
    value: Floats
    received: Floats
    valued: bool = True
    empty: int = 0
    unreadable: int = 0
    example: str = ""

    @property
    def count(self) -> int:
        """How many readings."""
        return len(self.time)

    def where(self, rows: Mask) -> Found:
        """Only these rows."""
        names = ("station", "indicator", "time", "value", "received")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What may differ: time in milliseconds, a value by `absolute` + `relative` x its size.

    `late` is the latency in seconds from which a reading is late (None: nothing is).
    """

    time: int = 0
    absolute: float = 0.0
    relative: float = 1e-9
    late: float | None = None

    def agree(self, value: Floats, expected: Floats) -> Mask:
        """Where a value is what it should be; anything agrees where there is no value to compare (NaN)."""
        allowed = self.absolute + self.relative * np.abs(expected)
        same: Mask = (np.abs(value - expected) <= allowed) | np.isnan(value)
        return same
