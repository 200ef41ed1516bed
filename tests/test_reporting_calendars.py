"""Years and dates as offices write them."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakhon.reporting.calendars import Calendar, day_of
from nakhon.reporting.charts import MOST_TICKS, ticks
from nakhon.reporting.manner import Era, Language, Years
from nakhon.reporting.words import Words

DAYS = st.dates(date(1970, 1, 1), date(2100, 12, 31))
ENGLISH, THAI = Words(Language.ENGLISH), Words(Language.THAI)


@pytest.mark.parametrize(
    ("day", "fiscal"),
    [(date(2025, 9, 30), 2025), (date(2025, 10, 1), 2026), (date(2026, 1, 1), 2026), (date(2026, 9, 30), 2026)],
)
def test_a_thai_fiscal_year_begins_on_1_october_and_has_the_name_of_the_year_in_which_it_ends(
    day: date, fiscal: int
) -> None:
    calendar = Calendar(Era.BUDDHIST, Years.FISCAL, THAI)
    assert calendar.year_of(day) == fiscal
    assert calendar.year_name(fiscal) == f"ปีงบประมาณ พ.ศ. {fiscal + 543}"


@given(DAYS, st.sampled_from(Years))
def test_a_day_lies_in_its_year(day: date, years: Years) -> None:
    calendar = Calendar(Era.GREGORIAN, years, ENGLISH)
    year = calendar.year_of(day)
    assert calendar.first_day(year) <= day < calendar.first_day(year + 1)
    number = np.array([(day - date(1970, 1, 1)).days])
    assert calendar.years_of(number).tolist() == [year]


@given(DAYS)
def test_the_buddhist_era_is_543_years_ahead_and_changes_no_day(day: date) -> None:
    here, there = (Calendar(era, Years.CALENDAR, ENGLISH) for era in Era)
    assert there.day_name(day) == here.day_name(day).replace(str(day.year), f"{day.year + 543} BE")


def test_dates_are_written_in_the_language_of_the_report() -> None:
    assert Calendar(Era.BUDDHIST, Years.CALENDAR, THAI).day_name(date(2026, 3, 1)) == "1 มีนาคม พ.ศ. 2569"
    assert Calendar(Era.GREGORIAN, Years.CALENDAR, ENGLISH).day_name(date(2026, 3, 1)) == "1 March 2026"


@given(DAYS, st.integers(2, 8_000), st.sampled_from(Era))
def test_an_axis_has_a_few_ticks_inside_its_span_in_order(first: date, days: int, era: Era) -> None:
    begin = (first - date(1970, 1, 1)).days * 86_400
    places, names = ticks(begin, begin + days * 86_400, Calendar(era, Years.CALENDAR, ENGLISH))
    assert 1 <= len(places) == len(names) <= MOST_TICKS + 2
    assert places == sorted(places)
    assert first.isoformat() <= places[0] and places[-1] <= (first + timedelta(days)).isoformat()
    assert str(date.fromisoformat(places[0]).year + (543 if era is Era.BUDDHIST else 0)) in names[0]


def test_days_are_counted_from_1970() -> None:
    assert day_of(0) == date(1970, 1, 1) and day_of(86_400 * 365 - 1) == date(1970, 12, 31)
