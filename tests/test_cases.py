from zoneinfo import ZoneInfo

import numpy as np
import pytest

from simulator import parameters
from simulator.cases import NO_CASES, CaseDays, CaseRecord, Cases
from simulator.cities import cities
from simulator.drivers import Storm, midnight
from simulator.streams import Streams

BANGKOK = ZoneInfo("Asia/Bangkok")
FIRST = 19723  # 2024-01-01
START = midnight(FIRST, BANGKOK)
YEAR = range(FIRST, FIRST + 365)


SERVICES = parameters.services(cities()["rayong"])


def requests_of_year(storms=(), seed=1):
    return days_of("requests", seed).draw(YEAR, BANGKOK, storms)


def days_of(service, seed=1):
    return CaseDays(Streams(seed), "rayong/sd-01", FIRST, getattr(SERVICES, service))


def rows(requests):
    return list(zip(*(column.tolist() for column in requests.columns()), strict=True))


def test_a_desk_is_as_busy_as_one_in_bangkok_and_overdispersed():
    drawn = [requests_of_year(seed=seed) for seed in range(4)]
    counts = np.concatenate([np.bincount(year.day - FIRST, minlength=365) for year in drawn])
    made = SERVICES.requests.demand
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
    days = days_of("requests")
    pieces = [days.draw(range(FIRST + a, FIRST + b), BANGKOK, storms) for a, b in ((0, 1), (1, 30), (30, 365))]
    assert rows(NO_CASES.then(*pieces)) == rows(requests_of_year(storms))


def test_rain_adds_requests_and_changes_none():
    storms = tuple(Storm(START + d * 86400 + 43_200, START + d * 86400 + 50_400, 20.0) for d in range(365))
    dry, wet = requests_of_year(), requests_of_year(storms)
    assert set(rows(dry)) <= set(rows(wet))
    assert len(wet) > 1.2 * len(dry)


def test_work_has_the_median_of_its_category():
    drawn = NO_CASES.then(*(requests_of_year(seed=seed) for seed in range(3)))
    for kind, category in enumerate(SERVICES.requests.work.categories):
        hours = drawn.work[drawn.kind == kind] / 3600
        assert len(hours) / len(drawn) == pytest.approx(category.share, abs=0.02)
        assert np.median(hours) == pytest.approx(category.median_hours, rel=0.08)


def test_applications_come_in_office_hours_of_working_days():
    year = days_of("permits").draw(YEAR, BANGKOK, ())
    assert set((year.day + 3) % 7) == {0, 1, 2, 3, 4}
    assert set((year.opened - START) // 3600 % 24) <= set(range(8, 16))
    assert len(year) / 366 == pytest.approx(SERVICES.permits.demand.per_day, rel=0.08)


def cases(number, opened):
    columns = ([FIRST] * len(number), number, opened, [0] * len(number), [60] * len(number))
    return Cases(*(np.array(column, dtype=np.int64) for column in columns), luck=np.zeros(len(number)))


def test_a_record_tells_of_every_case_once():
    record = CaseRecord()
    record.add(cases([1, 2], [100, 200]))
    record.add(cases([3], [300]))
    told = record.take(2, np.array([[0, 100, 160]]), np.array([[0, 100, 160]]))
    assert told.opened.number.tolist() == [1, 2]
    assert (told.begun.number.tolist(), told.begun_at.tolist()) == ([1], [100])
    assert (told.closed.number.tolist(), told.closed_at.tolist()) == ([1], [160])
    told = record.take(3, np.empty((0, 3), dtype=np.int64), np.empty((0, 3), dtype=np.int64))
    assert told.opened.number.tolist() == [3]
    assert len(told.begun) == len(told.closed) == 0
