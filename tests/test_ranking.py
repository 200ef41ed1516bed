"""Policies ranked, with the uncertainty of their places."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.answers.ranking import ranking


def luck(seed: int, n: int = 30) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(100, 20, n)[:, None] + rng.normal(0, 1, (n, 3))


def test_pairing_tells_policies_apart_that_their_own_spread_would_not() -> None:
    found = ranking(["a", "b", "c"], luck(1) + np.array([0.0, -4.0, 4.0]), higher_is_better=False)
    assert [one.name for one in found] == ["b", "a", "c"]
    assert [(one.low, one.high, one.best) for one in found] == [(1, 1, 1.0), (2, 2, 0.0), (3, 3, 0.0)]
    assert found[0].mean.high > found[1].mean.low and found[0].tied == ()


def test_policies_without_a_difference_are_tied_and_their_places_open() -> None:
    found = ranking(["a", "b", "c"], luck(2) + np.array([0.0, 0.0, 9.0]), higher_is_better=False)
    assert set(found[0].tied) | {found[0].name} == {"a", "b"}
    assert (found[0].low, found[0].high) == (1, 2) and 0.5 <= found[0].best < 1.0


def test_identical_policies_share_the_first_place() -> None:
    same = np.repeat(luck(3)[:, :1], 2, axis=1)
    found = ranking(["a", "b"], same, higher_is_better=True)
    assert [one.best for one in found] == [1.0, 1.0] and found[0].tied == ("b",)


@settings(max_examples=25)
@given(st.permutations([0, 1, 2]), st.floats(0.01, 1e3), st.booleans())
def test_neither_order_nor_unit_changes_the_ranking(order: list[int], unit: float, higher: bool) -> None:
    names, values = ["a", "b", "c"], luck(4) + np.array([0.0, 0.4, 1.0])
    one = ranking(names, values, higher_is_better=higher, resamples=200)
    other = ranking([names[i] for i in order], unit * values[:, order], higher_is_better=higher, resamples=200)
    assert [(p.name, p.low, p.high, p.best, p.tied) for p in one] == [
        (p.name, p.low, p.high, p.best, p.tied) for p in other
    ]


def test_the_true_order_is_within_the_places_at_least_at_the_nominal_rate() -> None:
    truth = {"a": 2, "b": 1, "c": 3}
    kept = [
        all(p.low <= truth[p.name] <= p.high for p in ranking(list("abc"), luck(seed, 12) + np.array([0.0, -0.5, 0.5]),
            higher_is_better=False, resamples=300))
        for seed in range(200)
    ]  # fmt: skip
    assert np.mean(kept) >= 0.88


def test_one_replication_ranks_nothing() -> None:
    with pytest.raises(ValueError, match="at least 2 replications"):
        ranking(["a"], np.array([[1.0]]), higher_is_better=True)
