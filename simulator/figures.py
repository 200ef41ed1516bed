"""The statistics of a city: what its statistics office publishes, late, and revises."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import numpy as np

from collector.language.messages import Statistic
from collector.language.profile import StationProfile
from simulator import economy, governance, parameters
from simulator.cities import City
from simulator.drivers import DAY, date_of, local_day, midnight
from simulator.scenario import Scenario
from simulator.streams import DailyNormals, Floats, Streams


class CityFigures:
    """What the statistics offices of a city publish, block by block."""

    def __init__(
        self, city: City, scenario: Scenario, streams: Streams, first: int, offices: tuple[StationProfile, ...]
    ) -> None:
        self._zone, self._offices = ZoneInfo(city.timezone), offices
        day = local_day(scenario.start, self._zone)
        self._since = day if midnight(day, self._zone) == scenario.start else day + 1
        self._figures = Figures(city, scenario, streams, first)

    def told(self, start: int, until: int) -> tuple[tuple[StationProfile, Statistic], ...]:
        """Get what is published from `start` to before `until` (epoch seconds), in the order of time."""
        if not self._offices:
            return ()
        days = range(max(local_day(start, self._zone) - 1, self._since), local_day(until, self._zone) + 1)
        return tuple(
            (office, statistic)
            for time, statistics in self._figures.published(days, self._since)
            if start <= time < until
            for office in self._offices
            for statistic in statistics
        )


class Figures:
    """The daily figures of a city: visitors and the adoption of digital services, as published and as revised."""

    def __init__(self, city: City, scenario: Scenario, streams: Streams, first: int) -> None:
        self._governance, self._visitors = parameters.governance(city), parameters.economy(city).visitors
        self._mean = max(self._visitors.per_thousand * (city.population or 0) / 1000.0, self._visitors.lowest)
        self._mixing = DailyNormals(streams.generator(city.id, "visitors/mixing"), first)
        self._count = DailyNormals(streams.generator(city.id, "visitors/count"), first)
        self._error = DailyNormals(streams.generator(city.id, "visitors/error"), first)
        self._start, self._ambassadors = scenario.start, scenario.policies.ambassadors
        self._zone = ZoneInfo(city.timezone)

    def published(self, days: range, since: int) -> Iterator[tuple[int, list[Statistic]]]:
        """Get when and what is told about each of some local days.

        First figures on the next morning, and the revised number of visitors, which is the true one, some days later;
        nothing is known of days before `since`.
        """
        made = self._governance.publication
        earlier = range(days.start - made.revision_days, days.stop - made.revision_days)
        columns = (self.estimates(days), self.adoption(days).round(2), self.visitors(earlier))
        for day, estimate, adoption, true in zip(days, *(column.tolist() for column in columns), strict=True):
            published = midnight(day + 1, self._zone) + 3600 * made.hour
            time, period = np.datetime64(published, "s"), date_of(day).isoformat()
            told = [
                Statistic("visitor_arrivals", period, time, 0, estimate),
                Statistic("eservice_adoption", period, time, 0, adoption),
            ]
            if (before := day - made.revision_days) >= since:
                told.append(Statistic("visitor_arrivals", date_of(before).isoformat(), time, 1, true))
            yield published, told

    def estimates(self, days: range) -> Floats:
        """Get the number of visitors of local days as first published."""
        made = self._governance.publication
        factor = 1.0 + made.first_bias + made.first_sd * self._error.of(days)
        return np.maximum(np.rint(self.visitors(days) * factor), 0.0)

    def visitors(self, days: range) -> Floats:
        """Get the true number of visitors of local days."""
        made = self._visitors
        factor = np.array([made.monthly[date_of(day).month - 1] for day in days])
        return economy.visitor_arrivals(
            self._mean, factor, self._mixing.of(days), self._count.of(days), made.dispersion
        )

    def adoption(self, days: range) -> Floats:
        """Get the adoption (%) on local days; ambassadors raise innovation from the start of the scenario on."""
        made = self._governance.adoption
        before_years = (self._start / DAY - (made.launch.toordinal() - date_of(0).toordinal())) / 365.25
        before = governance.eservice_adoption(before_years, made.innovation, made.imitation, made.ceiling)
        effect = 1.0 + made.ambassador_effect * self._ambassadors / made.ambassadors_per_effect
        ends = np.array([midnight(day + 1, self._zone) for day in days], dtype=np.int64)
        late = (ends - self._start) / DAY / 365.25 + min(before_years, 0.0)
        return governance.eservice_adoption(late, made.innovation * effect, made.imitation, made.ceiling, float(before))
