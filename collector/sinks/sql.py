"""Rows of a table or a query: SQLite by itself, DuckDB and PostgreSQL through DuckDB, read only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.language.errors import InputError, StoreError
from collector.sinks.files import lacking
from collector.stores.ducklake.extensions import load_extensions
from collector.stores.secrets import POSTGRES_PASSWORD, secret

EXAMPLES = "sqlite:///var/city.db, duckdb:///var/city.duckdb or postgres://user@host:5432/database"


def read_sql(url: str, table: str | None, query: str | None, wanted: Sequence[str]) -> pa.Table:
    """The wanted columns of a table, or of what a query tells.

    Raises `InputError` for a URL, table, query or column that is not there, `StoreError` if the database cannot be
    opened or read. The password of PostgreSQL comes from NAKHON_POSTGRES_PASSWORD.
    """
    parts = urlsplit(url)
    if parts.password:
        raise InputError(f"a password in a URL ends up in logs: put it into {POSTGRES_PASSWORD} instead")
    if parts.scheme == "sqlite":
        return _sqlite(_file(url), table, query, wanted)
    if parts.scheme == "duckdb":
        with _duckdb(_file(url)) as connection:
            return _asked(connection, f"({query})" if query else _name(table or ""), wanted)
    if parts.scheme in ("postgres", "postgresql") and parts.hostname:
        with _postgres(url) as connection:
            inner = f"postgres_query('there', {_literal(query)})" if query else f"there.{_name(table or '')}"
            return _asked(connection, inner, wanted)
    raise InputError(f"expected the URL of a database such as {EXAMPLES}, came {url.partition('?')[0]!r}")


def _file(url: str) -> Path:
    path = Path(url.partition("://")[2])
    if not path.is_file():
        raise InputError(f"no database {path} (three slashes stand before an absolute path)")
    return path


def _sqlite(path: Path, table: str | None, query: str | None, wanted: Sequence[str]) -> pa.Table:
    source = f"({query})" if query else _name(table or "")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=10)) as connection:
            cursor = connection.execute(f"SELECT * FROM {source} LIMIT 0")  # noqa: S608 - the user's own database
            there = [column[0] for column in cursor.description]
            for name in wanted:
                if name not in there:
                    raise lacking(name, there, str(path))
            rows = connection.execute(f"SELECT {', '.join(map(_quoted, wanted))} FROM {source}").fetchall()  # noqa: S608
    except sqlite3.Error as error:
        raise StoreError(f"cannot read {path}: {error}") from None
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(wanted)
    return pa.table({name: _array(column) for name, column in zip(wanted, columns, strict=True)})


def _array(column: Sequence[object]) -> pa.Array:
    """A column of SQLite, where any cell may have any type."""
    try:
        return pa.array(column)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if cell is None else str(cell) for cell in column])


@contextmanager
def _duckdb(path: Path) -> Iterator[DuckDBPyConnection]:
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            yield connection
    except duckdb.IOException as error:
        raise StoreError(f"cannot open {path}: {str(error).splitlines()[0]}") from None


@contextmanager
def _postgres(url: str) -> Iterator[DuckDBPyConnection]:
    parts = urlsplit(url)
    told = {
        "host": parts.hostname, "port": parts.port or 5432, "dbname": parts.path.strip("/"), "user": parts.username,
        "password": secret(POSTGRES_PASSWORD), "connect_timeout": 10,
    }  # fmt: skip
    words = " ".join(f"{name}='{_escaped(str(value))}'" for name, value in told.items() if value)
    with duckdb.connect() as connection:
        load_extensions(connection)
        try:
            connection.execute(f"ATTACH {_literal(words)} AS there (TYPE postgres, READ_ONLY)")
        except duckdb.Error as error:
            reason = str(error).splitlines()[0].replace(secret(POSTGRES_PASSWORD) or "\0", "***")
            raise StoreError(f"cannot open the database at {parts.hostname}: {reason[:300]}") from None
        yield connection


def _asked(connection: DuckDBPyConnection, source: str, wanted: Sequence[str]) -> pa.Table:
    try:
        there = connection.execute(f"SELECT * FROM {source} LIMIT 0").to_arrow_table().column_names  # noqa: S608
        for name in wanted:
            if name not in there:
                raise lacking(name, there, "the table")
        columns = ", ".join(map(_quoted, wanted))
        return connection.execute(f"SELECT {columns} FROM {source}").to_arrow_table()  # noqa: S608
    except duckdb.Error as error:
        raise InputError(f"the database does not answer: {str(error).splitlines()[0][:300]}") from None


def _name(table: str) -> str:
    return ".".join(_quoted(part) for part in table.split("."))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str | None) -> str:
    return "'" + (text or "").replace("'", "''") + "'"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
