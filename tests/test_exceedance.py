"""Limits exceeded: by the right mean, in the limit's unit, of the days that are known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from comparisons import CHIANG_MAI, DAY, HOUR, START, UTC, compared
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.signal import lfilter
from scipy.stats import norm

from collector.comparing.exceedance import averaged, exceedances, exceeded
from collector.comparing.limits import Averaging, authorities, limits
from collector.language.errors import InputError
from collector.language.indicators import indicator

DAYS = replace(UTC, bucket=DAY)


def told(request: object, values: object, *levels: str) -> dict[tuple[str, str], dict[str, object]]:
    sheet = exceedances(compared(request, (CHIANG_MAI, values)), levels)  # type: ignore[arg-type]
    return {(str(row["limit"]), str(row["averaging"])): row for row in sheet.rows}


def test_days_over_the_guideline_are_counted_and_the_level_itself_is_not_over() -> None:
    row = told(DAYS, [15.0, 15.1, 40.0, 2.0], "who")["WHO 2021", "24 h"]
    assert (row["over"], row["known"], row["possible"], row["level"]) == (2, 4, 4, 15)
    assert (row["origin"], row["level_unit"], row["share"]) == ("simulated", "µg/m³", 0.5)


def test_a_day_with_too_few_hours_is_not_known() -> None:
    hours = np.full(48, 80.0)
    hours[24:31] = np.nan  # 17 of 24
    row = told(replace(UTC, bucket=HOUR), hours, "who")["WHO 2021", "24 h"]
    assert (row["over"], row["known"], row["possible"]) == (1, 1, 2)
    hours[30] = 80.0  # 18 of 24
    assert told(replace(UTC, bucket=HOUR), hours, "who")["WHO 2021", "24 h"]["known"] == 2


def test_gases_are_counted_in_the_unit_of_the_guideline() -> None:
    request = replace(DAYS, indicators=("no2",))
    row = told(request, [13.2, 13.4], "who")["WHO 2021", "24 h"]  # 25 µg/m³ is 13.3 ppb
    assert row["over"] == 1
    assert row["highest"] == pytest.approx(13.4 * 1.88)


def test_the_level_of_a_nation_is_the_one_in_force_on_the_day() -> None:
    eve = int(np.datetime64("2023-05-31", "s").astype(np.int64))
    sheet = exceedances(compared(DAYS, (CHIANG_MAI, [45.0, 45.0]), start=eve), ("thailand",))
    (row,) = [row for row in sheet.rows if row["averaging"] == "24 h"]
    assert (row["over"], row["known"], row["level"]) == (1, 2, "50 to 37.5")
    moved = replace(CHIANG_MAI, shift=-500 * DAY)  # set beside a later range, and judged by its own days
    sheet = exceedances(compared(DAYS, (moved, [45.0, 45.0]), start=eve), ("thailand",))
    assert [row["over"] for row in sheet.rows if row["averaging"] == "24 h"] == [1]


def test_ones_own_level_may_be_of_hours_days_and_years() -> None:
    assert told(replace(UTC, bucket=HOUR), [50.0, 30.0], "40/1h")["own 40/1h", "1 h"]["over"] == 1
    year = np.full(365, 12.0)
    assert told(DAYS, year, "10/year")["own 10/year", "annual"]["over"] == 1
    assert told(DAYS, year[:200], "10/year")["own 10/year", "annual"]["known"] == 0


def test_ozone_is_the_highest_mean_of_eight_hours_of_its_day() -> None:
    hours = np.zeros(48)
    hours[8:16] = 60.0
    _, means = averaged(START + HOUR * np.arange(48), hours, HOUR, Averaging.EIGHT_HOURS)
    assert means.tolist() == [60.0, 0.0]


def test_what_cannot_be_counted_is_said() -> None:
    sheet = exceedances(compared(replace(UTC, bucket=7 * DAY), (CHIANG_MAI, [20.0, 30.0])), ("who", "40/1h"))
    assert not sheet.rows
    assert sum("needs buckets of at most" in notice for notice in sheet.notices) == 3
    sheet = exceedances(compared(replace(UTC, indicators=("wind_speed",)), (CHIANG_MAI, [2.0])), ("who",))
    assert any("who has no limit" in notice for notice in sheet.notices)
    sums = replace(UTC, indicators=("digital_payments",))
    assert any("is no mean" in notice for notice in exceedances(compared(sums, (CHIANG_MAI, [2.0])), ("40",)).notices)


def test_no_day_over_the_limit_does_not_say_that_there_is_none() -> None:
    quiet = exceeded(np.full(31, 3.0), np.full(31, 5.0), 31)
    assert (quiet.over, quiet.low, quiet.why) == (0, 0.0, None)
    assert quiet.high == pytest.approx(1 - 0.025 ** (1 / 31))  # Clopper and Pearson, of independent days
    slow = exceeded(np.sin(np.arange(31) / 10), np.full(31, 5.0), 31)
    assert np.isnan(slow.high)
    assert slow.why == "remembers too long"


@pytest.mark.parametrize(("share", "memory"), [(0.1, 0.0), (0.1, 0.5), (0.02, 0.5)])
def test_the_interval_of_a_share_of_a_month_holds_the_true_one(share: float, memory: float) -> None:
    rng = np.random.default_rng(5)
    days = lfilter([1], [1, -memory], rng.normal(size=(300, 131)), axis=1)[:, 100:] * np.sqrt(1 - memory**2)
    found = [exceeded(one, np.full(31, norm.isf(share)), 31) for one in days]
    assert np.mean([one.low <= share <= one.high for one in found if one.why is None]) > 0.95


@given(hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(0, 100)), st.floats(0, 100))
def test_the_share_lies_in_its_interval_and_between_nothing_and_all(means: np.ndarray, level: float) -> None:
    found = exceeded(means, np.full(len(means), level), len(means) + 3)
    assert found.over == (means > level).sum()
    assert found.known == len(means) < found.possible
    if np.isfinite(found.low):
        assert 0 <= found.low <= found.over / found.known <= found.high <= 1


@pytest.mark.parametrize("text", ["whom", "40/2h", "", "4e9", "1/0"])
def test_a_limit_that_is_none_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(InputError, match="expected a limit such as who"):
        limits(text, indicator("pm25"))


def test_every_limit_of_an_authority_has_a_source_and_rises_in_time() -> None:
    for name in authorities():
        for entry in ("pm25", "pm10", "no2", "o3"):
            for versions in limits(name, indicator(entry)):
                assert all(one.source and one.level > 0 for one in versions)
                assert [one.valid_from for one in versions] == sorted({one.valid_from for one in versions})
    (daily, _) = sorted(limits("thailand", indicator("pm25")), key=lambda versions: -versions[-1].level)
    assert (daily[-1].level, daily[-1].valid_from) == (37.5, date(2023, 6, 1))
