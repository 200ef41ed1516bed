"""The true figures of a city by period: what its statistics converge to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator import economy, environment, governance, parameters
from simulator.cities import City
from simulator.drivers import DAY, local_day, midnight
from simulator.figures.memory import MonthlyMemory, YearlyWalk
from simulator.figures.record import Record
from simulator.figures.schedule import days_of, first_day, years_since
from simulator.interventions import UNDISTURBED, Influence, Influences, ambassadors
from simulator.scenario import Scenario
from simulator.streams import DailyNormals, Floats, Streams

Figure = Callable[[range], Floats]
"""The values of periods, numbered as in `schedule`; NaN where there is nothing to tell."""


def figures(city: City, scenario: Scenario, streams: Streams, first: int, record: Record) -> Mapping[str, Figure]:
    """Get the true figures of a city by indicator; `first` is the first local day anything is drawn for."""
    acting = scenario.influences(city.id)
    tourism, people = Tourism(city, streams, first, record, acting), People(city, streams, acting)
    services = Services(city, scenario, streams, record)
    return {
        "visitor_arrivals": tourism.visitor_arrivals,
        "eservice_adoption": services.eservice_adoption,
        "sla_compliance": services.sla_compliance,
        "hotel_occupancy": tourism.hotel_occupancy,
        "unemployment": people.unemployment,
        "eservice_share": services.eservice_share,
        "eprocurement_share": services.eprocurement_share,
        "internet_access": people.internet_access,
        "gpp_per_capita": people.gpp_per_capita,
        "ghg_per_capita": people.ghg_per_capita,
    }


class Tourism:
    """Visitors and occupied rooms, which smoke keeps away (an assumption)."""

    def __init__(
        self, city: City, streams: Streams, first: int, record: Record, influences: Influences = UNDISTURBED
    ) -> None:
        made, self._influence = parameters.economy(city), influences.on("visitors")
        self._visitors, self._occupancy, self._smoke = made.visitors, made.occupancy, made.smoke
        self._mean = max(made.visitors.per_thousand * (city.population or 0) / 1000.0, made.visitors.lowest)
        self._mixing = DailyNormals(streams.generator(city.id, "visitors/mixing"), first)
        self._count = DailyNormals(streams.generator(city.id, "visitors/count"), first)
        self._rooms = MonthlyMemory(streams, city.id, "occupancy", made.occupancy.memory)
        self._record = record

    def visitor_arrivals(self, days: range) -> Floats:
        """Get the visitors of local days."""
        made, months = self._visitors, _months(days) % 12
        luck = self._mixing.of(days), self._count.of(days)
        attraction = self.attraction(days, self._smoke.visitors) * np.exp(made.month_sd * self._demand(days))
        return economy.visitor_arrivals(self._mean, np.array(made.monthly)[months], *luck, made.dispersion, attraction)

    def hotel_occupancy(self, months: range) -> Floats:
        """Get the occupancy (%) of months."""
        made = self._occupancy
        first, days = first_day("month", months.start), [days_of("month", month) for month in months]
        left = self.attraction(range(first, days[-1].stop), self._smoke.occupancy)
        kept = np.array([left[month.start - first : month.stop - first].mean() for month in days])
        factor = np.array(made.monthly)[np.array(months, dtype=np.int64) % 12]
        return economy.hotel_occupancy(made.mean, factor, made.sd * self._rooms.of(months), kept)

    def _demand(self, days: range) -> Floats:
        """Get the demand of the month of each day, of mean 0 and variance 1: rooms and visitors share it."""
        months = _months(days)
        found = self._rooms.of(range(int(months[0]), int(months[-1]) + 1))
        return np.asarray(found[months - months[0]])

    def attraction(self, days: range, effect: float) -> Floats:
        """Get what smoke and interventions leave of local days, relative to a usual day; no smoke before the run."""
        usual = np.array(self._smoke.usual)[_months(days) % 12]
        left = economy.smoke_effect(self._record.smoke(days), usual, effect)
        return self._influence.act(np.where(np.isfinite(left), left, 1.0), noons(days))


class People:
    """Work, income, energy and internet access of the people."""

    def __init__(self, city: City, streams: Streams, influences: Influences = UNDISTURBED) -> None:
        self._influences = influences
        self._made, self._population = parameters.economy(city), float(city.population or 1)
        self._gases = parameters.environment(city).greenhouse_gases
        self._work = MonthlyMemory(streams, city.id, "unemployment", self._made.unemployment.memory)
        self._product = YearlyWalk(streams, city.id, "gpp", self._made.gpp.year)
        self._energy = YearlyWalk(streams, city.id, "energy", self._made.energy.year)
        self._distance = YearlyWalk(streams, city.id, "distance", self._made.energy.year)

    def unemployment(self, months: range) -> Floats:
        """Get the unemployment (%) of months."""
        made = self._made.unemployment
        rate = economy.unemployment(made.mean, made.sd * self._work.of(months))
        return over(self._influences.on("unemployment"), "month", months, rate)

    def internet_access(self, months: range) -> Floats:
        """Get the households with internet access (%) at the end of months."""
        made = self._made.internet_access
        years = 1970.0 + (np.array(months) + 1.0) / 12.0 - (made.year + 0.5)
        years = at_end(self._influences.on("internet_access"), months, years)
        return economy.internet_access(years, made.share, made.ceiling, made.rate)

    def gpp_per_capita(self, years: range) -> Floats:
        """Get the gross provincial product per person (THB) of years."""
        made = self._made.gpp
        shocks = made.sd * self._product.of(years)
        product = economy.gpp_per_capita(made.thb, np.array(years) - made.year, made.growth, shocks)
        return over(self._influences.on("gpp_per_capita"), "year", years, product)

    def ghg_per_capita(self, years: range) -> Floats:
        """Get the greenhouse-gas emissions per person (t CO2e) of years."""
        made, people = self._made.energy, self._population
        trend = made.growth * (np.array(years) - made.year)
        electricity = made.electricity_kwh / 1000.0 * people * np.exp(trend + made.sd * self._energy.of(years))
        distance = made.vehicle_km * people * np.exp(trend + made.sd * self._distance.of(years))
        electricity = over(self._influences.on("electricity_demand"), "year", years, electricity)
        for driver in ("traffic", "traffic_emissions"):
            distance = over(self._influences.on(driver), "year", years, distance)
        gases = self._gases
        return environment.ghg_per_capita(electricity, gases.grid_factor, distance, gases.vehicle_factor, people)


class Services:
    """The services of the city: electronic ones, who uses them, and how soon requests are closed."""

    def __init__(self, city: City, scenario: Scenario, streams: Streams, record: Record) -> None:
        self._made, self._zone = parameters.governance(city), ZoneInfo(city.timezone)
        made, self._start = self._made.adoption, scenario.start
        helped = 1.0 + made.ambassador_effect * scenario.policies.ambassadors / made.ambassadors_per_effect
        acting = (*scenario.interventions, *ambassadors(helped, scenario.start))
        self._influences = Influences(acting, [city.id])
        self._reached: list[float] = []
        services = self._made.electronic_services.services
        drawn = streams.generator(city.id, "electronic-services").random(services)
        self._launches = (np.arange(services) + drawn) / services
        self._procured = MonthlyMemory(streams, city.id, "procurement", self._made.procurement.memory)
        self._record = record

    def eservice_adoption(self, days: range) -> Floats:
        """Get the adoption (%) on local days; ambassadors raise innovation."""
        made = self._made.adoption
        before_years = years_since(made.launch, self._start / DAY)
        before = governance.eservice_adoption(before_years, made.innovation, made.imitation, made.ceiling)
        if influence := self._influences.on("eservice_innovation"):
            return self._step_by_step(days, float(before), before_years, made.innovation, influence)
        ends = np.array([midnight(day + 1, self._zone) for day in days], dtype=np.int64)
        late = (ends - self._start) / DAY / 365.25 + min(before_years, 0.0)
        return governance.eservice_adoption(late, made.innovation, made.imitation, made.ceiling, float(before))

    def _step_by_step(
        self, days: range, before: float, before_years: float, innovation: float, influence: Influence
    ) -> Floats:
        """Get the adoption (%) on local days where innovation changes by day: each day goes on from the last."""
        made, first = self._made.adoption, local_day(self._start, self._zone)
        for day in range(first + len(self._reached), days.stop):
            times = np.array([max(midnight(day, self._zone), self._start), midnight(day + 1, self._zone)])
            begin, end = np.maximum((times - self._start) / DAY / 365.25 + min(before_years, 0.0), 0.0)
            now = innovation * float(influence.on_days([day])[0])
            last = self._reached[-1] if self._reached else before
            reached = governance.eservice_adoption(end - begin, max(now, 1e-9), made.imitation, made.ceiling, last)
            self._reached.append(float(reached))
        return np.array(self._reached[max(days.start - first, 0) : days.stop - first])

    def sla_compliance(self, days: range) -> Floats:
        """Get the share of the requests closed on local days that were closed within their target (%)."""
        return governance.sla_compliance(*self._record.closed(days))

    def eservice_share(self, months: range) -> Floats:
        """Get the share of services that are electronic (%) at the end of months."""
        made = self._made.electronic_services
        years = np.array([years_since(made.midpoint, first_day("month", month + 1)) for month in months])
        years = at_end(self._influences.on("electronic_services"), months, years)
        return governance.eservice_share(years, made.rate, self._launches)

    def eprocurement_share(self, months: range) -> Floats:
        """Get the share of procurement done electronically (%) in months."""
        made = self._made.procurement
        years = np.array([years_since(made.midpoint, first_day("month", month)) for month in months])
        years = at_end(self._influences.on("electronic_procurement"), months, years)
        deviation = made.sd * self._procured.of(months)
        return governance.eprocurement_share(years, made.ceiling, made.rate, deviation)


def noons(days: range) -> NDArray[np.int64]:
    """Get noon (UTC) of days, in seconds since 1970-01-01."""
    return np.array(days, dtype=np.int64) * DAY + DAY // 2


def over(influence: Influence, kind: str, periods: range, values: Floats) -> Floats:
    """Get the values of periods with what acts on them, on average over the days of each."""
    if not influence:
        return values
    factors = np.array([float(influence.on_days(days_of(kind, period)).mean()) for period in periods])
    return np.asarray(values * factors)


def at_end(influence: Influence, months: range, years: Floats) -> Floats:
    """Get a time on a curve (years) at the end of months, with what interventions add to it by then."""
    ends = [first_day("month", month + 1) - 1 for month in months]
    return np.asarray(years + influence.on_days(ends)) if influence else years


def _months(days: range) -> NDArray[np.int64]:
    """Get the months of local days, since 1970-01, (days,)."""
    return np.array(days, dtype="datetime64[D]").astype("datetime64[M]").astype(np.int64)
