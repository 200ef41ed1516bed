"""The verdict on a statistic, and the spread from year to year it is measured by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.validation import statistics as shape
from simulator.validation.families import FAMILIES, Record, measure
from simulator.validation.judgement import Declared, Spread, judge, spread_of
from simulator.validation.series import Series
from simulator.validation.spread import complete_years, rearranged, sd, yearly
from simulator.validation.statistics import Figures

NUMBERS = st.floats(-1e3, 1e3, allow_nan=False)


def daily(start: str, length: int, seed: int = 1) -> Series:
    times = np.datetime64(start) + np.arange(length)
    return Series(times, np.exp(np.random.default_rng(seed).standard_normal(length)))


@given(NUMBERS, st.lists(NUMBERS, min_size=2, max_size=40), st.one_of(st.none(), st.floats(0, 1e3)))
def test_inside_is_in_the_band_and_the_band_at_most_half_wider_than_the_spread(
    observed: float, simulated: list[float], known: float | None
) -> None:
    row = judge("x", "1", observed, simulated, len(simulated), Spread(known, "s"), circular=False)
    assert row.low is not None
    assert row.high is not None
    assert row.width == row.high - row.low
    narrow = known is None or row.width <= 1.5 * (2 * 1.96 * known)
    assert row.inside == (row.low <= observed <= row.high and narrow)
    assert (row.spread is None) == (known is None)
    assert row.low == np.quantile(simulated, 0.025)
    assert row.high == np.quantile(simulated, 0.975)


@pytest.mark.parametrize(
    ("observed", "known", "why"),
    [
        (5.0, 10.0, "in the band"),
        (-1.0, 10.0, "observed below the band"),
        (11.0, 10.0, "observed above the band"),
        (5.0, 0.1, "band too wide (24.23 times the spread)"),
        (5.0, 0.0, "band too wide (the spread is 0)"),
        (5.0, None, "in the band; spread not known"),
    ],
)
def test_a_row_says_why(observed: float, known: float | None, why: str) -> None:
    row = judge("x", "1", observed, np.linspace(0, 10, 101).tolist(), 101, Spread(known, "s"), circular=False)
    assert row.why == why


def test_hours_of_the_day_are_judged_the_short_way_round() -> None:
    row = judge("x", "h", 0.5, [23.0, 23.5, 0.5, 1.0, 1.5], 5, Spread(1.0, "s"), circular=True)
    assert row.inside
    assert row.low == pytest.approx(-0.95)
    assert row.high == pytest.approx(1.45)


def test_a_statistic_few_replications_have_is_outside() -> None:
    row = judge("x", "1", 1.0, [1.0, 1.0], 10, Spread(None, "s"), circular=False)
    assert not row.inside
    assert row.low is None
    assert row.why == "only 2 of 10 replications have it"


def test_the_spread_is_the_largest_known_and_says_where_it_comes_from() -> None:
    years, draws = [{"a": 1.0}, {"a": 3.0}], [{"a": 1.0}, {"a": 1.1}, {"a": 1.2}]
    assert spread_of("a", 2.0, years, draws, None) == Spread(pytest.approx(2**0.5), "2 years of the record")
    declared = Declared(1.0, relative=True, source="a paper")
    assert spread_of("a", 2.0, years, draws, declared) == Spread(2.0, "a paper")
    assert spread_of("a", 2.0, [], draws, None).source == "block bootstrap of the record"
    assert spread_of("b", 2.0, years, draws, None) == Spread(None, "not known")


def test_only_years_with_three_quarters_of_the_span_of_the_record_count() -> None:
    record = daily("2020-09-01", 122 + 365 + 273)  # four months, a year, nine months
    assert [record.calendar[year.start].astype(str) for year in complete_years(record)] == ["2021-01-01"]
    whole = daily("2019-01-01", 365 + 366 + 300)
    assert len(complete_years(whole)) == 3
    seasonal = daily("2019-01-01", 365 + 366)
    values = np.where(seasonal.month < 3, seasonal.values, np.nan)
    assert len(complete_years(Series(seasonal.times, values))) == 2


def test_years_give_the_spread_between_them() -> None:
    times = np.datetime64("2021-01-01") + np.arange(3 * 365)
    record = Series(times, np.repeat([1.0, 2.0, 3.0], 365))
    found = yearly(record, shape.mean)
    assert found == [{"mean": 1.0}, {"mean": 2.0}, {"mean": 3.0}]
    assert sd("mean", 2.0, found, circular=False) == pytest.approx(1.0)


def test_rearrangement_keeps_season_weekday_and_gaps_of_the_record() -> None:
    times = np.datetime64("2021-01-01") + np.arange(3 * 365)
    season = np.cos(2 * np.pi * np.arange(3 * 365) / 365)
    values = np.where((times >= np.datetime64("2022-01-01")) & (times < np.datetime64("2023-01-01")), np.nan, season)
    weekday = (times.astype(int) % 7).astype(float)
    seen: list[Series] = []

    def keep(record: Record) -> Figures:
        assert isinstance(record, Series)
        seen.append(record)
        return {}

    rearranged(Series(times, values, companion=weekday), keep, draws=20, weekly=True)
    for record in seen:
        assert record.companion is not None
        assert np.array_equal(record.companion, weekday)
        assert np.isnan(record.values[375:720]).all()  # nothing is made up for a year without values
        known = np.isfinite(record.values)
        assert np.abs(record.values - season)[known].max() < 2 * np.pi * 23 / 365
    assert len({record.values.tobytes() for record in seen}) == 20


def test_the_bootstrap_of_independent_days_has_the_spread_of_a_mean() -> None:
    record = daily("2021-01-01", 4 * 365)
    found = rearranged(record, shape.mean)
    expected = record.values.std() / np.sqrt(len(record.values))
    assert sd("mean", 1.0, found, circular=False) == pytest.approx(expected, rel=0.35)
    assert found == rearranged(record, shape.mean)  # a fixed seed


def test_a_record_of_one_block_has_no_bootstrap() -> None:
    assert rearranged(daily("2021-01-01", 15), shape.mean) == []


def test_monthly_records_are_rearranged_by_years() -> None:
    times = np.datetime64("2015-01", "M") + np.arange(48)
    record = Series(times, np.tile(np.arange(1.0, 13.0), 4))
    factors = measure(record, {"month_factors": FAMILIES["month_factors"]})
    assert all(found == pytest.approx(factors) for found in rearranged(record, shape.month_factors, draws=10))
