"""Copies of a DuckDB file: one state, whole or not there at all, and back."""

from __future__ import annotations

import threading
from pathlib import Path

import duckdb
import pytest
from duckdb_samples import START, message

from collector.language.errors import InputError, StoreBusy, StoreError
from collector.stores import open_store
from collector.stores.duckdb import backup as duckdb_backup
from collector.stores.duckdb.store import DuckDBStore
from collector.stores.keeping import Policy
from collector.stores.protocol import Batch, Selection


def opened(path: Path) -> DuckDBStore:
    store = open_store(f"duckdb://{path}")
    assert isinstance(store, DuckDBStore)
    return store


def batch(number: int, stations: int = 10) -> Batch:
    return Batch([message(number, START + 600 * number, f"s{i}", pm25=float(number)) for i in range(stations)])


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_copy_taken_while_others_write_is_one_state_and_holds_nothing_up(tmp_path: Path) -> None:
    store = opened(tmp_path / "city.duckdb")
    written, done = [0], threading.Event()

    def write() -> None:
        while not done.is_set():
            store.write(batch(written[0]))
            written[0] += 1
            store.maintain()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(4):
            before = written[0]
            copied = store.backup(tmp_path / f"copy{number}.duckdb")
            assert before * 10 <= copied.readings <= written[0] * 10
            assert copied.readings % 10 == 0
    finally:
        done.set()
        writer.join(30)
    for number in range(4):
        copy = open_store(f"duckdb://{tmp_path}/copy{number}.duckdb", read_only=True)
        ranges = {position.ranges for position in copy.positions()}
        assert len(ranges) <= 1
        rows = copy.read(Selection(("pm25",))).num_rows
        assert rows == sum((last + 1) * 10 for ((_, last),) in ranges)
        copy.close()
    assert store.facts().backup is not None
    assert store.read(Selection(("pm25",))).num_rows == written[0] * 10
    store.close()
    assert names(tmp_path) == {"city.duckdb", *(f"copy{number}.duckdb" for number in range(4))}


def test_what_is_written_while_the_file_is_frozen_stays_in_the_log_and_out_of_the_copy(tmp_path: Path) -> None:
    store = opened(tmp_path / "city.duckdb")
    store.write(batch(0))
    with store._file.frozen() as connection:
        before = (tmp_path / "city.duckdb").read_bytes()
        store.write(batch(1))
        store._file.checkpoint()
        assert (tmp_path / "city.duckdb").read_bytes() == before
        assert connection.execute("SELECT count(*) FROM readings").fetchall() == [(10,)]
        assert store.read(Selection(("pm25",))).num_rows == 20
    store._file.checkpoint()
    assert (tmp_path / "city.duckdb").read_bytes() != before
    store.close()


def test_a_copy_never_overwrites_and_its_folder_must_exist(tmp_path: Path) -> None:
    store = opened(tmp_path / "city.duckdb")
    (tmp_path / "copy.duckdb").write_text("something else")
    with pytest.raises(InputError, match="exists: name another"):
        store.backup(tmp_path / "copy.duckdb")
    with pytest.raises(InputError, match="no directory"):
        store.backup(tmp_path / "absent" / "copy.duckdb")
    store.close()
    assert names(tmp_path) == {"city.duckdb", "copy.duckdb"}


def test_a_copy_that_differs_is_thrown_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(tmp_path / "city.duckdb")
    store.write(batch(0))

    def altered(source: Path, young: Path) -> None:
        young.write_bytes(source.read_bytes())
        with duckdb.connect(str(young)) as connection:
            connection.execute("UPDATE fresh SET value = 7 WHERE rowid = 3")

    monkeypatch.setattr(duckdb_backup, "_copy", altered)
    with pytest.raises(StoreError, match=r"differs from the store \(in fresh\)"):
        store.backup(tmp_path / "copy.duckdb")
    store.write(batch(1))
    store.close()
    assert names(tmp_path) == {"city.duckdb"}


def test_a_full_disk_leaves_no_copy_and_the_store_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(tmp_path / "city.duckdb")

    def full(_: Path, young: Path) -> None:
        young.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(duckdb_backup, "_copy", full)
    with pytest.raises(StoreError, match="No space left on device; nothing is left"):
        store.backup(tmp_path / "copy.duckdb")
    store.write(batch(0))
    store.close()
    assert names(tmp_path) == {"city.duckdb"}


def test_what_a_killed_copy_left_is_removed_by_the_next(tmp_path: Path) -> None:
    store = opened(tmp_path / "city.duckdb")
    (tmp_path / ".copy.duckdb.4194999.new").write_text("half")
    (tmp_path / ".city.duckdb.0a.lent").write_text("half")
    store.backup(tmp_path / "copy.duckdb")
    store.close()
    opened(tmp_path / "city.duckdb").close()
    assert names(tmp_path) == {"city.duckdb", "copy.duckdb"}


def test_a_restored_store_is_the_one_that_was_copied_and_goes_on(tmp_path: Path) -> None:
    store = opened(tmp_path / "city.duckdb")
    for number in range(300):
        store.write(batch(number))
    store.retain(Policy(raw=86_400))
    store.write(batch(300))
    expected = store.read(Selection(("pm25",), bucket=3600)), store.series(), store.positions()
    store.backup(tmp_path / "copy.duckdb")
    store.write(batch(301))
    store.close()
    copied = duckdb_backup.restore(tmp_path / "copy.duckdb", tmp_path / "again.duckdb", replace=False)
    assert copied.readings == (301 - 153) * 10
    again = opened(tmp_path / "again.duckdb")
    assert (again.read(Selection(("pm25",), bucket=3600)), again.series(), again.positions()) == expected
    again.write(batch(301))
    again.close()


def test_a_store_is_replaced_only_if_asked_and_not_while_it_is_in_use(tmp_path: Path) -> None:
    store = opened(tmp_path / "city.duckdb")
    store.write(batch(0))
    store.backup(tmp_path / "copy.duckdb")
    store.write(batch(1))
    source, place = tmp_path / "copy.duckdb", tmp_path / "city.duckdb"
    with pytest.raises(InputError, match="--replace"):
        duckdb_backup.restore(source, place, replace=False)
    with pytest.raises(StoreBusy):
        duckdb_backup.restore(source, place, replace=True)
    assert store.read(Selection(("pm25",))).num_rows == 20
    store.close()
    duckdb_backup.restore(source, place, replace=True)
    again = opened(place)
    assert again.read(Selection(("pm25",))).num_rows == 10
    again.close()
    assert names(tmp_path) == {"city.duckdb", "copy.duckdb"}


def test_a_damaged_store_can_be_replaced_and_its_log_does_not_reach_the_copy(tmp_path: Path) -> None:
    store = opened(tmp_path / "city.duckdb")
    store.write(batch(0))
    store.backup(tmp_path / "copy.duckdb")
    store.close()
    (tmp_path / "city.duckdb").write_bytes(b"x" * 9000)
    (tmp_path / "city.duckdb.wal").write_bytes(b"y" * 900)
    duckdb_backup.restore(tmp_path / "copy.duckdb", tmp_path / "city.duckdb", replace=True)
    again = opened(tmp_path / "city.duckdb")
    assert again.read(Selection(("pm25",))).num_rows == 10
    again.close()
    assert names(tmp_path) == {"city.duckdb", "copy.duckdb", "city.duckdb.replaced.wal"}


def test_a_damaged_copy_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    store = opened(tmp_path / "city.duckdb")
    for number in range(200):
        store.write(batch(number, 40))
    store.close()
    damaged = bytearray((tmp_path / "city.duckdb").read_bytes())
    for at in range(3 * 4096, len(damaged), 4096):
        damaged[at + 2000] ^= 0xFF
    (tmp_path / "copy.duckdb").write_bytes(damaged)
    for refused in (lambda _: None, lambda _: pytest.fail("the check is for a whole copy")):
        with pytest.raises(StoreError):
            duckdb_backup.restore(tmp_path / "copy.duckdb", tmp_path / "new.duckdb", replace=False, check=refused)
    (tmp_path / "copy.duckdb").write_bytes((tmp_path / "city.duckdb").read_bytes())
    with duckdb.connect(str(tmp_path / "copy.duckdb")) as connection:
        connection.execute("DELETE FROM sealed WHERE series = 3")
    with pytest.raises(StoreError, match="1 series have not as many readings as were counted"):
        duckdb_backup.restore(tmp_path / "copy.duckdb", tmp_path / "new.duckdb", replace=False)
    with pytest.raises(InputError, match="no file"):
        duckdb_backup.restore(tmp_path / "absent.duckdb", tmp_path / "new.duckdb", replace=False)
    assert names(tmp_path) == {"city.duckdb", "copy.duckdb"}


def test_packing_gives_space_back_and_changes_nothing_that_can_be_read(tmp_path: Path) -> None:
    store = opened(tmp_path / "city.duckdb")
    for number in range(200):
        store.write(batch(number, 300))
        if number % 100 == 50:
            store.close()
            store = opened(tmp_path / "city.duckdb")
    store.retain(Policy(raw=86_400))
    expected = store.read(Selection(("pm25",), bucket=3600)), store.series(), store.positions()
    store.close()
    before, after = duckdb_backup.compact(tmp_path / "city.duckdb")
    assert after < before
    again = opened(tmp_path / "city.duckdb")
    assert (again.read(Selection(("pm25",), bucket=3600)), again.series(), again.positions()) == expected
    again.close()
    assert names(tmp_path) == {"city.duckdb"}
