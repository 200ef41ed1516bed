"""What errors of DuckLake, PostgreSQL and the file system mean, said in the project's words and without secrets."""

from __future__ import annotations

import errno

import duckdb

from collector.language.errors import StoreBusy, StoreError, StoreFull, StoreTooNew
from collector.stores.ducklake.place import Place
from collector.stores.secrets import POSTGRES_PASSWORD, secret

_FULL = ("No space left on device", "Disk quota exceeded", "File too large")
_REFUSED = ("password authentication failed", "no password supplied", "no pg_hba.conf entry", "Peer authentication")
_NEWER = ("catalog version", "Unsupported DuckLake version", "newer version")
_UNREACHABLE = (
    "Connection refused", "could not translate host name", "server closed the connection", "timeout expired",
    "terminating connection", "no connection to the server", "is starting up", "is shutting down",
    "connection to server", "could not receive data", "could not send data", "Connection reset",
    "the connection is lost", "Unable to connect to Postgres", "SSL SYSCALL", "recovery mode", "Connection timed out",
)  # fmt: skip


def explained(error: duckdb.Error, place: Place) -> StoreError:
    """The error of the project that says what DuckDB's means and what to do."""
    text = _without_password(str(error))
    reason = _first(text)
    if any(sign in text for sign in _FULL):
        return StoreFull(f"no space is left for {place.data} or the database of {place.server}: make room ({reason})")
    if "lock timeout" in text:
        return StoreBusy(f"another collector has been sealing the store of {place.server} for long: trying again helps")
    if any(sign in text for sign in _REFUSED):
        return StoreError(
            f"{place.server} refuses the user {place.user}: set its password as {POSTGRES_PASSWORD}, "
            f"and check who may connect ({reason})"
        )
    if f'database "{place.database}" does not exist' in text:
        return StoreError(f"there is no database {place.database} at {place.server}: create it (createdb)")
    if "does not exist" in text and "DuckLake" in text:
        return StoreError(f"database {place.database} of {place.server} is empty: collect into it first")
    if any(sign in text for sign in _NEWER):
        return StoreTooNew(f"database {place.database} was written by a newer DuckLake: upgrade Nakhon ({reason})")
    if "permission denied" in text or "Permission denied" in text:
        return StoreError(f"{place.user} may not use {place.database}, or this user not {place.data} ({reason})")
    if any(sign in text for sign in _UNREACHABLE):
        return StoreError(f"{place.server} does not answer: start it, or check the address ({reason})")
    if "DATA_PATH" in text:
        return StoreError(f"the data of {place.database} are not in {place.data}: name their directory ({reason})")
    return StoreError(f"{place.server}, database {place.database}: {reason}")


def explained_disk(error: OSError, place: Place) -> StoreError:
    """The same of an error of the file system."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreFull(f"no space is left for {place.data}: make room; nothing of the last batch was kept")
    return StoreError(f"{place.data} cannot be written: {error.strerror}; nothing of the last batch was kept")


def _without_password(text: str) -> str:
    password = secret(POSTGRES_PASSWORD)
    for hidden in {password, (password or "").replace("'", "''")} - {None, ""}:
        text = text.replace(str(hidden), "***")
    return text


def _first(text: str) -> str:
    """The lines that say something, as one."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("LINE ")]
    return " ".join(lines)[:400]
