"""What an alert is raised on: a rule, and what it does with the readings of one series. Pure: no clock, no I/O.

All times are reading times in seconds since 1970; "now" is the newest reading, never the wall.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum

BINS = 24
LEAST_BINS = 18
"""A moving mean is of 24 equal bins, of which 18 (75 %, as for means of air quality) hold a reading."""
PAST = 200
"""How many readings are kept to tell a rate of change."""
MOST_BINS = 100_000
"""How many bins a moving mean keeps, of all stations of a city."""


class Kind(StrEnum):
    """What a rule looks at."""

    ABOVE = "above"
    BELOW = "below"
    RISES = "rises"
    FALLS = "falls"
    MISSING = "missing"


class Across(StrEnum):
    """What the value of a city is made of: the mean of all its readings, or the sum or maximum of its stations."""

    MEAN = "mean"
    SUM = "sum"
    MAX = "max"


class Severity(StrEnum):
    """How grave an alert is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class State(StrEnum):
    """Where a series stands with a rule."""

    QUIET = "quiet"
    PENDING = "pending"
    RAISED = "raised"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a file.

    `level` raises and `clear` clears, in the unit of the indicator, for a rate in that unit per `within` seconds; for
    missing data `level` is the silence in seconds. What raises must hold for `lasting` seconds. `average` is the
    length of a moving mean in seconds (0: single readings). Empty `cities` and `stations` are all. `by_city` watches
    a city's stations put together (`across`), else each station by itself. `flagged` takes values out of their bounds
    too.
    """

    id: str
    kind: Kind
    level: float
    clear: float
    indicator: str = ""
    unit: str = ""
    lasting: int = 0
    average: int = 0
    within: int = 0
    by_city: bool = False
    across: Across = Across.MEAN
    cities: tuple[str, ...] = ()
    stations: tuple[str, ...] = ()
    flagged: bool = False
    energetic: bool = False
    severity: Severity = Severity.WARNING
    message: str = ""
    source: str = ""

    @property
    def digest(self) -> str:
        """Tells whether a rule still asks the same as when a state was kept."""
        asked = {key: value for key, value in asdict(self).items() if key not in ("severity", "message", "source")}
        if self.across is Across.MEAN:
            del asked["across"]  # as it was before there was any other
        return hashlib.sha256(repr(sorted(asked.items())).encode()).hexdigest()[:16]

    def concerns(self, city: str, station: str) -> bool:
        """Whether a rule is about a station of a city."""
        return (not self.cities or city in self.cities) and (not self.stations or station in self.stations)


@dataclass(slots=True)
class Track:
    """Where one series (a station, or a city) stands with one rule.

    `since` is when the state began: of a raised alert when its cause did. `newest` is the newest reading, `value` what
    was last compared. `bins` hold sums and counts by the number of the bin and the station (empty: all together),
    `past` times and values for a rate.
    """

    state: State = State.QUIET
    since: int = 0
    newest: int | None = None
    value: float | None = None
    bins: dict[tuple[int, str], tuple[float, int]] = field(default_factory=dict)
    past: list[tuple[int, float]] = field(default_factory=list)

    def take(self, rule: Rule, time: int, value: float, station: str = "") -> State | None:
        """Take a reading of a station; the new state if an alert was raised or cleared (QUIET) by it.

        A reading that is not newer than the newest counts in a moving mean only.
        """
        newest = self.newest
        if rule.kind is Kind.MISSING:
            self.newest = time if newest is None else max(newest, time)
            return self._settle(time) if self.state is State.RAISED else None
        if rule.average:
            return self._average(rule, time, value, station if rule.across is not Across.MEAN else "")
        if newest is not None and time <= newest:
            return None
        self.newest = time
        told = value if not rule.within else self._rate(rule, time, value)
        return None if told is None else self._judge(rule, time, told)

    def forget(self) -> None:
        """Forget all readings, for a wrong clock told the newest; an alert that stands goes on standing."""
        self.newest, self.bins, self.past = None, {}, []
        if self.state is State.PENDING:
            self.state = State.QUIET

    def silence(self, rule: Rule, watermark: int) -> State | None:
        """Look how long a series has been silent by the watermark of its run; RAISED if that is news."""
        if self.newest is None:
            self.newest = watermark  # born and never heard: silent from now on
        self.value = float(max(watermark - self.newest, 0))
        if self.state is State.RAISED or self.value < rule.level:
            return None
        self.state, self.since = State.RAISED, self.newest
        return State.RAISED

    def _average(self, rule: Rule, time: int, value: float, station: str) -> State | None:
        """Put a reading into its bin; when a new bin begins, judge the mean of those that have ended."""
        width = rule.average // BINS
        here, newest = time // width, self.newest
        open_bin = None if newest is None else newest // width
        changed = None
        if open_bin is not None and here > open_bin:
            changed = self._close(rule, here, width)
        known = (here, station) in self.bins or len(self.bins) < MOST_BINS
        if known and (open_bin is None or here > open_bin - BINS):
            total, count = self.bins.get((here, station), (0.0, 0))
            self.bins[here, station] = (total + (10 ** (value / 10) if rule.energetic else value), count + 1)
        self.newest = time if newest is None else max(newest, time)
        return changed

    def _close(self, rule: Rule, here: int, width: int) -> State | None:
        self.bins = {key: held for key, held in self.bins.items() if here - BINS <= key[0]}
        ended = {key: held for key, held in self.bins.items() if key[0] < here}
        if len({number for number, _ in ended}) < LEAST_BINS:
            return None
        told: dict[str, list[tuple[float, int]]] = {}
        for (_, station), held in ended.items():
            told.setdefault(station, []).append(held)
        means = [math.fsum(total for total, _ in one) / sum(count for _, count in one) for one in told.values()]
        found = max(means) if rule.across is Across.MAX else math.fsum(means)
        return self._judge(rule, here * width, 10 * math.log10(found) if rule.energetic else found)

    def _rate(self, rule: Rule, time: int, value: float) -> float | None:
        """The change per `within`, from the oldest reading not older than that; None before half of it has passed."""
        self.past = [(at, old) for at, old in self.past if time - rule.within <= at]
        found = None
        if self.past and time - self.past[0][0] >= rule.within / 2:
            start, old = self.past[0]
            found = (value - old) / (time - start) * rule.within
        if not self.past or time - self.past[-1][0] >= rule.within / PAST:
            self.past.append((time, value))
        return found

    def _judge(self, rule: Rule, time: int, value: float) -> State | None:
        self.value = value
        sign = -1.0 if rule.kind in (Kind.BELOW, Kind.FALLS) else 1.0
        level, clear = (rule.level, rule.clear) if rule.within else (sign * rule.level, sign * rule.clear)
        if self.state is State.RAISED:
            return self._settle(time) if sign * value <= clear else None
        if sign * value <= level:
            self.state, self.since = State.QUIET, time
            return None
        if self.state is State.QUIET:
            self.state, self.since = State.PENDING, time
        if time - self.since < rule.lasting:
            return None
        self.state = State.RAISED
        return State.RAISED

    def _settle(self, time: int) -> State:
        self.state, self.since = State.QUIET, time
        return State.QUIET
