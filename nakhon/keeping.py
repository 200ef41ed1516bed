"""`nakhon store`: what a store holds, what it lets go of, a copy of it and back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from collector.auditing.audit import audit
from collector.language.errors import InputError, StoreError
from collector.language.ledger import read_ledger
from collector.language.time import format_epoch
from collector.stores import check_url, open_store, remote_keeping
from collector.stores.duckdb import backup as duckdb_backup
from collector.stores.keeping import Copied, Facts, Keeping, Policy, Removal
from collector.stores.protocol import RunInfo, Store

_ELSEWHERE = {
    "influxdb": "InfluxDB keeps to the retention of its bucket (`influx bucket update --retention 90d`) and is copied "
    "with `influx backup`",
    "ducklake": "DuckLake is a PostgreSQL database and a folder of Parquet files: copy them with `pg_dump` and your "
    "own tools, the database first",
    "http": "ask for it on the machine of the collector, with --store, while the collector is stopped",
}
_KINDS = {
    "raw": "raw values become half hours",
    "gone": "raw values go",
    "halfhourly": "half hours go",
    "events": "events go",
}


def tell_facts(source: str, console: Console, *, as_json: bool) -> None:
    """Print what a store, or that of a running collector, holds."""
    told = remote_keeping.facts(source) if _kind(source) == "http" else _facts(source)
    if as_json:
        console.print_json(json.dumps(asdict(told)))
        return
    table = Table(show_header=False, box=None)
    for name, figure in _figures(told):
        table.add_row(name, figure)
    console.print(table)


def migrate(url: str, console: Console) -> None:
    """Bring a store of an older Nakhon up to date; a copy of it as it was stays beside it."""
    path = _path(url)
    version = duckdb_backup.version_of(path)
    if version == duckdb_backup.VERSION:
        console.print(f"{path} has schema version {version}: nothing to do")
        return
    beside = path.with_name(f"{path.name}.version-{version}")
    if beside.exists():
        raise InputError(f"{beside} exists: move it away first")
    for end in (".wal", ""):
        if (file := path.with_name(path.name + end)).exists():
            shutil.copyfile(file, beside.with_name(beside.name + end))
    open_store(url).close()
    console.print(f"{path} has schema version {duckdb_backup.VERSION} now; as it was it is {beside}")


def back_up(source: str, to: Path, console: Console) -> None:
    """Copy a store, or that of a running collector, to a file."""
    if _kind(source) == "http":
        told(remote_keeping.fetch_backup(source, to), console)
        return
    with _opened(source) as store:
        told(_keeping(store).backup(to), console)


def told(copied: Copied, console: Console) -> None:
    """Print what was copied."""
    console.print(
        f"{copied.path}: {copied.size:,} bytes, {copied.readings:,} readings one by one, verified, "
        f"in {copied.seconds:.1f} s" + (f"; writing waited {copied.held:.2f} s" if copied.held else ""),
        soft_wrap=True,
    )


def restore(source: Path, url: str, ledger: Path | None, console: Console, *, replace: bool) -> None:
    """Put a copy in the place of a store, after the audit of a ledger against it if one is given."""

    def check(young: Path) -> None:
        if ledger is None:
            return
        with _opened(f"duckdb://{young}", read_only=True) as store:
            verdict = audit(read_ledger(ledger), store)
        total = verdict.total
        if not verdict.accounted_for:
            raise StoreError(
                f"{source} does not account for {ledger}: of {total.published:,} messages {total.stored:,} are stored, "
                f"{total.missing:,} are missing; nothing was restored"
            )
        console.print(f"{ledger}: all {total.published:,} messages are accounted for")

    told(duckdb_backup.restore(source, _path(url), replace=replace, check=check), console)


def retain(url: str, policy: Policy, console: Console, *, apply: bool, as_json: bool) -> None:
    """Print what a policy takes out of a store, and take it out if asked to."""
    with _opened(url) as store:
        keeping = _keeping(store)
        removals = keeping.retain(policy) if apply else keeping.planned(policy)
    if as_json:
        console.print_json(json.dumps({"applied": apply, "removals": [asdict(removal) for removal in removals]}))
        return
    _show_removals(removals, console)
    if removals and apply:
        console.print("Done. New values use the space; `nakhon store compact` gives it back to the disk.")
    elif removals:
        console.print("Nothing was changed: say --apply to do it.")


def compact(url: str, console: Console) -> None:
    """Pack a store that nobody has open anew."""
    before, after = duckdb_backup.compact(_path(url))
    console.print(f"{_path(url)}: {before:,} bytes before, {after:,} now")


def delete_run(url: str, run: str, console: Console, *, apply: bool) -> None:
    """Print what a store holds of a run, and forget it if asked to."""
    with _opened(url) as store:
        keeping = _keeping(store)
        held = next((info for info in store.runs() if info.run == run), None)
        if held is None:
            known = ", ".join(info.run for info in store.runs()[-5:]) or "none"
            raise InputError(f"no run {run!r} in {url} (it holds: {known})")
        console.print(_run_text(held, len(store.series(run))), soft_wrap=True)
        if apply:
            keeping.delete_run(run)
    console.print("It is gone." if apply else "Nothing was changed: say --apply to do it.")


def _facts(url: str) -> Facts:
    with _opened(url, read_only=True) as store:
        return _keeping(store).facts()


@contextmanager
def _opened(url: str, *, read_only: bool = False) -> Iterator[Store]:
    _path(url)
    store = open_store(url, read_only=read_only)
    try:
        yield store
    finally:
        store.close()


def _keeping(store: Store) -> Keeping:
    if not isinstance(store, Keeping):
        raise InputError(f"{store.url} does not look after a file of its own")
    return store


def _path(url: str) -> Path:
    kind = _kind(url)
    if kind != "duckdb":
        raise InputError(f"expected a file of Nakhon's own (duckdb://FILE), came {url!r}: {_ELSEWHERE[kind]}")
    return Path(url.partition("://")[2])


def _kind(url: str) -> str:
    kind = check_url(url).split(":")[0]
    return {"https": "http", "influxdbs": "influxdb"}.get(kind, kind)


def _figures(facts: Facts) -> Iterator[tuple[str, str]]:
    yield "schema version", f"{facts.version}, created {format_epoch(facts.created)}"
    yield "size", f"{facts.size:,} bytes, of which {facts.free:,} free; {facts.log:,} in the log"
    yield "runs, cities, stations", f"{facts.runs:,}, {facts.cities:,}, {facts.stations:,}"
    if facts.unborn:
        yield "stations without a birth", _listed(facts.unborn)
    yield "series", f"{facts.series:,}"
    if facts.unregistered:
        yield "unregistered indicators", _listed(facts.unregistered)
    gone = facts.readings - facts.raw
    yield (
        "readings",
        f"{facts.readings:,}" + (f", of which {gone:,} as {facts.halfhours:,} half hours or gone" * (gone > 0)),
    )
    if facts.first is not None and facts.last is not None:
        yield "span", f"{format_epoch(facts.first)} to {format_epoch(facts.last)}"
    yield "events, statistics", f"{facts.events:,}, {facts.statistics:,}"
    yield "rejected messages", f"{facts.rejected:,}"
    yield "streams with positions", f"{facts.streams:,}"
    yield "policy", facts.policy or "none: everything is kept"
    yield "last backup", "none" if facts.backup is None else format_epoch(facts.backup)


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _show_removals(removals: Sequence[Removal], console: Console) -> None:
    if not removals:
        console.print("Nothing is that old.")
        return
    table = Table("run", "what", "cities", "series", "values", "from", "to", "about bytes")
    for one in removals:
        cells = (f"{one.series:,}", f"{one.values:,}", format_epoch(one.first), format_epoch(one.last), f"{one.size:,}")
        table.add_row(one.run, _KINDS[one.what], _listed(one.cities), *cells)
    console.print(table)


def _run_text(info: RunInfo, series: int) -> str:
    span = (
        "" if info.first is None or info.last is None else f", {format_epoch(info.first)} to {format_epoch(info.last)}"
    )
    return f"{info.run} ({info.origin}): {series:,} series, {info.readings:,} readings{span}"
