"""Statistics of requests of citizens: how many, at which hours, and how long they take, class by class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from simulator.validation.series import Floats, Integers, Times, vertex
from simulator.validation.statistics import Figures, by_hour, told

LEAST_CLOSED = 100
LEAST_FITTED = 20
POOLED = "all classes"


@dataclass(frozen=True, slots=True)
class Tickets:
    """The requests opened on the local days of `calendar` (days,).

    `day` (a row of the calendar, ascending), `hour` (of the day, 0 to 24), `hours` to the resolution (NaN where not
    closed within the record) and `kind` (of `classes`, -1 for others), each (requests,).
    """

    calendar: Times
    day: Integers
    hour: Floats
    hours: Floats
    kind: Integers
    classes: tuple[str, ...]

    @property
    def present(self) -> Floats:
        """Get 1 for each day: a day without requests is a value too."""
        return np.ones(len(self.calendar))

    def take(self, rows: Integers) -> Tickets:
        """Get tickets with other days: day i has the requests of day `rows[i]`."""
        starts = np.searchsorted(self.day, np.arange(len(self.calendar) + 1))
        counts = np.diff(starts)[rows]
        offsets = np.repeat(starts[:-1][rows] - (np.cumsum(counts) - counts), counts)
        which = offsets + np.arange(counts.sum())
        day = np.repeat(np.arange(len(rows)), counts)
        return Tickets(self.calendar, day, self.hour[which], self.hours[which], self.kind[which], self.classes)

    def part(self, first: int, end: int) -> Tickets:
        """Get the days from `first` to before `end`."""
        at = slice(*np.searchsorted(self.day, (first, end)).tolist())
        day, calendar = self.day[at] - first, self.calendar[first:end]
        return Tickets(calendar, day, self.hour[at], self.hours[at], self.kind[at], self.classes)

    def of_class(self) -> Iterator[tuple[str, Floats]]:
        """Get the hours to the resolution of the closed requests of each class, above 0."""
        for number, name in enumerate(self.classes):
            hours = self.hours[self.kind == number]
            yield name, hours[hours > 0.0]


def tickets_of(calendar: Times, opened: Times, closed: Times, kinds: list[str], classes: tuple[str, ...]) -> Tickets:
    """Get the requests opened on the days of a calendar (local clock).

    A request closed after the last day, or never (NaT), counts as open. Without `classes`, those with at least 100
    closed requests are taken.
    """
    opened, closed = opened.astype("datetime64[s]"), closed.astype("datetime64[s]")
    end = (calendar[-1] + 1).astype("datetime64[s]")
    known = (opened >= calendar[0].astype("datetime64[s]")) & (opened < end)
    order = np.flatnonzero(known)[np.argsort(opened[known], kind="stable")]
    opened, closed, names = opened[order], closed[order], np.array(kinds, dtype=object)[order]
    hours = np.where(closed < end, (closed - opened) / np.timedelta64(3600, "s"), np.nan)  # NaT is never before
    day = (opened.astype("datetime64[D]") - calendar[0]).astype(np.int64)
    hour = (opened - opened.astype("datetime64[D]")) / np.timedelta64(3600, "s")
    if not classes:
        found = {str(name) for name in names}
        classes = tuple(sorted(name for name in found if (hours[names == name] > 0.0).sum() >= LEAST_CLOSED))
    number = {name: at for at, name in enumerate(classes)}
    kind = np.array([number.get(name, -1) for name in names], dtype=np.int64)
    return Tickets(calendar, day, hour, hours, kind, classes)


def _daily(tickets: Tickets) -> Floats:
    return np.bincount(tickets.day, minlength=len(tickets.calendar)).astype(np.float64)


def _cycle(tickets: Tickets) -> Floats:
    return np.bincount(tickets.hour.astype(np.int64) % 24, minlength=24) / max(len(tickets.hour), 1) * 24.0


def requests_a_day(tickets: Tickets) -> Figures:
    """Mean number of requests opened a day."""
    return {"mean a day": float(_daily(tickets).mean())}


def dispersion(tickets: Tickets) -> Figures:
    """Variance of the daily counts (n - 1) over their mean; 1 for a Poisson process."""
    daily = _daily(tickets)
    return told(
        {"variance to mean of daily counts": float(daily.var(ddof=1) / daily.mean()) if daily.any() else np.nan}
    )


def request_factors(tickets: Tickets) -> Figures:
    """Requests of each third hour of the day over the mean of the hours."""
    return by_hour("factor of", _cycle(tickets))


def request_peak(tickets: Tickets) -> Figures:
    """Hour of the peak of the daily cycle (the middle of the hour is its half), by the vertex of a parabola."""
    return told({"hour of the peak": (vertex(_cycle(tickets)) + 0.5) % 24.0})


def resolution_quantiles(tickets: Tickets) -> Figures:
    """Median and 90 % quantile of the hours to the resolution, by class, of those closed within the record."""
    figures: Figures = {}
    for name, hours in tickets.of_class():
        if len(hours) >= LEAST_FITTED:
            figures[f"median of {name}"] = float(np.median(hours))
            figures[f"quantile 90 % of {name}"] = float(np.quantile(hours, 0.9))
    return figures


def resolution_shape(tickets: Tickets) -> Figures:
    """By class: sd of ln hours, and the Kolmogorov-Smirnov distance to the lognormal of the same mean and sd of ln.

    The pooled sd of ln hours is over all requests, of whatever class.
    """
    pooled = np.log(tickets.hours[tickets.hours > 0.0])
    figures = {f"sd of ln hours of {POOLED}": float(pooled.std())} if len(pooled) >= LEAST_FITTED else {}
    for name, hours in tickets.of_class():
        if len(hours) >= LEAST_FITTED:
            figures[f"sd of ln hours of {name}"] = float(np.log(hours).std())
            figures[f"distance to a lognormal of {name}"] = lognormal_distance(hours)
    return told(figures)


def lognormal_distance(hours: Floats) -> float:
    """Get the largest distance between the distribution of hours and the lognormal fitted to them by moments of ln."""
    logs = np.sort(np.log(hours))
    sd = logs.std()
    if sd == 0.0:
        return float("nan")
    fitted, number = ndtr((logs - logs.mean()) / sd), len(logs)
    above, below = np.arange(1, number + 1) / number - fitted, fitted - np.arange(number) / number
    return float(max(above.max(), below.max()))
