"""Tables that say what they hold: a unit beside each value; in the schema indicators, origins, cities, the query."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version

import pyarrow as pa
import pyarrow.compute as pc

from collector.comparing.sheet import Sheet
from collector.language.indicators import indicators
from collector.reporting.tables import ABOUT
from collector.stores.protocol import Selection, Store


def described(table: pa.Table, about: Mapping[str, object], notices: Sequence[str] = ()) -> pa.Table:
    """The table with a unit beside each value, and in its schema what it is about.

    The metadata of the schema under `nakhon` is JSON: the version, the indicators with their units and rollups, the
    origins, and what is given. The field `value` has the unit, the UCUM code and the origins where they are the same
    for all rows.
    """
    told: dict[str, object] = {"version": version("nakhon")}
    if "indicator" in table.column_names:
        held = _distinct(table, "indicator")
        told["indicators"] = indicator_facts(held)
        table = with_units(table, held)
    if "origin" in table.column_names:
        told["origins"] = _distinct(table, "origin")
    told |= {key: value for key, value in about.items() if value not in (None, {}, [], ())}
    if notices:
        told["notices"] = list(notices)
    metadata = (table.schema.metadata or {}) | {ABOUT: json.dumps(told, ensure_ascii=False).encode()}
    return table.replace_schema_metadata(metadata)


def with_units(table: pa.Table, held: Sequence[str]) -> pa.Table:
    """The table with a column `unit` after `value`, and what is the same of all values in the metadata of its field."""
    if "value" not in table.column_names or "unit" in table.column_names:
        return table
    told = [_unit(name) for name in held]
    units = pa.array(sorted({unit for unit in told if unit is not None}), pa.string())  # once each: pandas insists
    code = pc.index_in(pa.array(told, pa.string()), value_set=units)
    places = pc.take(code, pc.index_in(table["indicator"].cast(pa.string()), value_set=pa.array(held, pa.string())))
    where = table.schema.get_field_index("value")
    pieces = [pa.DictionaryArray.from_arrays(piece.cast(pa.int32()), units) for piece in places.chunks]
    column = pa.chunked_array(pieces, pa.dictionary(pa.int32(), pa.string()))
    field = table.schema.field("value").with_metadata(_of_field(table, held))
    return table.set_column(where, field, table["value"]).add_column(where + 1, "unit", column)


def indicator_facts(held: Iterable[str]) -> dict[str, object]:
    """What the catalogue says of indicators, as the schema of a table says it."""
    return {name: _entry(name) for name in held}


def run_facts(store: Store, runs: Iterable[str] = ()) -> dict[str, object]:
    """Where a table's runs come from and what their cities are, as its schema says it."""
    wanted = set(runs)
    held = [info for info in store.runs() if not wanted or info.run in wanted]
    told = {one.run: {"origin": one.origin, "scenario": one.scenario, "digest": one.digest} for one in held}
    cities: dict[str, object] = {}
    for one in held:
        cities |= {profile.id: _without_nothing(asdict(profile)) for profile, _ in store.cities(one.run)}
    return {"source": store.url, "runs": told, "cities": cities}


def query_of(selection: Selection) -> dict[str, object]:
    """A selection as the schema says it: what was asked for and nothing else."""
    return {key: list(told) if isinstance(told, tuple) else told for key, told in asdict(selection).items() if told}


def sheet_table(sheet: Sheet) -> pa.Table:
    """A sheet of findings as an Arrow table; a column is of text where not all its cells are numbers."""
    columns = {key: _column([row[key] for row in sheet.rows]) for key in sheet.headings}
    return pa.table(columns)


def _column(cells: list[object]) -> pa.Array:
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds <= {int}:
        return pa.array(cells, pa.int64() if kinds else pa.string())
    if kinds <= {int, float}:
        return pa.array([None if cell is None else float(str(cell)) for cell in cells], pa.float64())
    return pa.array([None if cell is None else str(cell) for cell in cells], pa.string())


def _distinct(table: pa.Table, name: str) -> list[str]:
    return sorted(told for told in pc.unique(table[name].cast(pa.string())).to_pylist() if told is not None)


def _of_field(table: pa.Table, held: Sequence[str]) -> dict[bytes, bytes]:
    told: dict[str, str] = {}
    if len(held) == 1 and held[0] in indicators():
        entry = indicators()[held[0]]
        told = {"unit": entry.unit, "ucum": entry.ucum, "indicator": entry.id}
    if "origin" in table.column_names and table.num_rows:
        told["origin"] = ", ".join(_distinct(table, "origin"))
    return {key.encode(): value.encode() for key, value in told.items()}


def _unit(name: str) -> str | None:
    return indicators()[name].unit if name in indicators() else None


def _entry(name: str) -> dict[str, object]:
    if name not in indicators():
        return {"name": name, "unit": None}
    entry = indicators()[name]
    return {
        "name": entry.name,
        "unit": entry.unit,
        "ucum": entry.ucum,
        "rollup": str(entry.rollup),
        "across": str(entry.across),
        "better": str(entry.better),
        "standard": f"{entry.standard} {entry.standard_code}".strip(),
    }


def _without_nothing(told: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in told.items() if value is not None}
