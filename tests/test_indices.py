import warnings
from datetime import date

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from collector.comparing.guidelines import Scheme, breakpoints
from collector.comparing.indices import (
    above_table,
    air_quality_index,
    category,
    category_number,
    days_over,
    mass_concentration,
    nowcast,
)
from collector.language.errors import InputError
from tests.reference import indices as reference

US_1999, US_2012, US_2024 = date(2013, 3, 17), date(2024, 5, 5), date(2024, 5, 6)
THAI_2018, THAI_2023 = date(2023, 5, 31), date(2023, 6, 1)
POLLUTANTS = ("pm25", "pm10", "no2", "o3", "so2", "co")
TABLES = [
    pytest.param(scheme, table, id=f"{scheme}-{table.pollutant}-{table.valid_from}")
    for scheme in Scheme
    for pollutant in POLLUTANTS
    for table in breakpoints(pollutant, scheme)
]


def today(concentration, pollutant="pm25", scheme=Scheme.US_EPA):
    return air_quality_index(np.asarray(concentration, np.float64), pollutant, scheme, date(2026, 1, 1))


@pytest.mark.parametrize(
    ("pairs", "scheme", "day"),
    [
        (reference.US_2024_PM25, Scheme.US_EPA, US_2024),
        (reference.US_2012_PM25, Scheme.US_EPA, US_2012),
        (reference.US_1999_PM25, Scheme.US_EPA, US_1999),
        (reference.THAI_2023_PM25, Scheme.THAI_PCD, THAI_2023),
        (reference.THAI_2018_PM25, Scheme.THAI_PCD, THAI_2018),
    ],
)
def test_pm25_has_the_published_index_in_the_table_of_its_day(pairs, scheme, day):
    concentrations, expected = np.array(pairs, np.float64).T
    assert air_quality_index(concentrations, "pm25", scheme, day).tolist() == expected.tolist()


@pytest.mark.parametrize(("pollutant", "concentration", "expected"), reference.US_2024_OTHERS)
def test_gases_in_ppb_and_pm10_have_the_index_worked_by_hand(pollutant, concentration, expected):
    assert air_quality_index(concentration, pollutant, Scheme.US_EPA, US_2024) == expected


@pytest.mark.parametrize(("scheme", "day"), reference.BANDS)
def test_every_tenth_of_a_microgram_agrees_with_exact_arithmetic(scheme, day):
    pairs = reference.tenths(reference.BANDS[scheme, day])
    concentrations, expected = np.array(pairs, np.float64).T
    found = air_quality_index(concentrations, "pm25", Scheme(scheme), date.fromisoformat(day))
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize(("scheme", "table"), TABLES)
def test_both_ends_of_every_band_map_exactly(scheme, table):
    ends, expected = np.array(table.ends), np.array(table.indices)
    found = air_quality_index(ends, table.pollutant, scheme, table.valid_from)
    assert found.tolist() == expected.tolist()
    begins = air_quality_index(ends[:-1] + table.resolution, table.pollutant, scheme, table.valid_from)
    assert begins.tolist() == (expected[:-1] + 1).tolist()


@pytest.mark.parametrize(("scheme", "table"), TABLES)
@settings(max_examples=15)
@given(shares=st.lists(st.floats(0, 2), min_size=2, max_size=20))
@example(shares=np.linspace(0, 2, 20_001))
def test_a_higher_concentration_never_has_a_lower_index(scheme, table, shares):
    rising = np.sort(shares) * table.ends[-1]
    assert (np.diff(air_quality_index(rising, table.pollutant, scheme, table.valid_from)) >= 0).all()


@given(st.integers(0, 3254), st.floats(0, 0.0999))
def test_what_is_below_the_resolution_changes_nothing(tenth, rest):
    assert today(tenth / 10 + rest) == today(tenth / 10)


def test_a_mean_that_lost_its_last_bit_counts_as_the_number_it_stands_for():
    shy = np.nextafter(35.5, 0)
    assert shy < 35.5
    assert today(shy) == 101
    assert today(35.4999) == 100


@given(st.integers(-4000, 800))
def test_the_table_changes_on_its_day_and_on_no_other(offset):
    day = np.datetime64(US_2024) + offset
    assert air_quality_index(12.0, "pm25", Scheme.US_EPA, day) == (56 if offset >= 0 else 50)


def test_each_value_of_a_series_is_read_in_the_table_of_its_day():
    days = np.array(["2013-03-17", "2013-03-18", "2024-05-05T23:59", "2024-05-06T00:00"], "datetime64[m]")
    assert air_quality_index(np.full(4, 12.0), "pm25", Scheme.US_EPA, days).tolist() == [39, 50, 50, 56]
    thai = np.array(["2023-05-31", "2023-06-01"], "datetime64[D]")
    stations = np.array([[37.5], [50.0], [80.0]])
    found = air_quality_index(stations, "pm25", Scheme.THAI_PCD, thai)
    assert found.tolist() == [[50, 100], [100, 134], [175, 201]]


def test_a_missing_negative_or_infinite_concentration_has_no_index():
    found = today([np.nan, -0.01, -5.0, np.inf, -np.inf, 0.0])
    assert np.isnan(found).tolist() == [True] * 5 + [False]


def test_above_its_table_a_concentration_has_the_next_category_and_at_most_500():
    assert air_quality_index([500.5, 2000.0], "pm25", Scheme.US_EPA, US_2012).tolist() == [500, 500]
    assert today([75.1, 500.0], scheme=Scheme.THAI_PCD).tolist() == [201, 201]
    assert today(201.0, "o3") == 301
    assert today(305.0, "so2") == 201


def test_above_an_open_table_the_index_goes_on_along_the_last_band():
    # by hand: 301 + 199 / 99.9 * (425.5 - 225.5) = 699.4, and 301 + 199 / 179 * (704 - 425) = 611.2
    assert today([325.5, 425.5]).tolist() == [500, 699]
    assert today(704.0, "pm10") == 611
    tables = breakpoints("pm25", Scheme.US_EPA)
    assert above_table(np.array([500.4, 500.5, np.nan]), tables[1]).tolist() == [False, True, False]
    assert not above_table(np.array([9000.0]), tables[2]).any()


def test_an_index_of_nothing_is_nothing():
    nothing = np.empty(0)
    assert air_quality_index(nothing, "pm25", Scheme.US_EPA, np.empty(0, "datetime64[D]")).shape == (0,)
    assert nowcast(np.empty((3, 0))).shape == (3, 0)


def test_an_unknown_pollutant_is_told_the_known_ones():
    with pytest.raises(InputError, match=r"'pm2\.5': expected one of pm25, pm10.*did you mean pm25"):
        today(1.0, "pm2.5")


def test_a_day_before_the_first_table_or_no_day_is_refused():
    with pytest.raises(InputError, match=r"expected 2018-10-01 or later, came 2018-09-30"):
        air_quality_index(10.0, "pm25", Scheme.THAI_PCD, date(2018, 9, 30))
    with pytest.raises(InputError, match="NaT"):
        air_quality_index(np.ones(1), "pm25", Scheme.US_EPA, np.array(["NaT"], "datetime64[D]"))


def test_categories_begin_one_above_the_last_of_the_one_before():
    assert category_number(np.array([0, 50, 51, 100, 101, 300, 301, 500, np.nan]), Scheme.US_EPA).tolist() == [
        0, 0, 1, 1, 2, 4, 5, 5, -1,
    ]  # fmt: skip
    assert category_number(np.array([25, 26, 100, 101, 200, 201]), Scheme.THAI_PCD).tolist() == [0, 1, 2, 3, 3, 4]


def test_a_category_has_its_name_and_colour():
    found = category(163, Scheme.US_EPA)
    assert found is not None
    assert (found.name, found.colour) == ("Unhealthy", "#ff0000")
    assert category(float("nan"), Scheme.US_EPA) is None


@pytest.mark.parametrize(("newest_first", "expected"), reference.NOWCAST)
def test_nowcast_weighs_the_newest_hours_most(newest_first, expected):
    hours = np.array(newest_first[::-1], np.float64)
    assert nowcast(hours)[-1] == pytest.approx(expected, rel=1e-7)


def test_the_worked_nowcast_of_the_epa_has_its_index():
    hours = np.array(reference.NOWCAST[0][0][::-1], np.float64)
    assert air_quality_index(nowcast(hours)[-1], "pm25", Scheme.US_EPA, US_2012) == 62


@pytest.mark.parametrize(
    ("last_three", "there"),
    [
        ((5, 5, 5), True), ((5, 5, None), True), ((5, None, 5), True), ((None, 5, 5), True),
        ((None, None, 5), False), ((5, None, None), False), ((-1, -1, 5), False),
    ],
)  # fmt: skip
def test_nowcast_needs_two_of_the_last_three_hours(last_three, there):
    hours = np.array([5.0] * 9 + list(last_three), np.float64)
    assert np.isfinite(nowcast(hours)[-1]) == there


hourly = arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 40)), elements=st.floats(0, 500, width=32))


@given(hourly, st.randoms(use_true_random=False))
def test_nowcast_of_a_series_is_the_nowcast_of_each_last_twelve_hours(values, random):
    values[np.array([[random.random() < 0.3 for _ in row] for row in values])] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = nowcast(values)
    for row, results in zip(values, found, strict=True):
        for hour, result in enumerate(results):
            expected = by_definition(row[max(0, hour - 11) : hour + 1][::-1])
            assert result == pytest.approx(expected, nan_ok=True, rel=1e-9, abs=1e-9)


def by_definition(newest_first):
    there = [(age, value) for age, value in enumerate(newest_first) if not np.isnan(value)]
    if sum(age < 3 for age, _ in there) < 2:
        return float("nan")
    least, most = min(value for _, value in there), max(value for _, value in there)
    weight = max(0.5, 1 - (most - least) / most) if most else 1.0
    return sum(value * weight**age for age, value in there) / sum(weight**age for age, _ in there)


@given(hourly)
def test_nowcast_lies_within_the_last_twelve_hours(values):
    found = nowcast(values)[:, -1]
    last = values[:, -12:]
    there = np.isfinite(found)
    assert (found[there] >= last.min(axis=1)[there] - 1e-9).all()
    assert (found[there] <= last.max(axis=1)[there] + 1e-9).all()


def test_days_over_a_level_are_above_it_and_known():
    daily = np.array([[37.5, 37.6, np.nan, 80.0], [10.0, 20.0, 30.0, 37.4]])
    assert days_over(daily, 37.5).tolist() == [2, 0]


@pytest.mark.parametrize(("pollutant", "molar_mass"), reference.MOLAR_MASS)
def test_a_gas_in_ppb_weighs_its_molar_mass_over_the_molar_volume(pollutant, molar_mass):
    assert mass_concentration(10.0, pollutant) == pytest.approx(10 * molar_mass / reference.MOLAR_VOLUME, rel=2e-3)


def test_particles_are_in_micrograms_already():
    assert mass_concentration(np.array([3.5]), "pm25").tolist() == [3.5]
