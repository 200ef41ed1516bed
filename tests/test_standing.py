"""How sure places are: the same days for all, and honest intervals."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from comparisons import CHIANG_MAI, DAY, KHON_KAEN, UTC, compared
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from collector.comparing.comparison import rows
from collector.comparing.standing import standings
from collector.reporting.export import as_json
from collector.reporting.report import report

RAYONG = replace(KHON_KAEN, city="rayong", name="Rayong")


def noise(columns: int, days: int = 60, memory: float = 0.0, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return lfilter([1], [1, -memory], rng.normal(size=(days + 100, columns)), axis=0)[100:]


def test_places_of_clearly_different_columns_are_sure() -> None:
    told = standings(noise(3) + np.array([0, 20, 40]), np.ones((60, 3)), higher_is_better=False)
    assert told is not None
    assert [(one.low, one.high, one.best) for one in told] == [(1, 1, 1), (2, 2, 0), (3, 3, 0)]


def test_the_other_direction_turns_the_places() -> None:
    told = standings(noise(2) + np.array([0, 20]), np.ones((60, 2)), higher_is_better=True)
    assert told is not None
    assert [one.low for one in told] == [2, 1]


def test_places_of_columns_alike_are_open() -> None:
    told = standings(noise(3), np.ones((60, 3)), higher_is_better=False)
    assert told is not None
    assert all(one.low < one.high for one in told)
    assert sum(one.best for one in told) == pytest.approx(1)


def test_what_all_share_does_not_blur_their_places() -> None:
    weather = 10 * noise(1, memory=0.9)
    told = standings(weather + np.array([0.0, 1.0]) + 0.1 * noise(2, seed=5), np.ones((60, 2)), higher_is_better=False)
    assert told is not None
    assert (told[0].high, told[1].low) == (1, 2)


def test_two_columns_alike_that_remember_are_rarely_told_apart() -> None:
    found = [standings(noise(2, 90, 0.8, seed), np.ones((90, 2)), higher_is_better=False) for seed in range(80)]
    assert np.mean([told[0].low == told[0].high for told in found if told]) < 0.3


def test_many_columns_share_the_level_of_five_percent() -> None:
    found = [standings(noise(6, 60, seed=seed), np.ones((60, 6)), higher_is_better=False) for seed in range(60)]
    wrong = [any(one.low > 1 or one.high < 6 for one in told[:1]) for told in found if told]
    assert np.mean(wrong) < 0.1


def test_below_a_week_nothing_is_said() -> None:
    assert standings(np.ones((6, 2)), np.ones((6, 2)), higher_is_better=False) is None


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 5), st.integers(7, 30), st.integers(0, 1000))
def test_intervals_hold_places_that_are_there(columns: int, days: int, seed: int) -> None:
    values = noise(columns, days, 0.3, seed)
    told = standings(values, np.ones((days, columns)), higher_is_better=False)
    assert told is not None
    levels = values.mean(axis=0)
    for at, one in enumerate(told):
        rank = 1 + int((levels < levels[at]).sum())
        assert 1 <= one.low <= rank <= one.high <= columns
        assert np.isnan(one.best) or 0 <= one.best <= 1


@settings(max_examples=40, deadline=None)
@given(st.integers(7, 30), st.floats(0, 0.97), st.floats(0, 4), st.integers(0, 1000))
def test_of_two_columns_places_are_sure_just_where_their_interval_excludes_nothing(
    days: int, memory: float, apart: float, seed: int
) -> None:
    values = 50 + noise(2, days, memory, seed) + np.array([0, apart])
    request = replace(UTC, bucket=DAY, rank=True)
    part = compared(request, (CHIANG_MAI, values[:, 0]), (KHON_KAEN, values[:, 1])).sections[0]
    gap, places = part.entries[1].difference, part.entries[1].standing
    assert gap is not None and places is not None
    assert gap.clear == (places.low == places.high)
    assert np.isnan(gap.low) == np.isnan(places.best)


def test_a_series_that_remembers_too_long_has_no_interval_and_open_places_and_it_is_said() -> None:
    drifting = 100 + 10 * np.arange(16.0)
    table = compared(replace(UTC, bucket=DAY, rank=True), (CHIANG_MAI, np.full(16, 170.0)), (KHON_KAEN, drifting))
    first, second = rows(table)
    assert [(row["rank"], row["rank_low"], row["rank_high"], row["first"]) for row in (first, second)] == [
        (1, 1, 2, None), (2, 1, 2, None),
    ]  # fmt: skip
    assert (second["difference"], second["low"], second["ratio_low"]) == (5, None, None)
    assert (second["no_interval"], second["days_common"], second["verdict"]) == ("remembers too long", 16, "not judged")
    said = "not given: the series remembers too long for 16 days"
    assert said in str(second["notice"])
    assert said in report(table)
    assert json.loads(as_json(table))["rows"][1]["no_interval"] == "remembers too long"


def test_a_ranking_says_how_sure_it_is() -> None:
    request = replace(UTC, bucket=DAY, rank=True)
    level = 20 + noise(3)
    part = compared(request, (CHIANG_MAI, level[:, 0]), (KHON_KAEN, level[:, 1]), (RAYONG, level[:, 2] + 30)).sections[
        0
    ]
    assert [one.rank for one in part.entries][2] == 3
    assert part.entries[2].standing is not None
    assert (part.entries[2].standing.low, part.entries[2].standing.high) == (3, 3)
    assert any("at 95 % for all of them" in note for note in part.notices)


def test_a_ranking_of_a_few_days_says_that_nothing_tells_how_sure_it_is() -> None:
    request = replace(UTC, bucket=DAY, rank=True)
    part = compared(request, (CHIANG_MAI, [1.0, 2, 3]), (KHON_KAEN, [4.0, 5, 6])).sections[0]
    assert (part.entries[0].rank, part.entries[0].standing) == (1, None)
    assert any("nothing says how sure" in note for note in part.notices)
