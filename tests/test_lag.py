"""Correlation with lag: who comes first, how sure memory allows to be, and gaps that stay gaps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from comparisons import CHIANG_MAI, HOUR, KHON_KAEN, UTC, compared
from scipy.signal import lfilter

from collector.comparing.lag import lagged, lags, without_daily_cycle
from collector.language.errors import InputError


def noise(n: int, seed: int = 1, memory: float = 0.0) -> np.ndarray:
    return lfilter([1], [1, -memory], np.random.default_rng(seed).normal(size=n + 200))[200:]


def test_what_comes_three_steps_later_is_found_three_steps_later() -> None:
    first = noise(500)
    second = np.roll(first, 3) + 0.3 * noise(500, 2)
    found = {one.lag: one for one in lagged(first, second, 6)}
    assert max(found.values(), key=lambda one: abs(one.correlation)).lag == 3
    assert found[3].clear
    assert not found[0].clear
    assert found[3].low < found[3].correlation < found[3].high


def test_the_correlation_without_lag_is_that_of_numpy_on_what_both_have() -> None:
    first, second = noise(300), noise(300, 2) + noise(300)
    first[10:40] = np.nan
    (found,) = [one for one in lagged(first, second, 1) if one.lag == 0]
    kept = np.isfinite(first)
    assert found.n == 270
    assert found.correlation == pytest.approx(np.corrcoef(first[kept], second[kept])[0, 1])


def test_two_series_with_memory_and_nothing_else_in_common_are_rarely_called_clear() -> None:
    pairs = [(noise(400, seed, 0.9), noise(400, seed + 1000, 0.9)) for seed in range(150)]
    told = [next(one for one in lagged(*pair, 1) if one.lag == 0) for pair in pairs]
    naive = np.mean([abs(one.correlation) > 1.96 / np.sqrt(one.n) for one in told])
    assert np.mean([not one.low <= 0 <= one.high for one in told]) < 0.12 < 0.3 < naive


def test_a_daily_cycle_that_both_have_is_no_correlation() -> None:
    clock = HOUR * np.arange(24 * 30)
    cycle = np.sin(2 * np.pi * clock / 86_400)
    first, second = (10 * cycle + noise(len(clock), seed) for seed in (1, 2))
    assert np.corrcoef(first, second)[0, 1] > 0.9
    away = [without_daily_cycle(clock, one, HOUR) for one in (first, second)]
    assert abs(np.corrcoef(*away)[0, 1]) < 0.15


def test_the_sheet_names_what_is_set_against_what() -> None:
    first = noise(24 * 20)
    told = lags(compared(replace(UTC, bucket=HOUR), (CHIANG_MAI, first), (KHON_KAEN, np.roll(first, 2))), 4 * HOUR)
    assert [row["lag"] for row in told.rows] == [-4, -3, -2, -1, 0, 1, 2, 3, 4]
    assert [row["lag"] for row in told.rows if row["strongest"] == "yes"] == [2]
    assert told.rows[0]["against"] == "pm25: Chiang Mai, base (simulated)"
    assert any("not a cause" in notice for notice in told.notices)


def test_columns_with_hardly_a_common_bucket_have_no_lag_and_it_is_said() -> None:
    told = lags(compared(UTC, (CHIANG_MAI, noise(100)), (KHON_KAEN, noise(15))), 4 * HOUR)
    assert not told.rows
    assert any("fewer than 20 common buckets" in notice for notice in told.notices)


def test_two_series_that_hardly_move_have_a_correlation_without_an_interval_and_it_is_said() -> None:
    told = lags(compared(replace(UTC, bucket=86_400), (CHIANG_MAI, np.arange(24.0)), (KHON_KAEN, np.arange(24.0)**1.1)),
                86_400)  # fmt: skip
    row = told.rows[1]
    assert (row["correlation"] > 0.9, row["low"], row["high"], row["clear"]) == (True, None, None, "no")
    assert row["no_interval"] == "remembers too long"
    assert any("interval not given: the series remembers too long for 24 days" in notice for notice in told.notices)


@pytest.mark.parametrize(("most", "complaint"), [(1800, "expected a lag of 1 to 500"), (501 * HOUR, "expected a lag")])
def test_a_lag_that_is_no_lag_is_refused(most: int, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        lags(compared(UTC, (CHIANG_MAI, noise(50)), (KHON_KAEN, noise(50))), most)


def test_one_series_has_no_lag() -> None:
    with pytest.raises(InputError, match="came one"):
        lags(compared(UTC, (CHIANG_MAI, noise(50))), HOUR)
