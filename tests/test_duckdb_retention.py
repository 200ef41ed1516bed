"""What a policy lets go of: buckets stay as they were, raw values are said to be gone, late ones count exactly."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from duckdb_samples import START, message
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.intake.unnumbered import settle
from collector.language.errors import InputError
from collector.language.messages import Event, Message, Readings
from collector.language.profile import CityProfile, Status
from collector.language.topics import Address, CityAddress, Kind
from collector.stores import open_store
from collector.stores.duckdb import retention as duckdb_retention
from collector.stores.duckdb import store as duckdb_file
from collector.stores.duckdb.store import DuckDBStore
from collector.stores.keeping import Policy
from collector.stores.protocol import Accepted, Batch, Selection

DAY = 86_400
INDICATORS = ("pm25", "business_registrations", "water_level", "service_backlog", "noise_laeq", "radon")


def opened(path: Path | str) -> DuckDBStore:
    store = open_store(f"duckdb://{path}")
    assert isinstance(store, DuckDBStore)
    return store


def filled(folder: Path, days: int = 10, run: str = "run-1") -> DuckDBStore:
    """A value of every indicator every 20 minutes, at two stations."""
    store = opened(folder / "city.duckdb")
    rng = np.random.default_rng(3)
    times = START + 1200 * np.arange(days * 72)
    for number, station in enumerate("ab"):
        body = Readings(times.astype("datetime64[s]"), {name: 40 + rng.random(len(times)) for name in INDICATORS})
        body.columns["water_level"][:] = rng.random(len(times))
        address = Address(run, "rayong", "environment", station)
        store.write(Batch([Accepted(Message(address, "s1", number, body), number, 0.0)]))
    return store


def bucketed(store: DuckDBStore, bucket: int = 3600, **span: int) -> dict[tuple[str, str], tuple[float, int]]:
    rows = store.read(Selection(INDICATORS, bucket=bucket, **span)).to_pylist()  # type: ignore[arg-type]
    return {(row["indicator"], str(row["time"])): (row["value"], row["n"]) for row in rows}


def same(found: dict[tuple[str, str], tuple[float, int]], expected: dict[tuple[str, str], tuple[float, int]]) -> None:
    assert found.keys() == expected.keys()
    for key, (value, n) in expected.items():
        assert found[key] == (pytest.approx(value, rel=1e-12), n)


def test_buckets_are_as_before_and_counts_still_add_up(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.maintain()
    before = [bucketed(store, bucket) for bucket in (1800, 3600, DAY, 7 * DAY)]
    listed, latest = store.series(), store.latest("run-1")
    (removal,) = store.retain(Policy(raw=3 * DAY))
    assert (removal.what, removal.run, removal.cities, removal.series) == ("raw", "run-1", ("rayong",), 12)
    assert removal.values == 12 * (72 * 7 - 1)  # the newest is at 23:40, so the horizon is at 23:30
    for bucket, expected in zip((1800, 3600, DAY, 7 * DAY), before, strict=True):
        same(bucketed(store, bucket), expected)
    assert (store.series(), store.latest("run-1"), store.runs()[0].readings) == (listed, latest, 12 * 720)
    facts = store.facts()
    assert facts.readings - facts.raw == removal.values
    assert store.planned(Policy(raw=3 * DAY)) == []
    store.close()
    again = opened(tmp_path / "city.duckdb")
    same(bucketed(again), before[1])
    again.close()


def test_a_plan_changes_nothing_and_is_what_is_done(tmp_path: Path) -> None:
    store = filled(tmp_path)
    before = store.read(Selection(()))
    policy = Policy(raw=2 * DAY, halfhourly=5 * DAY)
    plan = store.planned(policy)
    assert store.read(Selection(())) == before
    assert [(one.what, one.first, one.last) for one in plan] == [
        ("raw", START + 5 * DAY - 1200, START + 8 * DAY - 2400),
        ("gone", START, START + 5 * DAY - 2400),
    ]
    assert store.retain(policy) == plan
    assert all(one.size > 0 for one in plan)
    store.close()


def test_raw_and_flagged_values_that_are_gone_are_said_to_be(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.retain(Policy(raw=3 * DAY))
    horizon = START + 7 * DAY - 1800
    told = r"kept as half hours only: ask for a bucket .* from 2026-03-07T23:30:00Z on"
    for span in ({}, {"start": START}, {"start": horizon - 1}, {"end": START + 1}):
        with pytest.raises(InputError, match=told):
            store.read(Selection(("pm25",), **span))  # type: ignore[arg-type]
    assert store.read(Selection(("pm25",), start=horizon)).num_rows == 2 * (3 * 72 + 1)
    with pytest.raises(InputError, match="flagged values are not among them"):
        store.read(Selection(("pm25",), bucket=3600, flagged=True))
    store.read(Selection(("pm25",), bucket=3600, flagged=True, start=horizon))
    with pytest.raises(InputError, match="begin and end on a half hour"):
        store.read(Selection(("pm25",), bucket=3600, start=START + 60))
    store.read(Selection(("pm25",), bucket=3600, end=horizon + DAY + 60))
    store.close()


def test_a_clock_that_half_hours_do_not_fit_is_told_to_use_utc(tmp_path: Path) -> None:
    store = filled(tmp_path)
    profile = CityProfile("rayong", "Rayong", "Nepal", 27.7, 85.3, "Asia/Kathmandu")
    store.write(Batch(births=[(CityAddress("run-1", "rayong"), Status(True, "s1", profile))]))
    store.retain(Policy(raw=3 * DAY))
    with pytest.raises(InputError, match="do not fit the clock of that city, ask in UTC"):
        store.read(Selection(("pm25",), bucket=DAY))
    assert store.read(Selection(("pm25",), bucket=DAY, local=False)).num_rows == 10
    store.close()


def test_half_hours_go_too_and_a_time_of_which_nothing_is_left_says_so(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.retain(Policy(raw=2 * DAY, halfhourly=5 * DAY))
    assert store.read(Selection(("pm25",), bucket=DAY)).num_rows == 6
    with pytest.raises(InputError, match="nothing is left of the time before 2026-03-05T23:30:00Z"):
        store.read(Selection(("pm25",), bucket=DAY, end=START + DAY))
    assert store.runs()[0].readings == 12 * 720
    store.close()


def test_a_late_value_behind_the_horizon_counts_exactly_and_joins_the_half_hours(tmp_path: Path) -> None:
    store = filled(tmp_path, days=4)
    store.retain(Policy(raw=DAY))
    hour = {"start": START, "end": START + 3600}
    before = bucketed(store, **hour)
    store.write(Batch([message(7, START + 3599, "a", service_backlog=99.0, pm25=500.0, water_level=9.0)]))
    others = [bucketed(store, **hour)]
    store.maintain()
    others.append(bucketed(store, **hour))
    store.retain(Policy(raw=DAY))
    others.append(bucketed(store, **hour))
    for after in others:
        told = {name: (value, n) for (name, _), (value, n) in after.items()}
        was = {name: (value, n) for (name, _), (value, n) in before.items()}
        assert told["pm25"] == (pytest.approx((was["pm25"][0] * 6 + 500) / 7), 7)
        assert told["water_level"] == (9.0, 7)
        assert told["noise_laeq"] == was["noise_laeq"]
        backlog = was["service_backlog"][0]  # the sum of the last of two stations, of which a says 99 now
        assert told["service_backlog"][1] == 7
        assert abs(told["service_backlog"][0] - (backlog / 2 + 99)) < 1
    assert store.facts().raw == store.facts().readings - 12 * (72 * 3 - 1) - 3
    store.close()


reading = st.tuples(
    st.integers(0, 2),
    st.sampled_from(INDICATORS[:5]),
    st.integers(0, 160).map(lambda step: START + 1613 * step),
    st.integers(300, 900).map(lambda value: value / 100),
)
deeds = st.one_of(
    st.lists(reading, min_size=1, max_size=10), st.sampled_from(["maintain", "retain", "reopen", "some of it"])
)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(steps=st.lists(deeds, min_size=3, max_size=9), bucket=st.sampled_from([1800, 10_800, DAY]))
def test_a_thinned_store_answers_like_one_that_kept_everything(steps: list[object], bucket: int) -> None:
    policy = Policy(raw=12 * 3600)
    with tempfile.TemporaryDirectory() as folder:
        kept, thinned = opened(f"{folder}/kept.duckdb"), opened(f"{folder}/thinned.duckdb")
        whole, readings = bucketed(kept, bucket), kept.series()["readings"].to_pylist()
        for number, one in enumerate(steps):
            if isinstance(one, list):
                batch = Batch([message(number, t, f"s{station}", **{name: v}) for station, name, t, v in one])
                kept.write(batch)
                thinned.write(batch)
                whole, readings = bucketed(kept, bucket), kept.series()["readings"].to_pylist()
            elif one == "retain":
                thinned.retain(policy)
            elif one == "some of it":
                part = thinned._begin(policy)
                if part.spans:
                    with thinned._changing() as connection:
                        duckdb_retention.thin(connection, part)
            elif one == "reopen":
                thinned.close()
                thinned = opened(f"{folder}/thinned.duckdb")
            else:
                thinned.maintain()
            same(bucketed(thinned, bucket), whole)
            assert thinned.series()["readings"].to_pylist() == readings
        kept.close()
        thinned.close()


def test_a_wrong_clock_does_not_empty_a_store_and_a_simulated_year_counts_by_its_own_time(tmp_path: Path) -> None:
    store = filled(tmp_path, days=2)
    store.write(Batch([message(9, START + 9000 * DAY, "broken", pm25=1.0)]))
    assert store.planned(Policy(raw=3 * DAY)) == []
    (removal,) = store.planned(Policy(raw=3 * DAY, wall=True, pillars=("environment",), indicators=("pm25",)))
    assert removal.values == 2 * 144
    store.close()


def test_a_policy_is_about_the_runs_and_indicators_it_names(tmp_path: Path) -> None:
    store = filled(tmp_path)
    assert store.planned(Policy(raw=DAY, runs="demo-*")) == []
    assert store.planned(Policy(raw=DAY, pillars=("economy",))) == []
    store.retain(Policy(raw=DAY, runs="run-*", indicators=("pm25", "radon")))
    assert store.read(Selection(("noise_laeq",))).num_rows == 2 * 720
    with pytest.raises(InputError, match="half hours only"):
        store.read(Selection(("radon",)))
    store.close()


def test_events_are_kept_unless_asked(tmp_path: Path) -> None:
    store = filled(tmp_path)
    at = Address("run-1", "rayong", "environment", "desk", Kind.EVENTS)
    told = [Event(np.datetime64(START + day * DAY, "s"), str(day), "service_request.opened", {}) for day in range(10)]
    store.write(Batch([Accepted(Message(at, "s1", n, body), n, 0.0) for n, body in enumerate(told)]))
    store.retain(Policy(raw=DAY))
    assert store.facts().events == 10
    removals = store.retain(Policy(events=3 * DAY))
    assert [(one.what, one.values, one.series) for one in removals] == [("events", 7, 1)]
    assert store.facts().events == 3
    assert store.read(Selection(("service_requests",), bucket=7 * DAY, local=False))["n"].to_pylist() == [1, 2]
    store.close()


def test_a_message_without_a_number_behind_the_horizon_is_neither_lost_nor_counted_twice(tmp_path: Path) -> None:
    store = filled(tmp_path, days=4)
    dead = message(0, START + 60, "dead", pm25=7.0)
    store.write(Batch([dead]))
    store.retain(Policy(raw=DAY))
    again, other, new = dead.message, message(0, START, "a", pm25=1.0).message, message(0, START, "c", pm25=1.0).message
    unnumbered = [Message(one.address, None, None, one.body) for one in (again, other, new)]
    assert [fate.value for fate, _ in settle(unnumbered, store)] == ["duplicate", "conflict", "stored"]
    store.close()


def test_maintenance_goes_through_a_policy_bit_by_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_retention, "SLICE", 1500)
    monkeypatch.setattr(duckdb_file, "_RETAIN_FOR", 0.0)
    store = filled(tmp_path)
    store.maintain()
    expected = bucketed(store)
    store.keep_to(Policy(raw=3 * DAY))
    sizes = []
    for _ in range(6):
        store.maintain()
        same(bucketed(store), expected)
        sizes.append(store.facts().raw)
    assert sizes[0] > sizes[-1] == 12 * (3 * 72 + 1)
    assert len(set(sizes)) > 3
    assert store.facts().policy == "raw 3d"
    store.close()


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({}, "how long to keep"),
        ({"raw": 60}, "at least half an hour"),
        ({"halfhourly": DAY}, "longer than raw"),
        ({"raw": DAY, "halfhourly": DAY}, "longer than raw"),
        ({"events": DAY, "indicators": ("pm25",)}, "leave the indicators out"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(policy: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        Policy(**policy)  # type: ignore[arg-type]
