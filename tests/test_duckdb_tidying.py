"""What a DuckDB file does meanwhile (folding, sealing) changes nothing that can be read."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from duckdb_samples import START, message, rows_of

from collector.stores import open_store
from collector.stores.duckdb import store as duckdb_file
from collector.stores.protocol import Batch, Selection


def test_folding_receipts_keeps_ranges_counts_and_newest_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duckdb_file, "_FOLD_AT", 2_000)
    path = tmp_path / "city.duckdb"
    store = open_store(f"duckdb://{path}")
    numbers = [*range(1500), *range(1600, 3100), *range(3099 + 50, 3200)]
    store.write(Batch([message(i, START + i, pm25=1.0) for i in numbers]))
    before = store.positions()
    store.maintain()
    store.write(Batch([message(3500, START, pm25=1.0)]))
    after = store.positions()[0]
    assert before[0].ranges == ((0, 1499), (1600, 3099), (3149, 3199))
    assert after.ranges == (*before[0].ranges, (3500, 3500))
    assert sorted(after.recent) == sorted([*numbers, 3500])[-1000:]
    store.close()
    assert rows_of(path, "receipts") == 1000
    again = open_store(f"duckdb://{path}")
    assert again.positions() == [after]
    again.close()


def test_sealing_changes_nothing_that_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_file, "_SEAL_AT", 50)
    path = tmp_path / "city.duckdb"
    store = open_store(f"duckdb://{path}")
    for part in range(4):
        batch = [message(part * 40 + i, START + 900 * ((i * 7) % 40), f"s{part}", pm25=float(i)) for i in range(40)]
        store.write(Batch(batch))
        asked = [store.read(Selection(("pm25",))), store.series(), store.latest("run-1")]
        store.maintain()
        assert [store.read(Selection(("pm25",))), store.series(), store.latest("run-1")] == asked
    store.close()
    assert (rows_of(path, "fresh"), rows_of(path, "sealed")) == (0, 160)


def test_readers_in_other_threads_see_whole_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_file, "_SEAL_AT", 60)
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    seen: list[int] = []
    troubles: list[BaseException] = []
    done = threading.Event()

    def look() -> None:
        try:
            while not done.is_set():
                seen.append(store.read(Selection(("pm25",))).num_rows)
                store.latest("run-1")
                store.read(Selection(("pm25",), bucket=3600))
        except BaseException as error:  # noqa: BLE001 - told to the test
            troubles.append(error)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(30):
        store.write(Batch([message(number, START + 600 * number, f"s{i}", pm25=1.0) for i in range(10)]))
        store.maintain()
    done.set()
    for thread in threads:
        thread.join(30)
    assert troubles == []
    assert len(seen) > 2
    assert all(rows % 10 == 0 for rows in seen)
    assert store.series()["readings"].to_pylist() == [30] * 10
    store.close()
