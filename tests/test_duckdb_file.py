"""The DuckDB file: what it refuses, and what a failed write or a full disk leaves."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pytest
from duckdb_samples import START, message

from collector.language.errors import InputError, StoreBusy, StoreError, StoreTooNew
from collector.stores import open_store
from collector.stores.duckdb import store as duckdb_file
from collector.stores.protocol import Batch, Selection

ROOT = Path(__file__).parents[1]


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no directory .*absent: create it"):
        open_store(f"duckdb://{tmp_path}/absent/city.duckdb")


def test_reading_only_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        open_store(f"duckdb://{tmp_path}/city.duckdb", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_store_opened_for_reading_refuses_to_write(tmp_path: Path) -> None:
    open_store(f"duckdb://{tmp_path}/city.duckdb").close()
    store = open_store(f"duckdb://{tmp_path}/city.duckdb", read_only=True)
    with pytest.raises(StoreError, match="for reading only"):
        store.write(Batch([message(0, START, pm25=1.0)]))
    store.close()


@pytest.mark.parametrize("url", ["duckdb://", "duckdb:///tmp/", "sqlite://city.db", "city.duckdb"])
def test_a_url_without_a_file_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="expected"):
        open_store(url)


@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"PK\x03\x04"])
def test_a_file_of_another_kind_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "city.duckdb"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="not a DuckDB file"):
        open_store(f"duckdb://{path}")
    assert path.read_bytes() == content
    with pytest.raises(StoreError, match="not a file"):
        open_store(f"duckdb://{tmp_path}")


def test_a_duckdb_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "city.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE other (a INTEGER)")
    with pytest.raises(StoreError, match="not a store of Nakhon"):
        open_store(f"duckdb://{path}")


def test_a_newer_schema_says_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "city.duckdb"
    open_store(f"duckdb://{path}").close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE meta SET version = 99")
    with pytest.raises(StoreTooNew, match=r"99.*upgrade Nakhon"):
        open_store(f"duckdb://{path}")


_KILLED = """
import os, sys
sys.path.insert(0, "tests")
from duckdb_samples import message, START
from collector.stores import open_store
from collector.stores.protocol import Batch
store = open_store(sys.argv[1])
store.write(Batch([message(i, START + i, pm25=1.0) for i in range(500)]))
os._exit(0)
"""


def test_a_damaged_log_is_named_and_nothing_is_overwritten(tmp_path: Path) -> None:
    path, log = tmp_path / "city.duckdb", tmp_path / "city.duckdb.wal"
    subprocess.run([sys.executable, "-c", _KILLED, f"duckdb://{path}"], check=True, timeout=60, cwd=ROOT)
    damaged = bytearray(log.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    log.write_bytes(damaged)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"city\.duckdb\.wal cannot be replayed"):
        open_store(f"duckdb://{path}")
    assert (path.read_bytes(), log.read_bytes()) == (before, bytes(damaged))


def test_one_process_owns_the_file(tmp_path: Path) -> None:
    url = f"duckdb://{tmp_path}/city.duckdb"
    store = open_store(url)
    with pytest.raises(StoreBusy, match="already open in this process"):
        open_store(url, read_only=True)
    program = (
        f"from collector.stores import open_store\ntry:\n open_store({url!r})\nexcept Exception as e:\n print(repr(e))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert told.stdout.startswith("StoreBusy")
    assert "PID" in told.stdout
    assert "--api" in told.stdout
    store.close()
    store.close()
    open_store(url).close()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.runs()


def test_a_bucket_that_is_not_whole_half_hours_is_refused(tmp_path: Path) -> None:
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    for bucket in (0, -1800, 900, 2700):
        with pytest.raises(InputError, match="half hours"):
            store.read(Selection(("pm25",), bucket=bucket))
    store.close()


def test_a_failed_write_leaves_no_trace_and_the_store_usable(tmp_path: Path) -> None:
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    store.write(Batch([message(0, START, "a", pm25=1.0)]))
    broken = message(-1, START, "b", pm25=2.0)  # no such number: it fails when the receipts are built
    with pytest.raises(Exception, match=r"-1|out of bounds|unsigned"):
        store.write(Batch([message(1, START + 1, "c", pm25=3.0), broken]))
    assert store.series()["station"].to_pylist() == ["a"]
    store.write(Batch([message(1, START + 1, "c", pm25=3.0)]))
    assert sorted(store.series()["station"].to_pylist()) == ["a", "c"]
    assert store.read(Selection(("pm25",)))["value"].to_pylist() == [1.0, 3.0]
    store.close()


def test_a_batch_that_was_kept_although_its_write_failed_is_not_kept_twice(tmp_path: Path) -> None:
    store = duckdb_file.open_store(f"duckdb://{tmp_path}/city.duckdb")
    batch = Batch([message(i, START + i, pm25=1.0) for i in range(5)])
    store.write(batch)
    store._in_doubt = True
    store.write(batch)
    assert store.read(Selection(("pm25",))).num_rows == 5
    store.write(Batch([message(5, START + 5, pm25=1.0)]))
    assert store.read(Selection(("pm25",))).num_rows == 6
    store.close()


_FULL = textwrap.dedent(
    """
    import resource, signal, sys
    sys.path.insert(0, "tests")
    from duckdb_samples import message, START
    from collector.stores import open_store
    from collector.stores.protocol import Batch, Selection
    from collector.language.errors import StoreFull
    import numpy as np

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = open_store(sys.argv[1])
    noise = np.random.default_rng(1).random((400, 200)) * 1000
    batch = lambda number: Batch(
        [message(number * 200 + i, START + number, f"s{i}", pm25=noise[number, i]) for i in range(200)]
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    kept = 0
    try:
        for number in range(400):
            store.write(batch(number))
            kept += 1
    except StoreFull as error:
        print("full", error)
    refused = 0
    for _ in range(3):
        try:
            store.write(batch(kept))
        except StoreFull:
            refused += 1
    print("refused", refused)
    print("whole", store.read(Selection(("pm25",))).num_rows == kept * 200)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    for number in range(kept, kept + 20):
        store.write(batch(number))
    store.close()
    again = open_store(sys.argv[1], read_only=True)
    print("after", again.read(Selection(("pm25",))).num_rows == (kept + 20) * 200, 0 < kept < 380)
    """
)


def test_a_full_disk_keeps_nothing_of_the_batch_and_the_store_works_again_with_space(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="no limits on the size of files here")
    told = subprocess.run(
        [sys.executable, "-c", _FULL, f"duckdb://{tmp_path}/city.duckdb"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
    )
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[0].startswith("full no space is left")
    assert lines[1:] == ["refused 3", "whole True", "after True True"]
