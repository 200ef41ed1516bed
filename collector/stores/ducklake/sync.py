"""Parquet files forced to the disk: DuckDB closes the files it writes and leaves the rest to the operating system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "ducklake-"
_SLACK = 1000  # milliseconds


def sync_new_files(data: Path, since: float) -> None:
    """Return when every file of the lake that this machine has written since a time is on the disk.

    The names of the files tell when they were made: DuckLake calls them `ducklake-<UUID version 7>.parquet`.
    Raises `OSError` as the disk does.
    """
    oldest = f"{int(since * 1000) - _SLACK:012x}"
    for folder in (entry.path for entry in _folders(data / "main")):
        files = [entry.path for entry in os.scandir(folder) if _made(entry.name) >= oldest]
        for path in [*files, folder] if files else []:
            _sync(path)


def _folders(root: Path) -> Iterator[os.DirEntry[str]]:
    if root.is_dir():
        with os.scandir(root) as entries:
            yield from (entry for entry in entries if entry.is_dir())


def _made(name: str) -> str:
    """The first 48 bits of a UUID of version 7: milliseconds since 1970 in 12 hexadecimal digits."""
    return name[len(_PREFIX) :].replace("-", "")[:12] if name.startswith(_PREFIX) else ""


def _sync(path: str) -> None:
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return  # another collector has tidied it away
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
