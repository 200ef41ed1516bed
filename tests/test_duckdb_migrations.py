"""A file with the tables of the first release opens as one of today, with all that was in it."""

from __future__ import annotations

import gzip
from pathlib import Path

import duckdb
import pytest
from duckdb_samples import START, message

from collector.language.errors import StoreError
from collector.stores import open_store
from collector.stores.duckdb import migrations as duckdb_migrations
from collector.stores.duckdb.schema import VERSION
from collector.stores.protocol import Batch, Fate, Selection

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file of the first layout that was written to and killed: some of it is only in its log."""
    for end in ("", ".wal"):
        packed = FIXTURES / f"store-version-1.duckdb{end}.gz"
        (tmp_path / f"city.duckdb{end}").write_bytes(gzip.decompress(packed.read_bytes()))
    return tmp_path / "city.duckdb"


def version_of(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        return int(connection.execute("SELECT version FROM meta").fetchall()[0][0])


def test_all_that_the_first_layout_held_is_there_and_can_be_added_to(old: Path) -> None:
    store = open_store(f"duckdb://{old}")
    assert [(info.run, info.origin, info.readings) for info in store.runs()] == [
        ("run-1", "simulated", 1157),
        ("run-2", "unknown", 0),
    ]
    assert [profile.indicators for profile in store.stations("run-1")] == [("pm25", "noise_laeq", "water_level")]
    raw = store.read(Selection(("pm25",), stations=("a",), flagged=True))
    assert (raw.num_rows, raw["quality"].to_pylist().count(1)) == (101, 1)
    assert store.read(Selection(("pm25",), stations=("a",), start=START, end=START + 1800, bucket=1800))[
        "value"
    ].to_pylist() == pytest.approx([(0 + 1 + 40) / 3])
    assert store.read(Selection(("unemployment",)))["value"].to_pylist() == [4.6]
    assert store.read(Selection(("resolution_time",)))["value"].to_pylist() == [4.5]
    assert store.counts("run-1")[Fate.STORED] == 200
    assert [rejection.digest for rejection in store.rejections()] == [2**63 + 5]
    assert sum(last - first + 1 for position in store.positions() for first, last in position.ranges) == 200
    store.write(Batch([message(0, START, city="rayong", pm25=1.0)]))
    assert store.series("run-1")["readings"].to_pylist().count(1) == 1
    store.close()
    assert version_of(old) == VERSION


def test_buckets_and_counts_are_the_same_as_those_of_the_readings(old: Path) -> None:
    store = open_store(f"duckdb://{old}")
    indicators = ("pm25", "noise_laeq", "water_level", "service_backlog", "business_registrations", "radon")
    for bucket in (1800, 86_400):
        before = store.read(Selection(indicators, bucket=bucket)).to_pylist()
        store.maintain()
        assert store.read(Selection(indicators, bucket=bucket)).to_pylist() == before
    held = store.read(Selection((), flagged=True)).to_pylist()
    told = {(row["station"], row["indicator"]): row for row in store.series("run-1").to_pylist()}
    for key, row in told.items():
        mine = [one for one in held if (one["station"], one["indicator"]) == key and one["run"] == "run-1"]
        if row["readings"]:
            times = [one["time"] for one in mine]
            assert (row["readings"], row["first"], row["last"]) == (len(mine), min(times), max(times))
    store.close()


def test_a_migrated_file_has_the_tables_of_a_new_one(old: Path, tmp_path: Path) -> None:
    open_store(f"duckdb://{old}").close()
    open_store(f"duckdb://{tmp_path}/new.duckdb").close()
    layouts = []
    for path in (old, tmp_path / "new.duckdb"):
        with duckdb.connect(str(path), read_only=True) as connection:
            columns = "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() WHERE NOT internal"
            views = "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal"
            layouts.append([connection.execute(f"{query} ORDER BY ALL").fetchall() for query in (columns, views)])
    assert layouts[0] == layouts[1]


def test_an_old_file_is_not_changed_for_reading_only_and_says_what_to_do(old: Path) -> None:
    before = old.read_bytes()
    with pytest.raises(StoreError, match=r"schema version 1, older than .*`nakhon store migrate"):
        open_store(f"duckdb://{old}", read_only=True)
    assert old.read_bytes() == before


def test_a_step_that_fails_leaves_the_old_version_whole(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = duckdb_migrations._STEPS[1] + "SELECT * FROM there_is_no_such_table;"
    monkeypatch.setitem(duckdb_migrations._STEPS, 1, broken)
    with pytest.raises(StoreError, match="there_is_no_such_table"):
        open_store(f"duckdb://{old}")
    assert version_of(old) == 1
    monkeypatch.undo()
    store = open_store(f"duckdb://{old}")
    assert store.runs()[0].readings == 1157
    store.close()


def test_a_version_that_never_was_is_refused(old: Path) -> None:
    with duckdb.connect(str(old)) as connection:
        connection.execute("UPDATE meta SET version = 0")
    with pytest.raises(StoreError, match="version 0, which never was"):
        open_store(f"duckdb://{old}")


def test_births_of_the_first_layout_begin_the_history(old: Path) -> None:
    open_store(f"duckdb://{old}").close()
    with duckdb.connect(str(old), read_only=True) as connection:
        kinds = connection.execute("SELECT kind, count(*) FROM births GROUP BY kind ORDER BY kind").fetchall()
    assert kinds == [("city", 2), ("station", 1)]
