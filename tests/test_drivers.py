from datetime import date, datetime
from itertools import chain
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from simulator import drivers, parameters
from simulator.cities import cities
from simulator.streams import Streams

BANGKOK, YANGON, SYDNEY = (ZoneInfo(name) for name in ("Asia/Bangkok", "Asia/Yangon", "Australia/Sydney"))
FIRST = date(2024, 1, 1).toordinal() - date(1970, 1, 1).toordinal()


def ticks(start, count, cadence=900):
    return np.arange(count, dtype=np.int64) * cadence + int(datetime.fromisoformat(start).timestamp())


def test_local_time_of_a_half_hour_zone():
    found = drivers.calendar(ticks("2024-03-01T17:00:00+00:00", 4), YANGON)
    assert found.hour.tolist() == [23.5, 23.75, 0.0, 0.25]
    assert found.spread(found.days).tolist() == [FIRST + 60, FIRST + 60, FIRST + 61, FIRST + 61]
    assert found.spread(found.day_of_year).tolist() == [61, 61, 62, 62]
    assert found.spread(found.weekday).tolist() == [4, 4, 5, 5]  # Friday, Saturday


@pytest.mark.parametrize("zone", [BANGKOK, YANGON, SYDNEY])
def test_local_time_agrees_with_the_standard_library_tick_by_tick(zone):
    times = ticks("2024-03-20T00:00:00+00:00", 30 * 96)  # clocks change in Sydney on 7 April
    found = drivers.calendar(times, zone)
    expected = [datetime.fromtimestamp(int(time), zone) for time in times]
    assert found.hour.tolist() == [when.hour + when.minute / 60 for when in expected]
    assert [drivers.date_of(int(day)) for day in found.spread(found.days)] == [when.date() for when in expected]


def test_a_local_day_begins_at_its_midnight():
    midnight = drivers.midnight(FIRST, YANGON)
    assert drivers.local_day(midnight, YANGON) == FIRST
    assert drivers.local_day(midnight - 1, YANGON) == FIRST - 1


def test_seasons_meet_over_new_year():
    monthly = tuple(float(month) for month in range(1, 13))
    assert drivers.on_day(16.0, monthly) == pytest.approx(1.0)
    assert drivers.on_day(350.0, monthly) == pytest.approx(12.0)
    assert drivers.on_day(365.0, monthly) == pytest.approx(drivers.on_day(0.0, monthly), abs=0.01)


def test_hours_meet_over_midnight():
    factors = tuple(float(hour) for hour in range(24))
    assert drivers.by_hour(np.array([6.5, 23.5]), factors).tolist() == [6.5, 11.5]


def test_songkran_is_a_thai_holiday():
    day = date(2024, 4, 14).toordinal() - date(1970, 1, 1).toordinal()
    assert drivers.songkran(day, "TH")
    assert not drivers.songkran(day, "LA")
    assert not drivers.songkran(day + 2, "TH")


def rain_days(city, years, rainfall=1.0, seed=1):
    found = parameters.climate(cities()[city])
    shared = drivers.SharedDays(Streams(seed), "region", FIRST)
    days = drivers.RainDays(Streams(seed), city, shared, found.rain, parameters.processes().storms, 0.8, rainfall)
    return days.draw(range(FIRST, FIRST + 365 * years), BANGKOK)


@pytest.mark.parametrize(("city", "wet_days", "millimetres"), [("chiang-mai", 118, 1183.5), ("singapore", 168, 2029)])
def test_rain_has_the_days_and_the_sum_of_the_normals(city, wet_days, millimetres):
    years = 40
    drawn = rain_days(city, years)
    depth = sum((s.end - s.start) / 3600 * s.intensity for storms in drawn for s in storms) / years
    assert sum(bool(storms) for storms in drawn) / years == pytest.approx(wet_days, rel=0.05)
    assert depth == pytest.approx(millimetres, rel=0.06)


def test_rain_does_not_depend_on_how_many_days_are_drawn_at_once():
    found, storms = parameters.climate(cities()["chiang-mai"]), parameters.processes().storms
    whole, parts = (
        drivers.RainDays(Streams(1), "city", drivers.SharedDays(Streams(1), "r", FIRST), found.rain, storms, 0.8, 1.0)
        for _ in range(2)
    )
    pieces = [parts.draw(range(FIRST + first, FIRST + last), BANGKOK) for first, last in ((0, 1), (1, 30), (30, 200))]
    assert whole.draw(range(FIRST, FIRST + 200), BANGKOK) == list(chain(*pieces))


def test_rainfall_scales_the_amounts_and_nothing_else():
    usual, double = rain_days("chiang-mai", 1), rain_days("chiang-mai", 1, rainfall=2.0)
    assert [len(storms) for storms in usual] == [len(storms) for storms in double]
    for one, two in zip(sum(usual, ()), sum(double, ()), strict=True):
        assert one.start == two.start
        assert (two.end - two.start) * two.intensity == pytest.approx(
            2 * (one.end - one.start) * one.intensity, rel=0.01
        )


def test_storms_are_bounded_in_intensity_and_mostly_in_the_afternoon():
    storms = sum(rain_days("chiang-mai", 20), ())
    hours = np.array([(storm.start - drivers.midnight(FIRST, BANGKOK)) / 3600 % 24 for storm in storms])
    assert max(storm.intensity for storm in storms) <= parameters.processes().storms.most * 1.001
    assert np.mean((hours > 12) & (hours < 20)) > 0.55


def test_neighbours_are_wet_on_the_same_days_more_often_than_by_chance():
    shared = drivers.SharedDays(Streams(1), "region", FIRST)
    found = parameters.climate(cities()["chiang-mai"])
    days = [
        drivers.RainDays(Streams(1), name, shared, found.rain, parameters.processes().storms, 0.8, 1.0)
        for name in ("one", "two")
    ]
    wet = np.array([[bool(storms) for storms in city.draw(range(FIRST, FIRST + 2000), BANGKOK)] for city in days]).T
    assert np.corrcoef(wet.T)[0, 1] > 0.5


def season(severity, seed=1):
    return drivers.FireSeason(Streams(seed), "north", FIRST, parameters.processes().fires, severity)


def test_fires_burn_from_february_to_april():
    months = np.zeros(12)
    for seed in range(12):
        fires = season(1.0, seed)
        for day in range(366):
            assert fires[FIRST + day] >= 0
            months[drivers.date_of(FIRST + day).month - 1] += fires.hotspots[day] / 12
    assert 10_000 < months[2] < 35_000  # March: 19,000 to 24,000 in 2023 to 2025
    assert months[6:9].sum() < 100


def test_burning_severity_raises_every_days_fires_with_the_same_luck():
    usual, severe = season(1.0), season(2.0)
    days = range(FIRST, FIRST + 366)
    assert all(severe[day] >= usual[day] for day in days)
    assert sum(severe.hotspots) == pytest.approx(2 * sum(usual.hotspots), rel=0.05)


def test_the_expected_washout_is_largest_in_the_wettest_month():
    found = parameters.climate(cities()["chiang-mai"])
    means = drivers.expected_scavenging(parameters.processes().removal, found.rain, parameters.processes().storms)
    assert np.argmax(means) in (7, 8)
    assert 0 < means[7] < 0.5


def test_shared_air_of_a_region_does_not_depend_on_the_other_regions():
    times = FIRST * 86_400 + 900 * np.arange(50)
    north, central = (parameters.climate(cities()[name]).temperature.memory for name in ("chiang-mai", "bangkok"))
    alone = drivers.Atmosphere(Streams(1), {"north-thailand": north}, 900).render(times)
    regions = {"central-thailand": central, "north-thailand": north}
    together = drivers.Atmosphere(Streams(1), regions, 900).render(times)
    assert np.array_equal(alone["north-thailand"].haze, together["north-thailand"].haze)
    assert np.array_equal(alone["north-thailand"].wind, together["north-thailand"].wind)


def test_hotspots_that_were_counted_replace_those_drawn():
    made = parameters.processes().fires
    days = range(FIRST, FIRST + 200)
    counted = drivers.FireSeason(Streams(1), "north", FIRST, made, 1.0, dict.fromkeys(days, 100.0))
    assert counted[days[-1]] == pytest.approx(100.0**made.exponent, rel=1e-6)
    assert counted.hotspots == [100.0] * 200
