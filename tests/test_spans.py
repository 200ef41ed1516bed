"""Local days in zones with summer time: the spans that are asked for, and what is compared in the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from analysts import filled
from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.data import Data
from collector.comparing.difference import DAY
from collector.comparing.spans import spans
from collector.language.messages import Readings
from collector.language.profile import CityProfile
from collector.stores import open_store
from collector.stores.protocol import Batch

SPRING, AUTUMN = (int(datetime(2026, month, day, tzinfo=UTC).timestamp()) for month, day in ((3, 29), (10, 25)))


def test_a_zone_without_summer_time_is_asked_once_and_so_are_hours() -> None:
    assert spans("Asia/Bangkok", SPRING, AUTUMN, DAY) == [(SPRING, AUTUMN)]
    assert spans("Europe/London", SPRING - DAY, AUTUMN, 3600) == [(SPRING - DAY, AUTUMN)]


@given(
    st.sampled_from(["Europe/London", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca"]),
    st.integers(SPRING - 400 * DAY, AUTUMN),
    st.integers(1, 500 * DAY),
    st.sampled_from([6 * 3600, DAY, 7 * DAY]),
)
def test_spans_follow_one_another_and_begin_where_a_bucket_does(
    zone: str, first: int, length: int, bucket: int
) -> None:
    found = spans(zone, first, first + length, bucket)
    assert (found[0][0], found[-1][1]) == (first, first + length)
    for (_, end), (begin, _) in pairwise(found):
        assert 0 <= begin - end <= 3600  # the hour that is lost where summer time ends
        told = datetime.fromtimestamp(begin, ZoneInfo(zone)).replace(tzinfo=UTC)
        assert (told - datetime(2000, 1, 3, tzinfo=UTC)) % timedelta(seconds=max(bucket, DAY)) == timedelta()


def test_a_clock_that_is_centuries_wrong_and_buckets_with_two_changes_are_asked_once() -> None:
    assert len(spans("Europe/London", SPRING - 3650 * DAY, AUTUMN, DAY)) > 1
    for first, bucket in ((SPRING - 36_500 * DAY, DAY), (SPRING - 800 * DAY, 366 * DAY)):
        assert spans("Europe/London", first, AUTUMN, bucket) == [(first, AUTUMN)]


@pytest.mark.parametrize("change", [SPRING, AUTUMN])
def test_days_before_and_after_a_change_are_those_of_the_zone(tmp_path: Path, change: int) -> None:
    batch, zone = filled(), ZoneInfo("Europe/London")
    births = [
        (
            address,
            replace(status, profile=replace(status.profile, timezone=zone.key))
            if isinstance(status.profile, CityProfile)
            else status,
        )
        for address, status in batch.births
    ]
    times = np.arange(change - 13 * DAY, change + 8 * DAY, 3600)
    values = np.random.default_rng(1).normal(30, 5, len(times)).round(3)
    first = batch.accepted[0]
    said = replace(first.message, body=Readings(times.astype("datetime64[s]"), {"pm25": values}))
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    store.write(Batch(accepted=[replace(first, message=said)], births=births, counts={}))
    for days, least in ((1, 20), (7, 3)):
        told = Data(store).compare("pm25", runs="haze", cities="chiang-mai", bucket=f"{days}d").series().rows()
        own: dict[object, list[float]] = {}
        for time, value in zip(times.tolist(), values.tolist(), strict=True):
            day = datetime.fromtimestamp(time, zone).date()
            own.setdefault(day - timedelta(days=day.weekday() % days), []).append(value)
        assert {row["aligned"].date(): row["value"] for row in told} == {
            day: pytest.approx(np.mean(held[: 24 * days])) for day, held in own.items() if len(held) >= 18 * days
        }
        assert len(told) >= least
    store.close()
