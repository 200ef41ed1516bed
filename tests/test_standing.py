"""How sure places are: blocks as long as the memory, the same days for all, and honest intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from comparisons import CHIANG_MAI, DAY, KHON_KAEN, UTC, compared
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from collector.comparing.standing import block_length, standings

RAYONG = replace(KHON_KAEN, city="rayong", name="Rayong")


def noise(columns: int, days: int = 60, memory: float = 0.0, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return lfilter([1], [1, -memory], rng.normal(size=(days + 100, columns)), axis=0)[100:]


def test_blocks_grow_with_the_memory_of_a_series() -> None:
    lengths = [
        np.mean([block_length(noise(1, 400, memory, seed)[:, 0]) for seed in range(20)]) for memory in (0, 0.5, 0.9)
    ]
    assert lengths[0] < 5 < lengths[1] < lengths[2]


@pytest.mark.parametrize("n", [1, 2, 7, 30])
def test_a_block_is_never_longer_than_a_third_of_the_days(n: int) -> None:
    assert 1 <= block_length(np.arange(float(n))) <= max(1, -(-n // 3))


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


def test_below_a_week_nothing_is_said() -> None:
    assert standings(np.ones((6, 2)), np.ones((6, 2)), higher_is_better=False) is None


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 5), st.integers(7, 30), st.integers(0, 1000))
def test_intervals_hold_places_that_are_there(columns: int, days: int, seed: int) -> None:
    told = standings(noise(columns, days, 0.3, seed), np.ones((days, columns)), higher_is_better=False)
    assert told is not None
    assert all(1 <= one.low <= one.high <= columns and 0 <= one.best <= 1 for one in told)


def test_a_ranking_says_how_sure_it_is() -> None:
    request = replace(UTC, bucket=DAY, rank=True)
    level = 20 + noise(3)
    part = compared(request, (CHIANG_MAI, level[:, 0]), (KHON_KAEN, level[:, 1]), (RAYONG, level[:, 2] + 30)).sections[
        0
    ]
    assert [one.rank for one in part.entries][2] == 3
    assert part.entries[2].standing is not None
    assert (part.entries[2].standing.low, part.entries[2].standing.high) == (3, 3)
    assert any("95 % of resamples" in note for note in part.notices)


def test_a_ranking_of_a_few_days_says_that_nothing_tells_how_sure_it_is() -> None:
    request = replace(UTC, bucket=DAY, rank=True)
    part = compared(request, (CHIANG_MAI, [1.0, 2, 3]), (KHON_KAEN, [4.0, 5, 6])).sections[0]
    assert (part.entries[0].rank, part.entries[0].standing) == (1, None)
    assert any("nothing says how sure" in note for note in part.notices)
