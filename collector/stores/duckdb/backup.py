"""Copies of a DuckDB file: taken while it is written to, put in its place, or packed anew.

The file itself changes only when the log is moved into it. So a copy is: move the log, hold the next time off, copy the
bytes. It gets its name only when every row in it was read and is as in the state it was taken of.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from collector.language.errors import InputError, StoreError
from collector.stores.duckdb.connection import DuckFile, explained, memory, quoted
from collector.stores.duckdb.schema import ROW_GROUP, VERSION
from collector.stores.keeping import Copied

__all__ = ["VERSION", "back_up", "compact", "in_the_making", "readings_in", "remove_lent", "restore", "version_of"]

LENT = ".lent"  # the end of the name of a copy that is made only to be sent away

Digests = dict[str, tuple[int, int]]


def back_up(file: DuckFile, to: Path) -> Copied:
    """A copy of the file as it is now, verified; writing waits only while the log is moved.

    Raises `InputError` if there is a file of that name, `StoreError` if the copy fails; then nothing is left.
    """
    started = time.monotonic()
    with in_the_making(to) as young:
        with file.frozen() as connection:
            held = time.monotonic() - started
            _copy(file.path, young)
            expected = _digests(connection)
        readings = _verified(young, expected)
    return Copied(to, to.stat().st_size, readings, time.monotonic() - started, held)


@contextmanager
def in_the_making(to: Path) -> Iterator[Path]:
    """The name under which a file is made that gets its own name when the block ends without an error.

    Raises `InputError` if there is one of that name already, `StoreError` if it cannot be written.
    """
    _refuse_to_overwrite(to)
    young = _young(to)
    try:
        yield young
        _refuse_to_overwrite(to)
        young.rename(to)
        _sync(to.parent)
    except OSError as error:
        raise StoreError(f"the copy {to} cannot be written: {error.strerror}; nothing is left of it") from error
    finally:
        young.unlink(missing_ok=True)
        _log(young).unlink(missing_ok=True)


def readings_in(copy: Path) -> int:
    """How many readings a copy holds one by one; every row of it is read. Raises `StoreError` if it is damaged."""
    held = _read_whole(copy)
    return held["sealed"][0] + held["fresh"][0]


def restore(source: Path, to: Path, *, replace: bool, check: Callable[[Path], None] = lambda _: None) -> Copied:
    """Put a copy in the place of a store: brought up to date, verified, checked by `check`, and only then named.

    Raises `InputError` if there is a store and it is not to be replaced, `StoreError` if the copy is damaged or the
    store is in use; then nothing has changed.
    """
    if not source.is_file():
        raise InputError(f"there is no file {source} to restore from")
    if to.exists() and not replace:
        raise InputError(f"{to} exists: name another file, or say --replace to put the copy in its place")
    _refuse_a_bad_place(to)
    young, started = _young(to), time.monotonic()
    try:
        _copy(source, young)
        file = DuckFile(young, read_only=False)
        try:
            with file.reading() as connection:
                _check_counts(connection, source)
                readings = sum(_digests(connection)[table][0] for table in ("sealed", "fresh"))
        finally:
            file.close()
        check(young)
        _sync(young)
        if to.exists():
            _set_aside_log(to)
        young.replace(to)
        _sync(to.parent)
    except OSError as error:
        raise StoreError(f"{to} cannot be written: {error.strerror}; nothing has changed") from error
    finally:
        young.unlink(missing_ok=True)
        _log(young).unlink(missing_ok=True)
    return Copied(to, to.stat().st_size, readings, time.monotonic() - started, 0.0)


def compact(path: Path) -> tuple[int, int]:
    """Pack a file that nobody has open anew, under another name until it is whole; its bytes before and after."""
    DuckFile(path, read_only=False).close()
    young = _young(path)
    connection = memory(path)
    try:
        connection.execute(f"ATTACH '{quoted(path)}' AS store (READ_ONLY)")
        connection.execute(f"ATTACH '{quoted(young)}' AS packed (ROW_GROUP_SIZE {ROW_GROUP})")
        before = path.stat().st_size
        connection.execute("COPY FROM DATABASE store TO packed")
        connection.execute("CHECKPOINT packed; DETACH packed; USE store")
        expected = _digests(connection)
        _verified(young, expected)
        _sync(young)
        young.replace(path)
        _sync(path.parent)
    except duckdb.Error as error:
        raise explained(error, path) from error
    finally:
        connection.close()
        young.unlink(missing_ok=True)
        _log(young).unlink(missing_ok=True)
    return before, path.stat().st_size


def version_of(path: Path) -> int:
    """The schema version of a file, older or newer. Raises `StoreError`."""
    if not path.is_file():
        raise StoreError(f"there is no store {path}: name one that exists")
    connection = memory(path)
    try:
        connection.execute(f"ATTACH '{quoted(path)}' AS store (READ_ONLY)")
        return int(connection.execute("SELECT max(version) FROM store.meta").fetchall()[0][0])
    except duckdb.Error as error:
        raise explained(error, path) from error
    finally:
        connection.close()


def remove_lent(path: Path) -> None:
    """Remove copies that were made to be sent away and never were."""
    for left in path.parent.glob(f".{path.name}.*{LENT}"):
        left.unlink(missing_ok=True)


def _copy(source: Path, young: Path) -> None:
    young.unlink(missing_ok=True)
    _log(young).unlink(missing_ok=True)
    shutil.copyfile(source, young)
    _sync(young)


def _verified(copy: Path, expected: Digests) -> int:
    """Read every row of a copy and compare; how many readings it has one by one."""
    found = _read_whole(copy)
    if found != expected:
        wrong = ", ".join(sorted(name for name in expected if found.get(name) != expected[name]))
        raise StoreError(f"the copy differs from the store (in {wrong}) and was thrown away: try again")
    return expected["sealed"][0] + expected["fresh"][0]


def _read_whole(copy: Path) -> Digests:
    """The digests of a file; DuckDB checks every block that it reads."""
    connection = memory(copy)
    try:
        connection.execute(f"ATTACH '{quoted(copy)}' AS store (READ_ONLY)")
        connection.execute("USE store")
        return _digests(connection)
    except duckdb.Error as error:
        raise explained(error, copy) from error
    finally:
        connection.close()


def _digests(connection: DuckDBPyConnection) -> Digests:
    """For every table how many rows it has, and a digest of them whatever their order."""
    query = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'store' ORDER BY table_name"
    names = [name for (name,) in connection.execute(query).fetchall()]
    return {name: _digest(connection, name) for name in names}


def _digest(connection: DuckDBPyConnection, table: str) -> tuple[int, int]:
    count, digest = connection.execute(
        f"SELECT count(*), coalesce(bit_xor(hash(one)), 0) FROM store.{table} AS one"  # noqa: S608 - names of our own
    ).fetchall()[0]
    return count, digest


def _check_counts(connection: DuckDBPyConnection, source: Path) -> None:
    wrong = connection.execute(
        """SELECT count(*) FROM (SELECT series, count(*) AS held FROM readings GROUP BY series) FULL JOIN tally
           USING (series) ANTI JOIN thinned USING (series) WHERE held IS DISTINCT FROM readings"""
    ).fetchall()[0][0]
    if wrong:
        raise StoreError(f"{source} is damaged: {wrong} series have not as many readings as were counted")


def _set_aside_log(path: Path) -> None:
    """Make sure that nobody has a store open and that no log is left beside it: a new file must not meet an old log."""
    try:
        DuckFile(path, read_only=False).close()
    except StoreError as error:
        if error.__class__ is not StoreError:  # in use, or no space
            raise
    if _log(path).exists():
        _log(path).replace(path.with_name(f"{path.name}.replaced.wal"))


def _refuse_to_overwrite(to: Path) -> None:
    if to.exists():
        raise InputError(f"{to} exists: name another file")
    _refuse_a_bad_place(to)


def _refuse_a_bad_place(to: Path) -> None:
    if not to.parent.is_dir():
        raise InputError(f"there is no directory {to.parent}: create it first")


def _young(path: Path) -> Path:
    """The name of a file in the making; what processes that ended have left is removed."""
    for left in path.parent.glob(f".{path.name}.*.new*"):
        number = left.name.removeprefix(f".{path.name}.").partition(".")[0]
        if number.isdigit() and not _runs(int(number)):
            left.unlink(missing_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}.new")


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
