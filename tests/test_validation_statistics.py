"""Statistics of shape: what they give for series whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.stats import kstest

from simulator.validation import statistics as shape
from simulator.validation import tickets as requests
from simulator.validation.families import FAMILIES, TICKETS, default_families
from simulator.validation.series import Floats, Series, correlation, residual, vertex
from simulator.validation.tickets import Tickets, tickets_of

RANDOM = np.random.default_rng(5)


def hours(values: Floats, start: str = "2024-01-01", **more: Floats | bool) -> Series:
    return Series(np.datetime64(start, "h") + np.arange(len(values)), values, **more)  # type: ignore[arg-type]


def days(values: Floats, start: str = "2024-01-01", **more: Floats | bool) -> Series:
    return Series(np.datetime64(start, "D") + np.arange(len(values)), values, **more)  # type: ignore[arg-type]


def persistent(length: int, memory: float) -> Floats:
    noise = np.random.default_rng(1).standard_normal(length)
    return np.asarray(lfilter([np.sqrt(1 - memory**2)], [1.0, -memory], noise))


def test_memory_is_that_of_the_process_behind_a_season_and_a_day() -> None:
    noise = persistent(20 * 8760, 0.9)
    clock = np.arange(len(noise))
    seasonal = np.sin(2 * np.pi * clock / 8766) + 0.5 * np.cos(2 * np.pi * clock / 24)
    found = shape.memory(hours(np.exp(3 + seasonal + 0.4 * noise), "2000-01-01"))
    assert found["memory at 1 h"] == pytest.approx(0.9, abs=0.015)
    assert found["memory at 6 h"] == pytest.approx(0.9**6, abs=0.04)
    assert shape.residual_sd(hours(np.exp(3 + 0.4 * noise), "2000-01-01"))["sd of ln residual"] == pytest.approx(
        0.4, abs=0.015
    )


def test_memory_from_day_to_day_skips_pairs_with_a_gap() -> None:
    values = np.exp(0.3 * persistent(4000, 0.7))
    whole = shape.memory(days(values))["memory day to day"]
    values[::5] = np.nan
    assert whole == pytest.approx(0.65, abs=0.03)  # a month's own mean takes some of 0.7
    assert shape.memory(days(values))["memory day to day"] == pytest.approx(whole, abs=0.03)


def test_the_daily_residual_has_no_mean_in_any_month_of_any_year() -> None:
    series = days(np.exp(RANDOM.standard_normal(800)))
    left = residual(series)
    months = series.times.astype("datetime64[M]")
    assert all(abs(left[months == month].mean()) < 1e-12 for month in np.unique(months))


@given(st.lists(st.one_of(st.none(), st.floats(0.01, 1e4)), min_size=40, max_size=80))
def test_quantiles_rise_and_lie_within_the_values(given_values: list[float | None]) -> None:
    values = np.array([np.nan if value is None else value for value in given_values])
    found = list(shape.quantiles(days(values)).values())
    if np.isfinite(values).any():
        assert found == sorted(found)
        assert np.nanmin(values) <= found[0]
        assert found[-1] <= np.nanmax(values)
    else:
        assert found == []


@given(st.floats(0, 23.99), st.floats(0.1, 5))
def test_the_vertex_of_a_smooth_cycle_is_its_peak(peak: float, height: float) -> None:
    cycle = height * np.cos(2 * np.pi * (np.arange(24) - peak) / 24)
    assert abs((vertex(cycle) - peak + 12) % 24 - 12) < 0.05
    assert abs((vertex(cycle, least=True) - peak) % 24 - 12) < 0.05


def test_correlation_is_that_of_numpy_where_both_have_values() -> None:
    first, second = RANDOM.standard_normal((2, 200))
    first[:20] = np.nan
    assert correlation(first, second) == pytest.approx(np.corrcoef(first[20:], second[20:])[0, 1])
    assert np.isnan(correlation(first[:25], second[:25]))


def test_exceedance_counts_days_a_year_of_those_that_have_a_value() -> None:
    values = np.where(np.arange(100) < 10, 80.0, np.where(np.arange(100) < 20, 40.0, 10.0))
    values[50:] = np.nan
    assert shape.exceedance(days(values)) == pytest.approx(
        {"days over 37.5 a year": 146.0, "days over 75 a year": 73.0}
    )


def test_a_month_needs_twenty_days() -> None:
    found = shape.month_means(days(np.full(50, 7.0)))
    assert found == {"mean of January": pytest.approx(7.0)}
    assert set(shape.month_means(days(np.full(51, 7.0)))) == {"mean of January", "mean of February"}


def test_rain_occurrence_follows_the_days_before() -> None:
    wet = np.tile([0.0, 5.0, 5.0], 31)  # after dry always wet; after wet: half the time
    found = shape.wet_days(days(wet))
    assert found["p01 of January"] == pytest.approx(1.0)
    assert found["p11 of January"] == pytest.approx(0.5, abs=0.05)
    assert found["wet share of January"] == pytest.approx(2 / 3, abs=0.03)
    assert shape.rain_amounts(days(wet))["total of January"] == pytest.approx(5.0 * 31 * 2 / 3, rel=0.05)
    assert shape.rain_amounts(days(wet))["wet-day depth of January"] == pytest.approx(5.0)


def test_the_daily_range_is_the_same_from_hours_and_from_extremes() -> None:
    cycle = np.tile(20 + 5 * np.cos(2 * np.pi * np.arange(24) / 24), 31)
    assert shape.daily_range(hours(cycle))["daily range of January"] == pytest.approx(10.0)
    daily = days(np.full(31, 20.0), maximum=np.full(31, 25.0), minimum=np.full(31, 15.0))
    assert shape.daily_range(daily)["daily range of January"] == pytest.approx(10.0)
    assert shape.daily_range(days(np.full(31, 20.0))) == {}


def test_the_response_to_heat_is_recovered_behind_a_daily_profile() -> None:
    clock = np.arange(200 * 24)
    temperature = 22 + 6 * np.cos(2 * np.pi * (clock - 14) / 24) + 4 * persistent(len(clock), 0.99)
    profile = 1 + 0.3 * np.sin(2 * np.pi * clock / 24)
    load = 500 * profile * np.exp(0.03 * np.maximum(temperature - 20, 0) + 0.02 * persistent(len(clock), 0.5))
    series = hours(load, companion=temperature)
    assert shape.heat_response(series)["response to heat"] == pytest.approx(3.0, abs=0.15)
    assert shape.heat_response(hours(load)) == {}


def test_weekday_and_weekend_factors_are_over_the_mean_of_all_values() -> None:
    weekend = np.arange(70) % 7 >= 5  # 2024-01-01 was a Monday
    values = np.repeat(np.where(weekend, 50.0, 100.0), 24)
    found = shape.week_factors(hours(values)) | shape.weekend_ratio(hours(values))
    assert found["weekend over weekday"] == pytest.approx(0.5)
    assert found["weekday factor of 09 h"] == pytest.approx(100 / values.mean())
    assert found["weekend factor of 09 h"] == pytest.approx(50 / values.mean())


def test_a_fire_season_is_counted_in_years_that_have_most_of_it() -> None:
    times = np.arange(np.datetime64("2023-01-01"), np.datetime64("2025-03-01"))
    month = times.astype("datetime64[M]").astype(int) % 12
    series = Series(times, np.where(month < 5, 10.0, 0.0))
    assert shape.fire_season(series)["total January to May"] == pytest.approx(1510, abs=10)
    found = shape.fire_shares(series)
    assert found["days with none, July to October"] == 1.0
    assert found["share of March and April"] == pytest.approx(61 / 151, abs=0.01)


def test_month_factors_take_whole_years_only() -> None:
    pattern = np.tile(np.arange(1.0, 13.0), 3) * np.repeat([1.0, 2.0, 4.0], 12)
    times = np.datetime64("2015-01", "M") + np.arange(40)
    values = np.concatenate((pattern, [1000.0, 1.0, 1.0, 1.0]))
    assert shape.month_factors(Series(times, values))["factor of January"] == pytest.approx(1 / 6.5)


def a_month_of_tickets(number: int = 3000) -> Tickets:
    random = np.random.default_rng(3)
    calendar = np.datetime64("2025-01-01") + np.arange(31)
    opened = np.datetime64("2025-01-01", "s") + np.sort(random.integers(0, 31 * 86_400, number))
    hours_taken = np.exp(1.0 + 0.8 * random.standard_normal(number))
    closed = opened + (3600 * hours_taken).astype("timedelta64[s]")
    return tickets_of(calendar, opened, closed, ["pothole" if at % 2 else "lamp" for at in range(number)], ())


def test_tickets_have_the_dispersion_and_the_resolution_they_were_drawn_with() -> None:
    tickets = a_month_of_tickets()
    assert requests.requests_a_day(tickets)["mean a day"] == pytest.approx(3000 / 31)
    assert requests.dispersion(tickets)["variance to mean of daily counts"] == pytest.approx(1.0, abs=0.6)
    assert requests.resolution_quantiles(tickets)["median of lamp"] == pytest.approx(np.e, rel=0.1)
    found = requests.resolution_shape(tickets)
    assert found["sd of ln hours of all classes"] == pytest.approx(0.8, abs=0.03)
    assert found["distance to a lognormal of pothole"] < 0.03


def test_the_distance_to_a_lognormal_is_that_of_scipy() -> None:
    sample = RANDOM.exponential(5.0, 300)
    logs = np.log(sample)
    expected = kstest(logs, "norm", args=(logs.mean(), logs.std())).statistic
    assert requests.lognormal_distance(sample) == pytest.approx(expected)


def test_a_ticket_closed_after_the_last_day_counts_as_open() -> None:
    calendar = np.datetime64("2025-01-01") + np.arange(2)
    opened = np.array(["2025-01-02T12:00:00", "2025-01-02T13:00:00", "2025-01-05T00:00:00"], "datetime64[s]")
    closed = np.array(["2025-01-02T18:00:00", "2025-01-03T00:00:00", "NaT"], "datetime64[s]")
    found = tickets_of(calendar, opened, closed, ["a", "a", "a"], ("a",))
    assert len(found.hour) == 2
    assert found.hours[0] == 6.0
    assert np.isnan(found.hours[1])


@given(st.lists(st.integers(0, 9), min_size=10, max_size=10))
def test_days_taken_from_elsewhere_bring_their_values(rows: list[int]) -> None:
    taken = hours(np.arange(240.0)).take(np.array(rows))
    assert taken.values.reshape(10, 24)[:, 0].tolist() == [24.0 * row for row in rows]
    tickets = a_month_of_tickets(400).part(0, 10)
    counts = np.bincount(tickets.day, minlength=10)
    assert np.bincount(tickets.take(np.array(rows)).day, minlength=10).tolist() == counts[rows].tolist()


def test_every_family_gives_numbers_for_every_interval_it_is_for() -> None:
    noise = np.exp(0.3 * persistent(24 * 400, 0.8))
    grids = {"h": ("h", 24 * 400), "D": ("D", 400), "M": ("M", 48)}
    for name, family in FAMILIES.items():
        for interval in family.intervals:
            unit, length = grids[interval]
            times = np.datetime64("2023-01-01", unit) + np.arange(length)
            beside = 25 + 5 * noise[:length]
            found = family.function(Series(times, noise[:length], beside, noise[:length] + 1, noise[:length]))
            assert found, (name, interval)
            assert all(np.isfinite(value) for value in found.values()), name
    assert all(family.function(a_month_of_tickets()) for family in TICKETS.values())


def test_defaults_are_families_made_for_the_interval() -> None:
    for indicator in ("pm25", "no2", "o3", "rain", "air_temperature", "traffic_flow", "unheard_of"):
        for interval in "hDM":
            chosen = default_families(indicator, interval)
            assert chosen
            assert all(interval in FAMILIES[name].intervals for name in chosen)


def test_a_series_without_values_has_no_statistics_rather_than_wrong_ones() -> None:
    empty = hours(np.full(240, np.nan), companion=np.full(240, np.nan))
    with np.errstate(all="raise"):
        assert {name: family.function(empty) for name, family in FAMILIES.items() if "h" in family.intervals} == {
            name: {} for name, family in FAMILIES.items() if "h" in family.intervals
        }
