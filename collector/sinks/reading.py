"""A sink read and examined: what `nakhon audit --sink` does."""

from __future__ import annotations

import pyarrow as pa

from collector.auditing.examine import examine
from collector.auditing.findings import Findings
from collector.language.ledger import Header, Ledger
from collector.sinks.columns import readings
from collector.sinks.file import Sink
from collector.sinks.files import read_csv, read_json_lines


def audit_sink(ledger: Ledger, sink: Sink) -> Findings:
    """What a sink made of the readings of a ledger. Raises `InputError` and `StoreError` as its source does."""
    header = ledger.header
    found = readings(sink, read(sink), {"run": header.run, "session": header.session})
    return examine(
        ledger,
        found,
        lambda station: called(sink, header, station),
        sink.tolerance.tolerance,
        sink.title,
        sink.kept,
    )


def read(sink: Sink) -> pa.Table:
    """The columns that a sink file wants, from its source."""
    source, wanted = sink.sink, sink.wanted
    match source.kind:
        case "csv":
            return read_csv(source.file or "", source.delimiter, wanted)
        case "jsonl":
            return read_json_lines(source.file or "", wanted)
        case "sql":
            from collector.sinks.sql import read_sql

            return read_sql(source.url or "", source.table, source.query, wanted)
        case "http":
            from collector.sinks.http import read_http

            return read_http(source, wanted)
        case "influxdb":
            from collector.stores.influx.connection import Influx
            from collector.stores.influx.url import parse

            influx = Influx(parse(source.url or ""))
            try:
                return influx.ask(source.query or "", dict.fromkeys(wanted, pa.string()))
            finally:
                influx.close()


def called(sink: Sink, header: Header, station: str) -> str:
    """What a sink calls a station (`city/pillar/station`) of the ledger."""
    city, pillar, identity = station.split("/")
    name = sink.columns.form.format(run=header.run, city=city, pillar=pillar, station=identity)
    return f"{city}/{name}" if sink.columns.city else name
