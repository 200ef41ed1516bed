"""A DuckLake attached: snapshots for many readers, transactions for a writer, and the locks between collectors."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.language.errors import StoreError, StoreTooNew
from collector.language.indicators import indicators
from collector.stores.ducklake.extensions import load_extensions
from collector.stores.ducklake.place import Place
from collector.stores.ducklake.schema import STEPS, TABLES, VERSION, creation, presentation
from collector.stores.ducklake.sync import sync_new_files
from collector.stores.ducklake.trouble import explained, explained_disk
from collector.stores.secrets import POSTGRES_PASSWORD, secret

FEW = 50  # rows that go into the catalogue itself rather than into a Parquet file of their own
MARKER = ".nakhon-store"
_PATIENCE = 30_000  # milliseconds that a writer waits for another collector's sealing
_ABANDONED = 300_000  # milliseconds after which PostgreSQL drops the lock of a collector that stands still
_LOCK, _TURN, _BIRTH = 7_310_001, 7_310_002, 7_310_003  # advisory locks of the database


class Lake:
    """An attached DuckLake. After any error of the server it is attached anew at the next use.

    Raises `StoreError` and its kin, from every method.
    """

    version = None  # others may change the tables

    def __init__(self, place: Place, *, read_only: bool) -> None:
        self.place = place
        self.closed = False
        self._read_only = read_only
        self._opening = threading.Lock()
        self._turn = threading.RLock()
        self._root: DuckDBPyConnection | None = None
        self._attached()

    @contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """A connection that sees one state of the lake, whatever is written meanwhile; from any thread."""
        with self._cursor() as cursor:
            cursor.execute("BEGIN TRANSACTION")
            yield cursor

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[DuckDBPyConnection]:
        """A transaction, durable when the block ends; an error in it leaves nothing behind.

        With `alone` no other collector writes meanwhile: what deletes would collide with what is appended.
        """
        self._refuse_reader()
        with self._turn, self._lock(_LOCK, shared=not alone), self._cursor() as cursor:
            since = time.time()
            cursor.execute("BEGIN TRANSACTION")
            yield cursor
            self._sync(since)
            cursor.execute("COMMIT")

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Whether it is this collector's turn to look after the lake: one at a time."""
        self._refuse_reader()
        with self._cursor() as cursor:
            cursor.execute("BEGIN TRANSACTION")
            yield bool(_asked(cursor, f"pg_try_advisory_xact_lock({_TURN})"))

    def close(self) -> None:
        """Let go of the lake; readers under way end by themselves."""
        self.closed = True
        self._forget()

    def _sync(self, since: float) -> None:
        try:
            sync_new_files(self.place.data, since)
        except OSError as error:
            raise explained_disk(error, self.place) from None

    def _refuse_reader(self) -> None:
        if self._read_only:
            raise StoreError(f"{self.place.server} was opened for reading only")

    @contextmanager
    def _lock(self, number: int, *, shared: bool) -> Iterator[None]:
        with self._cursor() as cursor:
            _hold(cursor, number, shared=shared)
            yield

    @contextmanager
    def _cursor(self) -> Iterator[DuckDBPyConnection]:
        root = self._attached()
        cursor = root.cursor()
        try:
            yield cursor
        except duckdb.Error as error:
            self._forget(root)
            raise explained(error, self.place) from None
        finally:
            with suppress(duckdb.Error):
                cursor.rollback()
            cursor.close()

    def _attached(self) -> DuckDBPyConnection:
        with self._opening:
            if self.closed:
                raise StoreError(f"{self.place.server}, database {self.place.database}, is closed")
            if self._root is None:
                self._root = _attach(self.place, read_only=self._read_only)
            return self._root

    def _forget(self, root: DuckDBPyConnection | None = None) -> None:
        """Attach anew next time; cursors in use keep what they have."""
        if root is None or root is self._root:
            self._root = None


def append(connection: DuckDBPyConnection, table: str, incoming: pa.Table) -> None:
    """Append rows to a table of the lake, by the names of their columns."""
    if incoming.num_rows:
        connection.execute(f"INSERT INTO lake.{table} BY NAME SELECT * FROM incoming")  # noqa: S608 - our own names


def _asked(cursor: DuckDBPyConnection, expression: str) -> object:
    """What PostgreSQL says, in the transaction of the cursor."""
    return cursor.execute(f"FROM postgres_query('server', 'SELECT {expression}')").fetchall()[0][0]


def _hold(cursor: DuckDBPyConnection, number: int, *, shared: bool) -> None:
    """Take an advisory lock until the transaction of the cursor ends, or the connection does."""
    cursor.execute("BEGIN TRANSACTION")
    kind = "_shared" if shared else ""
    _asked(cursor, f"pg_advisory_xact_lock{kind}({number}) IS NULL")


def _attach(place: Place, *, read_only: bool) -> DuckDBPyConnection:
    connection = duckdb.connect()
    try:
        _prepare(connection, place)
        _attach_server(connection, place)
        if read_only:
            _attach_lake(connection, place, "READ_ONLY, CREATE_IF_NOT_EXISTS false")
        else:
            _attach_or_create(connection, place)
        _check(connection, place)
        _present(connection)
    except duckdb.Error as error:
        connection.close()
        raise explained(error, place) from None
    except StoreError:
        connection.close()
        raise
    return connection


def _prepare(connection: DuckDBPyConnection, place: Place) -> None:
    load_extensions(connection)
    connection.execute(f"SET temp_directory = '{_quoted(tempfile.gettempdir())}/nakhon-{uuid4().hex}'")
    # Commits at the same time: the loser tries again after 20 ms, and so on for about 20 s.
    connection.execute("SET ducklake_max_retry_count = 30")
    connection.execute("SET ducklake_retry_wait_ms = 20")
    connection.execute("SET ducklake_retry_backoff = 1.2")
    told = {"HOST": place.host, "PORT": str(place.port), "DATABASE": place.database, "USER": place.user}
    told |= {"PASSWORD": secret(POSTGRES_PASSWORD) or ""}
    settings = ", ".join(f"{name} '{_quoted(value)}'" for name, value in told.items())
    connection.execute(f"CREATE SECRET nakhon (TYPE postgres, {settings})")


def _attach_server(connection: DuckDBPyConnection, place: Place) -> None:
    settings = f"-c lock_timeout={_PATIENCE} -c idle_in_transaction_session_timeout={_ABANDONED}"
    told = f"options='{settings}' {_libpq(place)}"
    connection.execute(f"ATTACH '{_quoted(told)}' AS server (TYPE postgres, SECRET nakhon, READ_ONLY)")


def _attach_lake(connection: DuckDBPyConnection, place: Place, options: str) -> None:
    told = f"DATA_PATH '{_quoted(str(place.data))}/', META_SECRET 'nakhon', DATA_INLINING_ROW_LIMIT {FEW}"
    connection.execute(f"ATTACH 'ducklake:postgres:{_quoted(_libpq(place))}' AS lake ({told}, {options})")


def _attach_or_create(connection: DuckDBPyConnection, place: Place) -> None:
    """Attach the lake, which is made where there is none: by one collector, while others wait."""
    with connection.cursor() as cursor:
        _hold(cursor, _BIRTH, shared=False)
        if not place.data.is_dir():
            raise StoreError(f"there is no directory {place.data}: create it, or mount the share that holds it")
        _attach_lake(connection, place, "CREATE_IF_NOT_EXISTS true")
        if names := _names(connection):
            _migrate(connection, names)
        else:
            _create(connection, place)
        cursor.rollback()


def _create(connection: DuckDBPyConnection, place: Place) -> None:
    identity = uuid4().hex
    try:
        (place.data / MARKER).write_text(f"{identity}\n", "ascii")
    except OSError as error:
        raise StoreError(f"{place.data} cannot be written: {error.strerror}") from None
    connection.execute("BEGIN TRANSACTION")
    for statement in creation():
        connection.execute(statement)
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    connection.execute("INSERT INTO lake.meta VALUES (?, ?, ?)", [VERSION, now, identity])
    connection.execute("COMMIT")


def _names(connection: DuckDBPyConnection) -> set[str]:
    """The tables of the lake, asked of its catalogue: DuckDB's own list is made by loading all of them."""
    query = "SELECT table_name FROM public.ducklake_table WHERE end_snapshot IS NULL"
    return {name for (name,) in connection.execute(f"FROM postgres_query('server', '{query}')").fetchall()}


def _migrate(connection: DuckDBPyConnection, names: set[str]) -> None:
    """Bring the tables of an older version up to date; a newer one is left to `_check`, which refuses it."""
    told = connection.execute("SELECT version, created, identity FROM lake.meta").fetchall() if "meta" in names else []
    if not told or max(told)[0] >= VERSION:
        return
    version, created, identity = max(told)
    connection.execute("BEGIN TRANSACTION")
    for step in range(version, VERSION):
        for statement in STEPS[step]:
            connection.execute(statement)
    connection.execute("INSERT INTO lake.meta VALUES (?, ?, ?)", [VERSION, created, identity])
    connection.execute("COMMIT")


def _check(connection: DuckDBPyConnection, place: Place) -> None:
    """Whether the database holds a store of a version that is known, and the directory its data."""
    names = _names(connection)
    told = connection.execute("SELECT version, identity FROM lake.meta").fetchall() if "meta" in names else []
    where = f"database {place.database} of {place.server}"
    if not told:
        raise StoreError(f"{where} is a DuckLake, but not a store of Nakhon: name another database")
    version, identity = max(told)
    if version > VERSION:
        raise StoreTooNew(f"{where} has schema version {version}, this Nakhon knows up to {VERSION}: upgrade Nakhon")
    if version < VERSION:
        raise StoreError(f"{where} has schema version {version}: open it once with a collector, which brings it up")
    if not names >= set(TABLES):
        raise StoreError(f"{where} lacks tables: it is damaged, restore it from a copy")
    _check_data(place, identity)


def _check_data(place: Place, identity: str) -> None:
    marker = place.data / MARKER
    try:
        found = marker.read_text("ascii").strip()
    except OSError as error:
        raise StoreError(f"{marker} cannot be read ({error.strerror}): is the shared directory mounted?") from None
    if found != identity:
        raise StoreError(f"{place.data} holds the data of another store: mount the directory of this one there")


def _present(connection: DuckDBPyConnection) -> None:
    rows = [(one.id, one.rollup.value) for one in indicators().values()]
    entry = pa.table([[row[0] for row in rows], [row[1] for row in rows]], names=["id", "rollup"])
    connection.execute("BEGIN TRANSACTION")
    connection.execute("CREATE TABLE entry AS SELECT * FROM entry")
    for statement in presentation():
        connection.execute(statement)
    connection.execute("COMMIT")
    del entry


def _libpq(place: Place) -> str:
    """Options of libpq as its connection strings quote them."""
    quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in place.tls.items()}
    return " ".join(f"{name}='{value}'" for name, value in {"connect_timeout": "10", **quoted}.items())


def _quoted(text: str | Path) -> str:
    return str(text).replace("'", "''")
