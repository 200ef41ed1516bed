"""What a simulation says, gathered block by block into the same records as were measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from simulator.cities import cities
from simulator.run import CityBlock
from simulator.validation.reading import Measured
from simulator.validation.series import Floats, Integers, Series, Times
from simulator.validation.tickets import Tickets, tickets_of

LEAST_TICKS = 0.75
TEMPERATURE = "air_temperature"
COUNTED = frozenset({"traffic_flow", "rain"})
"""What a tick says of the interval that ends with it, so that the tick of an hour belongs to the hour before."""


class SeriesGathering:
    """The simulated side of a series: means (or extremes) of its slots, NaN where the measured one is missing."""

    def __init__(self, measured: Measured) -> None:
        assert isinstance(measured.record, Series)  # noqa: S101 - tickets have their own
        self._measured, self._like = measured, measured.record
        slots = len(self._like.times)
        self._kind = measured.kind.replace("_", "-")
        self._ticks = np.zeros(slots)
        self._sums = {measured.indicator: np.zeros(slots)}
        if self._like.companion is not None:
            self._sums[TEMPERATURE] = np.zeros(slots)
        self._counts = {name: np.zeros(slots) for name in self._sums}
        self._maximum, self._minimum = np.full(slots, -np.inf), np.full(slots, np.inf)
        self.found: set[str] = set()

    def add(self, block: CityBlock) -> None:
        """Take what a block of the city says."""
        for group in block.groups:
            kind = group.stations[0].kind
            for name in self._sums:
                if name in group.observed and kind == (self._kind if name == self._measured.indicator else "weather"):
                    self.found.add(name)
                    stations = group.observed[name][: self._measured.stations]
                    times = group.times.astype(np.int64) - int(name in COUNTED)
                    self._take(name, times, _mean(self._checked(name, stations)))

    def why_not(self) -> str:
        """Get why there is nothing, empty if there is something."""
        missing = [name for name in self._sums if name not in self.found]
        if not missing:
            return ""
        return f"{' and '.join(missing)} is not simulated in {self._measured.city}"

    def record(self) -> Series:
        """Get the simulated series, with the gaps of the measured one."""
        like, name = self._like, self._measured.indicator
        values = self._of(name) * (24.0 if self._measured.total else 1.0)
        beside = None if like.companion is None else _masked(self._of(TEMPERATURE), like.companion)
        return replace(
            like,
            values=_masked(values, like.values),
            companion=beside,
            maximum=None if like.maximum is None else _masked(self._maximum, like.maximum),
            minimum=None if like.minimum is None else _masked(self._minimum, like.minimum),
        )

    def _checked(self, name: str, stations: Floats) -> Floats:
        """Get values with what would be missing in the measured series as missing: zeros, and what is out of bounds."""
        least, most = self._measured.bounds if name == self._measured.indicator else (-np.inf, np.inf)
        wrong = (stations < least) | (stations > most)
        if self._measured.zero_is_missing:
            wrong |= stations == 0.0
        return np.where(wrong, np.nan, stations)

    def _take(self, name: str, times: Integers, values: Floats) -> None:
        edges, slots = self._measured.edges, len(self._like.times)
        slot = np.searchsorted(edges, times, side="right") - 1
        inside = (slot >= 0) & (slot < slots)
        if name == self._measured.indicator:
            self._ticks += np.bincount(slot[inside], minlength=slots)
        slot, values = slot[inside & np.isfinite(values)], values[inside & np.isfinite(values)]
        self._sums[name] += np.bincount(slot, values, minlength=slots)
        self._counts[name] += np.bincount(slot, minlength=slots)
        if name == self._measured.indicator and self._like.maximum is not None:
            np.maximum.at(self._maximum, slot, values)
            np.minimum.at(self._minimum, slot, values)

    def _of(self, name: str) -> Floats:
        """Get the means of slots in which at least three quarters of the ticks have a value."""
        count = self._counts[name]
        enough = (count > 0) & (count >= LEAST_TICKS * self._ticks)
        return np.where(enough, self._sums[name] / np.maximum(count, 1.0), np.nan)


class StatisticGathering:
    """The simulated side of a monthly statistic: the last revision of each period, days as their mean."""

    def __init__(self, measured: Measured) -> None:
        assert isinstance(measured.record, Series)  # noqa: S101 - statistics are series
        self._measured, self._like = measured, measured.record
        self._last: dict[str, tuple[int, float]] = {}

    def add(self, block: CityBlock) -> None:
        """Take what a block of the city says."""
        for _, told in block.statistics:
            if told.indicator == self._measured.indicator and told.revision >= self._last.get(told.period, (-1,))[0]:
                self._last[told.period] = (told.revision, told.value)

    def why_not(self) -> str:
        """Get why there is nothing, empty if there is something."""
        return "" if self._last else f"{self._measured.indicator} is not simulated in {self._measured.city}"

    def record(self) -> Series:
        """Get the simulated series, with the gaps of the measured one."""
        slots, grid = len(self._like.times), self._like.times
        rows = np.array([_period(period) for period in self._last], dtype=grid.dtype)
        at = (rows - grid[0]).astype(np.int64)
        values = np.array([value for _, value in self._last.values()])
        inside = (at >= 0) & (at < slots)
        count = np.bincount(at[inside], minlength=slots)
        total = np.bincount(at[inside], values[inside], minlength=slots)
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return replace(self._like, values=_masked(mean, self._like.values))


class TicketsGathering:
    """The simulated side of tickets: requests opened and closed at the desks of the city, with the same last day."""

    def __init__(self, measured: Measured) -> None:
        assert isinstance(measured.record, Tickets)  # noqa: S101 - series have their own
        self._measured, self._like = measured, measured.record
        self._opened: dict[tuple[str, str], np.datetime64] = {}
        self._closed: dict[tuple[str, str], np.datetime64] = {}
        self._category: dict[tuple[str, str], str] = {}

    def add(self, block: CityBlock) -> None:
        """Take what a block of the city says."""
        for station, event in block.events:
            request = (station.id, str(event.fields.get("request")))
            if event.type == "service_request.opened":
                self._opened[request] = event.time
                self._category[request] = str(event.fields.get("category", ""))
            elif event.type == "service_request.closed":
                self._closed[request] = event.time

    def why_not(self) -> str:
        """Get why there is nothing, empty if there is something."""
        return "" if self._opened else f"service_requests are not simulated in {self._measured.city}"

    def record(self) -> Tickets:
        """Get the simulated tickets, under the names of the measured classes."""
        zone = ZoneInfo(cities()[self._measured.city].timezone)
        names = dict(zip(self._measured.classes, self._like.classes, strict=True))
        opened = _clock(list(self._opened.values()), zone)
        closed = _clock([self._closed.get(request, np.datetime64("NaT")) for request in self._opened], zone)
        kinds = [names.get(self._category[request], "") for request in self._opened]
        return tickets_of(self._like.calendar, opened, closed, kinds, self._like.classes or ("",))


Gathering = SeriesGathering | StatisticGathering | TicketsGathering


def gathering_of(measured: Measured) -> Gathering:
    """Get what gathers the simulated side of a record."""
    if isinstance(measured.record, Tickets):
        return TicketsGathering(measured)
    if measured.kind == "statistics_office":
        return StatisticGathering(measured)
    return SeriesGathering(measured)


def _mean(stations: Floats) -> Floats:
    """Get the mean over the stations that speak, (ticks,)."""
    known = np.isfinite(stations)
    number = known.sum(axis=0)
    return np.where(number > 0, np.where(known, stations, 0.0).sum(axis=0) / np.maximum(number, 1), np.nan)


def _masked(values: Floats, like: Floats) -> Floats:
    return np.where(np.isfinite(like) & np.isfinite(values), values, np.nan)


def _period(period: str) -> np.datetime64:
    """Get the month a period begins in; a quarter or a year gives its first month."""
    if "Q" in period:
        year, quarter = period.split("-Q")
        return np.datetime64(date(int(year), 3 * int(quarter) - 2, 1), "M")
    return np.datetime64(period, "M")


def _clock(times: Iterable[np.datetime64], zone: ZoneInfo) -> Times:
    """Get times (UTC) on the local clock; NaT stays."""
    utc = np.array(list(times), dtype="datetime64[s]")
    days = utc.astype("datetime64[h]")
    offsets = {}
    for hour in np.unique(days[~np.isnat(days)]):
        moment = hour.astype("datetime64[s]").tolist()
        shift = zone.fromutc(moment.replace(tzinfo=zone)).utcoffset()
        offsets[hour] = 0 if shift is None else int(shift.total_seconds())
    moved = np.array([offsets.get(hour, 0) for hour in days], dtype="timedelta64[s]")
    return np.asarray(utc + moved)
