"""Who says what may change: stations born again, indicators that join the catalogue, runs that are forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
from duckdb_samples import START, message, rows_of

from collector.language.errors import InputError
from collector.language.indicators import Indicator, Origin, Rollup, indicators
from collector.language.messages import Message, Readings
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.topics import Address, CityAddress, Kind
from collector.stores import open_store
from collector.stores.duckdb import names as duckdb_names
from collector.stores.duckdb import rollup as duckdb_rollup
from collector.stores.duckdb.store import DuckDBStore
from collector.stores.keeping import Policy
from collector.stores.protocol import Accepted, Batch, Selection

DAY = 86_400
CITY = CityProfile("rayong", "Rayong", "Thailand", 12.7, 101.3, "Asia/Bangkok")
MAST = StationProfile("a", "rayong", "environment", "mast", "Mast A", 900, ("pm25",), 12.7, 101.3)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[DuckDBStore]:
    store = opened(tmp_path)
    yield store
    store.close()


def opened(folder: Path) -> DuckDBStore:
    store = open_store(f"duckdb://{folder / 'city.duckdb'}")
    assert isinstance(store, DuckDBStore)
    return store


def born(profile: StationProfile | CityProfile, session: str = "s1", run: str = "run-1") -> Batch:
    address = (
        CityAddress(run, profile.id)
        if isinstance(profile, CityProfile)
        else Address(run, profile.city, profile.pillar, profile.id, Kind.STATUS)
    )
    return Batch(births=[(address, Status(True, session, profile, Origin.MEASURED))])


def catalogue(monkeypatch: pytest.MonkeyPatch, changed: Mapping[str, Indicator | None]) -> None:
    """From now on stores know this catalogue."""
    entries = {name: entry for name, entry in (dict(indicators()) | dict(changed)).items() if entry is not None}
    for module in (duckdb_names, duckdb_rollup):
        monkeypatch.setattr(module, "indicators", lambda: entries)


def test_a_station_without_a_birth_is_kept_and_said_to_be_unborn(store: DuckDBStore) -> None:
    store.write(Batch([message(0, START, "stranger", pm25=1.0, radon=2.0)]))
    assert store.stations("run-1") == []
    assert [(row["station"], row["origin"], row["registered"]) for row in store.series().to_pylist()] == [
        ("stranger", "unknown", True),
        ("stranger", "unknown", False),
    ]
    facts = store.facts()
    assert (facts.unborn, facts.unregistered) == (("rayong/environment/stranger",), ("radon",))
    store.write(born(replace(MAST, id="stranger")))
    assert store.facts().unborn == ()


def test_a_station_born_again_with_other_facts_keeps_its_series_and_its_history(
    store: DuckDBStore, tmp_path: Path
) -> None:
    moved = replace(MAST, indicators=("pm25", "no2"), latitude=13.0, cadence=300)
    for profile, session in ((MAST, "s1"), (MAST, "s2"), (moved, "s3")):
        store.write(born(profile, session))
        store.write(Batch([message(0, START, "a", pm25=1.0)]))
    store.write(Batch([message(1, START + 900, "a", pm25=2.0, no2=9.0)]))
    assert store.stations("run-1") == [moved]
    assert [(row["indicator"], row["readings"]) for row in store.series().to_pylist()] == [("no2", 1), ("pm25", 4)]
    store.close()
    assert rows_of(tmp_path / "city.duckdb", "births") == 2  # a new session alone is no news


def test_a_station_that_changes_its_pillar_or_its_city_is_another_station(store: DuckDBStore) -> None:
    for profile in (MAST, replace(MAST, pillar="economy"), replace(MAST, city="bangkok")):
        store.write(born(profile))
    assert [(one.city, one.pillar) for one in store.stations("run-1")] == [
        ("bangkok", "environment"),
        ("rayong", "economy"),
        ("rayong", "environment"),
    ]


def test_local_days_move_with_the_zone_of_a_city_and_rollups_stay_right(store: DuckDBStore) -> None:
    store.write(Batch([message(i, START + 1800 * i, pm25=float(i)) for i in range(96)]))
    store.maintain()
    for zone, hours in (("Asia/Bangkok", 7), ("UTC", 0), ("Asia/Yangon", 6.5)):
        store.write(born(replace(CITY, timezone=zone)))
        rows = store.read(Selection(("pm25",), bucket=DAY)).to_pylist()
        first = int(np.datetime64(rows[0]["time"], "s").astype(int))
        assert (first + hours * 3600) % DAY == 0
        assert sum(row["n"] for row in rows) == 96


def test_an_indicator_that_joins_the_catalogue_is_registered_from_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)
    store.write(Batch([message(0, START, radon=-5.0), message(1, START + 60, radon=7.0)]))
    store.close()
    catalogue(monkeypatch, {"radon": replace(indicators()["pm25"], id="radon", rollup=Rollup.MAX)})
    store = opened(tmp_path)
    assert store.series()["registered"].to_pylist() == [True]
    assert store.read(Selection(("radon",), bucket=1800))["value"].to_pylist() == [7.0]
    store.write(Batch([message(2, START + 120, radon=-6.0)]))
    flags = store.read(Selection(("radon",), flagged=True))["quality"].to_pylist()
    assert flags == [0, 0, 1]  # a value is judged when it comes, and stays as judged
    store.close()
    catalogue(monkeypatch, {"radon": None})
    store = opened(tmp_path)
    assert store.series()["registered"].to_pylist() == [False]
    assert store.facts().unregistered == ("radon",)
    store.close()


@pytest.mark.parametrize(("rule", "expected"), [(Rollup.MAX, 15.5), (Rollup.SUM, 96 * 15.5)])
def test_a_past_kept_as_half_hours_is_combined_as_before_unless_they_hold_the_new_rule_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: Rollup, expected: float
) -> None:
    store = opened(tmp_path)
    for run in ("old", "new"):
        days = 6 if run == "old" else 1
        times = (START + 900 * np.arange(96 * days)).astype("datetime64[s]")
        body = Readings(times, {"pm25": np.tile(np.arange(32.0), 3 * days)})
        store.write(Batch([Accepted(Message(Address(run, "rayong", "environment", "a"), "s1", 0, body), 0, 0.0)]))
    store.retain(Policy(raw=2 * DAY))
    store.close()
    catalogue(monkeypatch, {"pm25": replace(indicators()["pm25"], rollup=rule)})
    store = opened(tmp_path)
    late = Readings(np.array([START + 60], "datetime64[s]"), {"pm25": np.array([15.5])})
    at = Address("old", "rayong", "environment", "b")
    for _ in range(2):
        rows = store.read(Selection(("pm25",), bucket=DAY, local=False, start=START + DAY)).to_pylist()
        assert rows[0]["value"] == pytest.approx(15.5 if rule is Rollup.MAX else expected)
        first = store.read(Selection(("pm25",), bucket=DAY, local=False, end=START + DAY, runs=("new",)))
        assert first["value"].to_pylist() == [31.0 if rule is Rollup.MAX else pytest.approx(expected)]
        store.maintain()
        store.write(Batch([Accepted(Message(at, "s1", 0, late), 0, 0.0)]))
    mixed = store.read(Selection(("pm25",), bucket=DAY, local=False, end=START + DAY, runs=("old",)))
    assert mixed["value"].to_pylist() == [pytest.approx(15.5 if rule is Rollup.MAX else 98 * 15.5)]
    store.close()


def test_a_forgotten_run_leaves_the_others_as_they_were_and_numbers_go_on(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for run in ("first", "second", "third"):
        store.write(born(CITY, run=run))
        told = [message(i, START + 900 * i, f"s{i % 3}", pm25=float(i), radon=1.0) for i in range(300)]
        moved = [
            replace(one, message=replace(one.message, address=replace(one.message.address, run=run))) for one in told
        ]
        store.write(Batch(moved, counts={}))
        store.maintain()
    store.retain(Policy(raw=DAY))
    kept = [store.read(Selection(("pm25", "radon"), bucket=3600, runs=(run,))) for run in ("first", "third")]
    with pytest.raises(InputError, match="no run 'absent'"):
        store.delete_run("absent")
    store.delete_run("second")
    assert [info.run for info in store.runs()] == ["first", "third"]
    assert store.positions("second") == []
    assert store.read(Selection(("pm25",), bucket=3600, runs=("second",))).num_rows == 0
    for _ in range(2):
        again = [store.read(Selection(("pm25", "radon"), bucket=3600, runs=(run,))) for run in ("first", "third")]
        assert again == kept
        store.close()
        store = opened(tmp_path)
    store.write(born(CITY, run="fourth"))
    at = Address("fourth", "rayong", "environment", "s0")
    body = Readings(np.array([START], "datetime64[s]"), {"pm25": np.array([-9.0])})
    store.write(Batch([Accepted(Message(at, "s1", 0, body), 0, 0.0)]))
    assert store.read(Selection(("pm25",), runs=("fourth",), flagged=True))["quality"].to_pylist() == [1]
    store.write(Batch([message(0, START + 1, "late", pm25=3.0)]))
    store.maintain()
    assert [info.run for info in store.runs()] == ["first", "third", "fourth", "run-1"]
    store.close()
    with duckdb.connect(str(tmp_path / "city.duckdb"), read_only=True) as connection:
        for table in ("run", "city", "station", "series", "stream"):
            query = f"SELECT count(*), count(DISTINCT id) FROM {table}"
            total, distinct = connection.execute(query).fetchall()[0]
            assert total == distinct
