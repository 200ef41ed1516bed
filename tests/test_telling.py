"""What services tell of their cases: events that name them, in the order of time, with the values of indicators."""

import numpy as np
import pytest

from simulator import parameters
from simulator.cases import NO_CASES, Cases, Progress
from simulator.cities import cities
from simulator.events import CaseEvents, CityEvents
from simulator.scenario import StationCounts
from simulator.stations import stations_of
from simulator.streams import Streams
from simulator.telling import REQUEST_CLOSED, REQUEST_OPENED, TELLERS

RAYONG = cities()["rayong"]
MONDAY = 19723  # 2024-01-01
MORNING = MONDAY * 86_400 + 2 * 3600  # 09:00 in Bangkok
NONE = np.empty(0, dtype=np.int64)


def stations(kind, count=1):
    found = stations_of(RAYONG, StationCounts.only(**{kind.replace("-", "_"): count}), 900, Streams(1))
    return [station for station in found if station.kind == kind]


def cases(number, opened, luck=9.0):
    columns = ([MONDAY] * len(number), number, opened, [0] * len(number), [60] * len(number))
    return Cases(*(np.array(column, dtype=np.int64) for column in columns), luck=np.full(len(number), luck))


def progress(opened=NO_CASES, begun=NO_CASES, closed=NO_CASES, begun_at=NONE, closed_begun_at=NONE, closed_at=NONE):
    return Progress(opened, begun, np.asarray(begun_at), closed, np.asarray(closed_begun_at), np.asarray(closed_at))


def free(times):
    return np.ones(len(times))


def events(*told, service="requests"):
    names = tuple(entry.name for entry in getattr(parameters.services(RAYONG), service).work.categories)
    return CaseEvents(tuple(one for part in told for one in part), names)


def requests(desk, opened, closed=NO_CASES, closed_at=NONE):
    return TELLERS["requests"](desk, RAYONG)(progress(opened, closed=closed, closed_at=closed_at), 10**10, free)


def test_both_events_of_a_request_name_it_and_have_ids_of_their_own():
    told = cases([7], [100])
    (_, opened), (_, closed) = events(requests(stations("service-desk")[0], told, told, np.array([5500])))
    assert opened.fields == {"request": "2024-01-01-007", "service_requests": 1, "category": "road"}
    assert closed.fields == {"request": "2024-01-01-007", "resolution_time": 1.5, "category": "road"}
    assert (opened.type, closed.type) == ("service_request.opened", "service_request.closed")
    assert opened.id != closed.id
    assert closed.time - opened.time == np.timedelta64(5400, "s")


def test_events_of_several_desks_come_in_the_order_of_time_and_may_be_asked_for_by_desk():
    one, two = stations("service-desk", 2)
    first, second = cases([1, 2], [100, 300]), cases([1], [200])
    told = CityEvents(
        (
            events(requests(one, first, first.rows(np.array([1])), np.array([400]))),
            events(requests(two, second, second, np.array([250]))),
        )
    )
    assert [(station.id, event.id, int(event.time.astype(int))) for station, event in told] == [
        ("sd-01", "2024-01-01-001-opened", 100),
        ("sd-02", "2024-01-01-001-opened", 200),
        ("sd-02", "2024-01-01-001-closed", 250),
        ("sd-01", "2024-01-01-002-opened", 300),
        ("sd-01", "2024-01-01-002-closed", 400),
    ]
    assert len(told) == 5
    assert told.times(one, REQUEST_OPENED).tolist() == [100, 300]
    assert told.times(two, REQUEST_CLOSED).tolist() == [250]


def test_without_services_there_are_no_events():
    assert len(CityEvents(())) == 0
    assert list(CityEvents(())) == []
    assert list(events()) == []


def test_some_requests_are_rated_and_slow_ones_worse():
    generator = np.random.default_rng(1)
    many = cases(list(range(40_000)), [0] * 40_000)
    many = Cases(*many.columns()[:5], luck=generator.standard_normal(40_000))
    means = []
    for hours in (2, 8, 100):
        told = requests(stations("service-desk")[0], NO_CASES, many, np.full(40_000, 3600 * hours))
        rated = next(part for part in told if part.happening.type == "service_request.rated")
        assert len(rated.times) / 40_000 == pytest.approx(0.15, abs=0.01)
        means.append(rated.values.mean())
    assert means[0] > means[1] > means[2]
    assert means[1] == pytest.approx((34 + 2 * 6 + 3 * 19 + 4 * 47 + 5 * 158) / 264, abs=0.05)


def test_a_permit_waits_office_hours_only():
    applied = cases([1], [MORNING + 6 * 3600])  # Monday 15:00
    begun = MORNING + 25 * 3600  # Tuesday 10:00
    told = TELLERS["permits"](stations("permit-office")[0], RAYONG)(
        progress(closed=applied, closed_begun_at=[begun], closed_at=[begun + 7200]), 10**10, free
    )
    ((_, decided),) = events(told, service="permits")
    assert decided.type == "permit.decided"
    assert decided.fields["permit_wait"] == 3.0  # 15 to 16 h, and 8 to 10 h
    assert decided.time == np.datetime64(begun + 7200, "s")


def test_the_first_unit_arrives_after_its_way_and_later_in_dense_traffic():
    found = {}
    for name, traffic in (("free", 1.0), ("dense", 1.5)):
        tell = TELLERS["emergencies"](stations("dispatch-centre")[0], RAYONG)
        called = cases([1], [1000], luck=0.0)
        told = tell(progress(called, called, begun_at=[1060]), 1100, lambda times, f=traffic: np.full(len(times), f))
        assert [event.type for _, event in events(told, service="emergencies")] == ["emergency_call.received"]
        ((_, arrived),) = events(tell(progress(), 5000, free), service="emergencies")
        found[name] = arrived.fields["emergency_response"]
        assert int(arrived.time.astype(int)) == round(1000 + 60 * found[name])
    median = parameters.governance(RAYONG).response.median_minutes
    assert found["free"] == pytest.approx(1.0 + median, abs=0.02)
    assert found["dense"] == pytest.approx(1.0 + 1.5 * median, abs=0.02)


def test_an_outage_tells_its_minutes_and_counts_once():
    failed = cases([1], [1000])
    told = TELLERS["outages"](stations("grid-control")[0], RAYONG)(
        progress(failed, closed=failed, closed_at=[1000 + 5400]), 10**10, free
    )
    (_, started), (_, ended) = events(told, service="outages")
    assert "power_outages" not in started.fields
    assert (ended.fields["power_outages"], ended.fields["minutes"]) == (1, 90.0)


def test_data_sets_are_counted_on_from_block_to_block():
    tell = TELLERS["datasets"](stations("open-data-portal")[0], RAYONG)
    totals = [
        event.fields["open_datasets"]
        for opened in (cases([1, 2], [100, 200]), cases([3], [300]))
        for _, event in events(tell(progress(opened), 10**10, free), service="datasets")
    ]
    before = parameters.governance(RAYONG).open_data.before
    assert totals == [before + 1, before + 2, before + 3]
