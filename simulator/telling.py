"""What each service tells of its cases: types of events, the values they carry, and what citizens think of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np

from collector.language.profile import StationProfile
from simulator import economy, governance
from simulator.cases import NO_CASES, Integers, Progress
from simulator.cities import City
from simulator.drivers import DAY, midnight
from simulator.events import Happening, Told
from simulator.parameters import governance as parameters_of
from simulator.parameters import services
from simulator.streams import Floats

TravelTime = Callable[[Integers], Floats]
"""The travel time index of the city at times (epoch seconds) within the block."""
Teller = Callable[[Progress, int, TravelTime], list[Told]]
"""Tells what became of the cases of one station up to the end of the block (epoch seconds)."""


REQUEST_OPENED = Happening(
    "service_request.opened", "opened", lambda name, kind, _: {"request": name, "service_requests": 1, "category": kind}
)
REQUEST_CLOSED = Happening(
    "service_request.closed",
    "closed",
    lambda name, kind, hours: {"request": name, "resolution_time": hours, "category": kind},
)
REQUEST_RATED = Happening(
    "service_request.rated", "rated", lambda name, _, stars: {"request": name, "citizen_rating": int(stars)}
)
PERMIT_SUBMITTED = Happening("permit.submitted", "submitted", lambda name, kind, _: {"permit": name, "category": kind})
PERMIT_DECIDED = Happening(
    "permit.decided", "decided", lambda name, kind, hours: {"permit": name, "permit_wait": hours, "category": kind}
)
CALL_RECEIVED = Happening("emergency_call.received", "received", lambda name, kind, _: {"call": name, "category": kind})
CALL_ANSWERED = Happening(
    "emergency_call.answered",
    "answered",
    lambda name, kind, minutes: {"call": name, "emergency_response": minutes, "category": kind},
)
OUTAGE_STARTED = Happening("power_outage.started", "started", lambda name, kind, _: {"outage": name, "category": kind})
OUTAGE_ENDED = Happening(
    "power_outage.ended",
    "ended",
    lambda name, kind, minutes: {"outage": name, "power_outages": 1, "minutes": minutes, "category": kind},
)
BUSINESS_REGISTERED = Happening(
    "business.registered",
    "registered",
    lambda name, kind, _: {"registration": name, "business_registrations": 1, "category": kind},
)
DATASET_PUBLISHED = Happening(
    "open_dataset.published",
    "published",
    lambda name, kind, total: {"dataset": name, "open_datasets": int(total), "category": kind},
)


def tell_requests(
    station: StationProfile, city: City, progress: Progress, _until: int, _travel_time: TravelTime
) -> list[Told]:
    """Tell of requests of citizens: opened, closed after hours, and rated by some."""
    closed, at = progress.closed, progress.closed_at
    hours = governance.resolution_time(closed.opened, at)
    made = parameters_of(city).rating
    stars = governance.citizen_rating(hours, closed.luck, made.share, made.at_most, made.slope, made.usual_hours)
    rated = np.flatnonzero(np.isfinite(stars))
    return [
        Told(station, REQUEST_OPENED, progress.opened.opened, progress.opened, np.ones(len(progress.opened))),
        Told(station, REQUEST_CLOSED, at, closed, hours.round(3)),
        Told(station, REQUEST_RATED, at[rated], closed.rows(rated), stars[rated]),
    ]


def tell_permits(
    station: StationProfile, city: City, progress: Progress, _until: int, _travel_time: TravelTime
) -> list[Told]:
    """Tell of applications: submitted, and decided with the office hours they waited for an officer."""
    opened, decided = progress.opened, progress.closed
    shift = services(city).permits.work.shifts[0]
    zone = ZoneInfo(city.timezone)
    waited = governance.permit_wait(
        _local(decided.opened, zone),
        _local(progress.closed_begun_at, zone),
        (3600 * shift.begins, 3600 * shift.ends),
        shift.days,
    )
    return [
        Told(station, PERMIT_SUBMITTED, opened.opened, opened, np.ones(len(opened))),
        Told(station, PERMIT_DECIDED, progress.closed_at, decided, waited.round(3)),
    ]


class EmergencyTeller:
    """Emergency calls: received, and answered when the first unit arrives, later in dense traffic."""

    def __init__(self, station: StationProfile, city: City) -> None:
        self._station, self._made = station, parameters_of(city).response
        self._due, self._underway = np.empty(0, dtype=np.int64), NO_CASES

    def __call__(self, progress: Progress, until: int, travel_time: TravelTime) -> list[Told]:
        """Tell of the calls; who is still on the way is told of later."""
        made, begun = self._made, progress.begun
        minutes = governance.travel_minutes(made.median_minutes, made.sigma, begun.luck, travel_time(progress.begun_at))
        due = progress.begun_at + np.maximum(np.rint(60.0 * minutes), 1.0).astype(np.int64)
        due, underway = np.concatenate([self._due, due]), self._underway.then(begun)
        order = due.argsort(kind="stable")
        due, underway = due[order], underway.rows(order)
        arrived = int(np.searchsorted(due, until))
        self._due, self._underway = due[arrived:], underway.rows(np.arange(arrived, len(underway)))
        cases = underway.rows(np.arange(arrived))
        response = governance.emergency_response(cases.opened, due[:arrived])
        opened = progress.opened
        return [
            Told(self._station, CALL_RECEIVED, opened.opened, opened, np.ones(len(opened))),
            Told(self._station, CALL_ANSWERED, due[:arrived], cases, response.round(2)),
        ]


def tell_outages(
    station: StationProfile, _city: City, progress: Progress, _until: int, _travel_time: TravelTime
) -> list[Told]:
    """Tell of interruptions of electricity supply: started, and ended with their duration."""
    opened, ended = progress.opened, progress.closed
    minutes = economy.power_outages(ended.opened, progress.closed_at)
    return [
        Told(station, OUTAGE_STARTED, opened.opened, opened, np.ones(len(opened))),
        Told(station, OUTAGE_ENDED, progress.closed_at, ended, minutes.round(1)),
    ]


def tell_registrations(
    station: StationProfile, _city: City, progress: Progress, _until: int, _travel_time: TravelTime
) -> list[Told]:
    """Tell of new businesses, as they are registered."""
    opened = progress.opened
    return [Told(station, BUSINESS_REGISTERED, opened.opened, opened, np.ones(len(opened)))]


class DatasetTeller:
    """Open data sets, each with how many there are by then."""

    def __init__(self, station: StationProfile, city: City) -> None:
        self._station, self._total = station, parameters_of(city).open_data.before

    def __call__(self, progress: Progress, _until: int, _travel_time: TravelTime) -> list[Told]:
        """Tell of the data sets."""
        opened = progress.opened
        totals = governance.open_datasets(self._total, len(opened))
        self._total += len(opened)
        return [Told(self._station, DATASET_PUBLISHED, opened.opened, opened, totals)]


def _plainly(
    tell: Callable[[StationProfile, City, Progress, int, TravelTime], list[Told]],
) -> Callable[[StationProfile, City], Teller]:
    return lambda station, city: partial(tell, station, city)


TELLERS: Mapping[str, Callable[[StationProfile, City], Teller]] = {
    "requests": _plainly(tell_requests),
    "permits": _plainly(tell_permits),
    "emergencies": EmergencyTeller,
    "outages": _plainly(tell_outages),
    "registrations": _plainly(tell_registrations),
    "datasets": DatasetTeller,
}
"""Who tells of each service of `parameters.services`."""


def _local(times: Integers, zone: ZoneInfo) -> Integers:
    """Get local seconds since 1970-01-01 of some times (epoch seconds)."""
    days = times // DAY
    known, which = np.unique(days, return_inverse=True)
    starts = np.array([midnight(day, zone) for day in known.tolist()], dtype=np.int64)
    return np.asarray(times + known[which] * DAY - starts[which])
