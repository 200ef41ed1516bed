"""One DuckDB file, opened by this process alone: snapshots for many readers, transactions for one writer."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.language.errors import StoreBusy, StoreError, StoreFull, StoreTooNew
from collector.stores.duckdb.migrations import check_version, migrate, refuse_unless_writable
from collector.stores.duckdb.schema import ROW_GROUP, SCHEMA, VERSION

_NO_SPACE = ("No space left on device", "File too large", "Disk quota exceeded")
PATIENCE = 10.0  # seconds that a copy waits for readers who keep the log from being moved
FEW = 50  # rows that go in quicker as parameters than as an Arrow table
_opened: set[Path] = set()


class DuckFile:
    """A DuckDB file that survives a full disk: after a failed write it is opened anew from what is on the disk.

    Raises `StoreError` and its kin, from every method.
    """

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.path = path.resolve()
        self._read_only = read_only
        self._idle = threading.Condition()
        self._turn = threading.RLock()
        self._readers = self._frozen = 0
        self.closed = False
        self.version = 0
        """How often the tables may have changed."""
        self._connection: DuckDBPyConnection | None = None
        _claim(self.path)
        try:
            if not read_only and not self.path.exists():
                _create(self.path)
            self._connected()
        except BaseException:
            self._release()
            raise

    @contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """A connection that sees one state of the file, whatever is written meanwhile; from any thread."""
        with self._idle:
            cursor = self._connected().cursor()
            self._readers += 1
        try:
            cursor.execute("USE store; BEGIN TRANSACTION")
            yield cursor
        except duckdb.Error as error:
            raise explained(error, self.path) from error
        finally:
            cursor.close()
            with self._idle:
                self._readers -= 1
                self._idle.notify_all()

    @contextmanager
    def writing(self) -> Iterator[DuckDBPyConnection]:
        """A transaction, durable when the block ends; an error in it leaves nothing behind."""
        if self._read_only:
            raise StoreError(f"{self.path} was opened for reading only")
        with self._turn:
            with self._idle:
                connection = self._connected()
            try:
                connection.execute("BEGIN TRANSACTION")
                yield connection
                connection.execute("COMMIT")
            except BaseException as error:
                self._disconnect()
                if isinstance(error, duckdb.Error):
                    raise explained(error, self.path) from error
                raise
            finally:
                self.version += 1

    def checkpoint(self, log_bytes: int = 0) -> None:
        """Move what was written from the log into the file, if the log is longer than `log_bytes`.

        Nothing is lost if this fails: what is in the log is durable.
        """
        with self._turn:
            log = self.path.with_name(f"{self.path.name}.wal")
            if self._frozen or self._connection is None or not log.exists() or log.stat().st_size <= log_bytes:
                return
            try:
                self._connection.execute("CHECKPOINT store")
            except duckdb.TransactionException:
                return
            except duckdb.Error:
                self._disconnect()

    @contextmanager
    def frozen(self) -> Iterator[DuckDBPyConnection]:
        """The file on the disk is whole and stays as it is until the block ends; the connection sees the same state.

        Writing goes on after the moment that this takes: into the log, which is not moved into the file meanwhile.
        """
        with ExitStack() as stack:
            deadline = time.monotonic() + PATIENCE
            while (connection := self._freeze(stack)) is None:
                if self._read_only or time.monotonic() > deadline:
                    raise StoreError(f"what is in the log of {self.path} cannot be moved into the file now: try again")
                time.sleep(0.02)
            try:
                yield connection
            finally:
                with self._turn:
                    self._frozen -= 1

    def _freeze(self, stack: ExitStack) -> DuckDBPyConnection | None:
        """Freeze the file if it is whole; who reads just now can keep the log from being moved into it."""
        with self._turn:
            self.checkpoint()
            if self._read_only or self.log_size():
                return None
            connection = stack.enter_context(self.reading())
            connection.execute("SELECT version FROM meta")  # a transaction sees the state of its first question
            self._frozen += 1
            return connection

    def log_size(self) -> int:
        """The bytes that wait in the log."""
        log = self.path.with_name(f"{self.path.name}.wal")
        return log.stat().st_size if log.exists() else 0

    def close(self) -> None:
        """Wait for the readers and let go of the file."""
        if self.closed:
            return
        with self._turn:
            if not self._read_only:
                self.checkpoint()
            self.closed = True
            self.version += 1
            self._disconnect()
            self._release()

    def _release(self) -> None:
        self.closed = True
        _opened.discard(self.path)

    def _connected(self) -> DuckDBPyConnection:
        if self.closed:
            raise StoreError(f"{self.path} is closed")
        if self._connection is None:
            self._connection = _open(self.path, read_only=self._read_only)
        return self._connection

    def _disconnect(self) -> None:
        with self._idle:
            self._idle.wait_for(lambda: self._readers == 0)
            if self._connection is not None:
                with suppress(duckdb.Error):
                    self._connection.close()
            self._connection = None


def insert(connection: DuckDBPyConnection, table: str, incoming: pa.Table) -> None:
    """Append rows whose columns are in the order of the table's."""
    if 0 < incoming.num_rows <= FEW:
        cells = ", ".join(["unnest(?)"] * incoming.num_columns)
        values = [column.to_pylist() for column in incoming.columns]
        connection.execute(f"INSERT INTO {table} SELECT {cells}", values)
    elif incoming.num_rows:  # DuckDB finds the table by the name of the argument: half the time of registering it
        connection.execute(f"INSERT INTO {table} SELECT * FROM incoming")  # noqa: S608 - names of our own


def explained(error: duckdb.Error, path: Path) -> StoreError:
    """The error of the project that says what DuckDB's means and what to do."""
    text = str(error)
    if any(sign in text for sign in _NO_SPACE):
        return StoreFull(f"no space is left for {path}: make room; nothing of the last batch was kept")
    if "Could not set lock" in text:
        held = re.search(r"held in (.+?\(PID \d+\))", text)
        holder = held.group(1) if held else "another process"
        return StoreBusy(
            f"{path} is open in {holder}: one process owns the file. Ask the collector that owns it instead "
            "(--api http://HOST:PORT), or stop it"
        )
    if "version number" in text or "newer version" in text.lower():
        return StoreTooNew(f"{path} was written by a newer DuckDB: upgrade Nakhon to read it ({_first(text)})")
    if "replaying WAL" in text or "WAL file" in text:
        return StoreError(
            f"the log {path}.wal cannot be replayed. Copy both files away, then move the log aside to open what the "
            f"file itself holds ({_first(text)})"
        )
    if "not a valid DuckDB database" in text:
        return StoreError(f"{path} is not a DuckDB file, and is left as it is: name another file")
    return StoreError(f"{path}: {_first(text)}")


def _claim(path: Path) -> None:
    if path in _opened:
        raise StoreBusy(f"{path} is already open in this process: use the store that is open")
    _opened.add(path)


def _open(path: Path, *, read_only: bool) -> DuckDBPyConnection:
    if not path.exists():
        raise StoreError(f"there is no store {path}: name one that exists, or collect into it first")
    if not path.is_file():
        raise StoreError(f"{path} is not a file: name a file such as {path}/city.duckdb")
    connection = memory(path)
    try:
        option = ", READ_ONLY" if read_only else ""
        connection.execute(f"ATTACH '{quoted(path)}' AS store (ROW_GROUP_SIZE {ROW_GROUP}{option})")
        connection.execute("USE store")
        version = _version(connection, path)
        if version < VERSION:
            refuse_unless_writable(version, path, read_only=read_only)
            migrate(connection, path, version)
    except duckdb.Error as error:
        connection.close()
        raise explained(error, path) from error
    except StoreError:
        connection.close()
        raise
    return connection


def _version(connection: DuckDBPyConnection, path: Path) -> int:
    try:
        row = connection.execute("SELECT max(version) FROM store.meta").fetchone()
    except duckdb.CatalogException:
        raise StoreError(f"{path} is a DuckDB file, but not a store of Nakhon: name another file") from None
    return check_version(row[0] if row else None, path)


def _create(path: Path) -> None:
    """Make an empty store under another name and give it its own only when it is whole."""
    if not path.parent.is_dir():
        raise StoreError(f"there is no directory {path.parent}: create it first")
    young = path.with_name(f".{path.name}.{os.getpid()}.new")
    young.unlink(missing_ok=True)
    connection = memory(path)
    try:
        connection.execute(f"ATTACH '{quoted(young)}' AS store (ROW_GROUP_SIZE {ROW_GROUP})")
        connection.execute("USE store")
        connection.execute(SCHEMA)
        now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        connection.execute("INSERT INTO meta VALUES (?, ?, '', NULL, NULL)", [VERSION, now])
        connection.execute("CHECKPOINT store")
        connection.close()
        young.rename(path)
    except duckdb.Error as error:
        connection.close()
        raise explained(error, path) from error
    except OSError as error:
        raise StoreError(f"{path} cannot be created: {error.strerror}") from error
    finally:
        young.unlink(missing_ok=True)
        young.with_name(f"{young.name}.wal").unlink(missing_ok=True)


def memory(path: Path) -> DuckDBPyConnection:
    """A connection that holds no file yet; what does not fit into memory goes beside `path`."""
    connection = duckdb.connect()
    connection.execute(f"SET temp_directory = '{quoted(path)}.tmp'")
    connection.execute("SET wal_autocheckpoint = '1TB'")
    return connection


def quoted(path: Path) -> str:
    """A path within quotes of SQL."""
    return str(path).replace("'", "''")


def _first(text: str) -> str:
    return text.splitlines()[0][:300]
