from zoneinfo import ZoneInfo

import numpy as np
import pytest

from simulator import parameters
from simulator.cities import cities
from simulator.drivers import Storm, midnight
from simulator.requests import NO_REQUESTS, RequestDays, RequestRecord, Requests, request_events
from simulator.scenario import StationCounts
from simulator.stations import stations_of
from simulator.streams import Streams

BANGKOK = ZoneInfo("Asia/Bangkok")
FIRST = 19723  # 2024-01-01
START = midnight(FIRST, BANGKOK)
YEAR = range(FIRST, FIRST + 365)


def requests_of_year(storms=(), seed=1):
    return RequestDays(Streams(seed), "rayong/sd-01", FIRST).draw(YEAR, BANGKOK, storms)


def rows(requests):
    return list(zip(*(column.tolist() for column in requests.columns()), strict=True))


def test_a_desk_is_as_busy_as_one_in_bangkok_and_overdispersed():
    drawn = [requests_of_year(seed=seed) for seed in range(4)]
    counts = np.concatenate([np.bincount(year.day - FIRST, minlength=365) for year in drawn])
    made = parameters.governance().requests
    assert counts.mean() == pytest.approx(made.per_day, rel=0.03)
    assert counts.var() / counts.mean() == pytest.approx(1 + made.per_day / made.dispersion, rel=0.15)
    hours = sum(np.bincount((year.opened - START) // 3600 % 24, minlength=24) for year in drawn)
    factors = hours / hours.mean()
    assert np.abs(factors - np.array(made.hourly)).max() < 0.15
    assert all((np.diff(year.opened) >= 0).all() for year in drawn)


def test_a_request_is_opened_on_its_day_and_its_day_and_number_name_it():
    year = requests_of_year()
    assert np.array_equal((year.opened - START) // 86_400, year.day - FIRST)
    assert len(set(zip(year.day.tolist(), year.number.tolist(), strict=True))) == len(year)


def test_requests_do_not_depend_on_how_many_days_are_drawn_at_once():
    storms = [Storm(START + 40_000, START + 50_000, 20.0)]
    days = RequestDays(Streams(1), "rayong/sd-01", FIRST)
    pieces = [days.draw(range(FIRST + a, FIRST + b), BANGKOK, storms) for a, b in ((0, 1), (1, 30), (30, 365))]
    assert rows(NO_REQUESTS.then(*pieces)) == rows(requests_of_year(storms))


def test_rain_adds_requests_and_changes_none():
    storms = tuple(Storm(START + d * 86400 + 43_200, START + d * 86400 + 50_400, 20.0) for d in range(365))
    dry, wet = requests_of_year(), requests_of_year(storms)
    assert set(rows(dry)) <= set(rows(wet))
    assert len(wet) > 1.2 * len(dry)


def test_work_has_the_median_of_its_category():
    made = parameters.governance().work
    drawn = NO_REQUESTS.then(*(requests_of_year(seed=seed) for seed in range(3)))
    for kind, (share, median) in enumerate(zip(made.shares, made.median_hours, strict=True)):
        hours = drawn.work[drawn.kind == kind] / 3600
        assert len(hours) / len(drawn) == pytest.approx(share, abs=0.02)
        assert np.median(hours) == pytest.approx(median, rel=0.08)


def desks(count=1):
    found = stations_of(cities()["rayong"], StationCounts(service_desk=count), 900, Streams(1))
    return [station for station in found if station.kind == "service-desk"]


def requests(number, opened):
    kind = parameters.governance().work.categories.index("road")
    columns = ([FIRST] * len(number), number, opened, [kind] * len(number), [60] * len(number))
    return Requests(*(np.array(column, dtype=np.int64) for column in columns))


def test_both_events_of_a_request_name_it_and_have_ids_of_their_own():
    told = requests([7], [100])
    (_, opened), (_, closed) = request_events([(desks()[0], told, told, np.array([5500]))])
    assert opened.fields == {"request": "2024-01-01-007", "service_requests": 1, "category": "road"}
    assert closed.fields == {"request": "2024-01-01-007", "resolution_time": 1.5, "category": "road"}
    assert (opened.type, closed.type) == ("service_request.opened", "service_request.closed")
    assert opened.id != closed.id
    assert closed.time - opened.time == np.timedelta64(5400, "s")


def test_events_of_several_desks_come_in_the_order_of_time_and_may_be_asked_for_by_desk():
    one, two = desks(2)
    first, second = requests([1, 2], [100, 300]), requests([1], [200])
    events = request_events([(one, first, first.rows(np.array([1])), np.array([400])), (two, second, second, [250])])
    found = [(station.id, event.id, int(event.time.astype(int))) for station, event in events]
    assert found == [
        ("sd-01", "2024-01-01-001-opened", 100),
        ("sd-02", "2024-01-01-001-opened", 200),
        ("sd-02", "2024-01-01-001-closed", 250),
        ("sd-01", "2024-01-01-002-opened", 300),
        ("sd-01", "2024-01-01-002-closed", 400),
    ]
    assert len(events) == 5
    assert events.of(0, closed=False).tolist() == [100, 300]
    assert events.of(1, closed=True).tolist() == [250]


def test_without_desks_there_are_no_events():
    events = request_events([])
    assert len(events) == 0
    assert list(events) == []


def test_a_record_tells_every_request_once():
    record = RequestRecord()
    record.add(requests([1, 2], [100, 200]))
    record.add(requests([3], [300]))
    opened, closed, ended = record.take(2, [(0, 100, 160)])
    assert opened.number.tolist() == [1, 2]
    assert closed.number.tolist() == [1]
    assert ended.tolist() == [160]
    opened, closed, _ = record.take(3, [])
    assert opened.number.tolist() == [3]
    assert len(closed) == 0
