"""What a store holds as files: values as tables, stations as GeoJSON, the newest values as NGSI-LD."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.analysis import Data, Table, open_store
from collector.language.errors import InputError
from collector.reporting.export import check_folder, write_whole
from collector.reporting.geojson import stations_geojson
from collector.reporting.tables import FORMATS
from nakhon.snapshot import snapshot
from nakhon.terminal import console

TABLES = tuple(f".{kind}" for kind in FORMATS)
SUFFIXES = (*TABLES, ".geojson", ".jsonld")


@dataclass(frozen=True, slots=True)
class Export:
    """What to export: times are in UTC, a bucket in seconds; empty means all. `latest` takes only the last values."""

    indicators: Sequence[str] = ()
    cities: Sequence[str] = ()
    runs: Sequence[str] = ()
    stations: Sequence[str] = ()
    start: str | None = None
    end: str | None = None
    bucket: int | None = None
    utc: bool = False
    flagged: bool = False
    without: Sequence[str] = ()
    latest: bool = False


def export(source: str, asked: Export, paths: Sequence[Path], *, bom: bool = False) -> bool:
    """Write every file by its suffix; False if there was nothing to write.

    .csv, .xlsx, .parquet, .arrow and .json hold the values, .geojson the stations and .jsonld an NGSI-LD snapshot of
    the newest run, or of the one named. Raises `InputError` for anything else, before anything is written.
    """
    for path in paths:
        if path.suffix.lower() not in SUFFIXES:
            raise InputError(f"expected a file ending in {', '.join(SUFFIXES)}, came {path.name!r}")
        check_folder(path)
    with open_store(source) as data:
        tables = [path for path in paths if path.suffix.lower() in TABLES]
        table = _values(data, asked) if tables else None
        documents = [(path, _document(data, asked, path)) for path in paths if path not in tables]
    for path in tables:
        assert table is not None  # noqa: S101 - for the type checker
        table.save(path, bom=bom)
    for path, content in documents:
        write_whole(path, content)
    told = (
        f": {len(table):,} rows, {' and '.join(table.about.get('origins', ())) or 'no origin'}"
        if table is not None
        else ""
    )
    console.told.print(f"wrote {', '.join(map(str, paths))}{told}", markup=False)
    return table is None or len(table) > 0


def _values(data: Data, asked: Export) -> Table:
    if asked.latest:
        return data.latest(_run(asked))
    return data.read(
        asked.indicators,
        cities=asked.cities,
        runs=asked.runs,
        stations=asked.stations,
        start=asked.start,
        end=asked.end,
        bucket=asked.bucket,
        utc=asked.utc,
        flagged=asked.flagged,
        without=asked.without,
    )


def _document(data: Data, asked: Export, path: Path) -> bytes:
    run = _run(asked) or _newest(data)
    if path.suffix.lower() == ".geojson":
        return stations_geojson(data.store, run)
    return json.dumps(snapshot(data.store, run), ensure_ascii=False, indent=1).encode()


def _run(asked: Export) -> str | None:
    if len(asked.runs) > 1:
        raise InputError("stations and last values are of one run: name one with --run")
    return asked.runs[0] if asked.runs else None


def _newest(data: Data) -> str:
    held = data.runs().rows()
    if not held:
        raise InputError(f"{data.url} holds no run yet: nothing to export")
    return str(held[-1]["run"])
