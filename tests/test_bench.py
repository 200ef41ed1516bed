"""The figures of a benchmark: exact percentiles, a histogram that keeps every latency, and whose limit it was."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from nakhon.benchmark import telling
from nakhon.benchmark.figures import bars, clock, histogram, percentiles
from nakhon.benchmark.modes import Capacity, Latency, Step
from nakhon.benchmark.rig import Trial

LATENCIES = st.lists(st.floats(0, 10_000, allow_nan=False), min_size=1, max_size=200)


def trial(rate: float = 100, *, late: float = 0.0, lost: int = 0, caught_up: float | None = 0.01) -> Trial:
    due = np.arange(100) / rate
    sent = due + late
    heard = sent + 0.002
    heard[:lost] = np.nan
    return Trial(rate, due, sent, sent + 0.001, heard, 0, None, caught_up, 0.1, 1)


@given(LATENCIES)
def test_a_percentile_is_a_latency_that_occurred_and_they_rise(values: list[float]) -> None:
    found = percentiles(np.array(values))
    assert set(found.values()) <= set(values)
    assert list(found.values()) == sorted(found.values())
    assert found["max"] == max(values)


@given(LATENCIES)
def test_the_histogram_keeps_every_latency(values: list[float]) -> None:
    found = histogram(np.array(values))
    assert sum(one.count for one in found) == len(values)
    assert found[0].count > 0 < found[-1].count
    assert len(bars(found)) == len(found)


def test_nothing_heard_has_no_figures() -> None:
    assert percentiles(np.array([])) == {}
    assert histogram(np.array([])) == []


def test_latency_counts_from_when_a_message_was_due_so_that_a_stall_is_seen() -> None:
    stalled = trial(late=0.05)
    assert percentiles(stalled.latencies)["p50"] == pytest.approx(0.052)
    assert percentiles(stalled.uncorrected)["p50"] == pytest.approx(0.002)


def test_who_is_behind_the_own_schedule_is_the_limit_and_says_so() -> None:
    assert not trial().offer_limited
    assert trial(late=0.5).offer_limited
    assert "THE OFFER WAS THE LIMIT" in telling.limits(trial(late=0.5))
    assert not Latency(trial(late=0.5), True, 0).answer
    assert Latency(trial(), True, 0).answer


def test_what_never_came_back_is_counted_and_in_no_percentile() -> None:
    found = trial(lost=7)
    assert (found.lost, len(found.latencies)) == (7, 93)
    assert not found.sustained(1.0)
    assert not Latency(found, True, 0).answer


@pytest.mark.parametrize(
    ("failed", "limit", "said"),
    [
        (trial(400, caught_up=None), "target", "knee: 200 messages/s"),
        (trial(400, caught_up=None, late=0.5), "offer", "no knee found: 200 messages/s"),
    ],
)
def test_the_knee_is_the_highest_rate_kept_up_with_and_names_whose_limit_it_was(
    failed: Trial, limit: str, said: str
) -> None:
    found = Capacity([Step(trial(100), True), Step(trial(200), True), Step(failed, False)], 0.5, True, 0)
    assert (found.knee, found.limit, found.told()["knee"]) == (200, limit, 200)
    out = io.StringIO()
    telling.capacity(found, Console(file=out, width=200))
    assert said in out.getvalue()


def test_short_times_are_told_in_their_unit() -> None:
    assert [clock(one) for one in (0.00012, 0.0123, 4.5, np.inf)] == ["120 µs", "12.3 ms", "4.5 s", "longer"]
