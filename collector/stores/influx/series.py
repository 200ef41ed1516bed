"""Which series the rows of an answer belong to: each is numbered, and named with its origin, zone and rollup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collector.language.indicators import Rollup, indicators
from collector.language.profile import CityProfile, StationProfile, Status
from collector.stores.influx.lines import tag_value

KEY = ("run", "city", "pillar", "station", "indicator")
Places = Mapping[tuple[str, ...], tuple[CityProfile | StationProfile, Status]]


@dataclass(frozen=True, slots=True)
class Origins:
    """What births say of the series: the zone of a city, the origin of a city's or a station's readings."""

    cities: Places
    stations: Places

    def zones(self, cities: Sequence[str] = ()) -> dict[tuple[str, str], str]:
        """The zones of all cities (or of these) that sent their birth, by run and city."""
        told = {
            place: profile.timezone for place, (profile, _) in self.cities.items() if isinstance(profile, CityProfile)
        }
        return {(run, city): zone for (run, city), zone in told.items() if not cities or city in cities}

    def origin(self, *place: str) -> str:
        """Where the readings of a station (run, city, pillar, station) come from."""
        for born in (self.stations.get(place), self.cities.get(place[:2])):
            if born and born[1].origin is not None:
                return born[1].origin.value
        return "unknown"


def numbered(tables: Sequence[pa.Table]) -> tuple[list[tuple[str, ...]], list[NDArray[np.uint32]]]:
    """The distinct keys of all tables, and for each table the number of the key in each of its rows.

    The tables have the columns of `KEY` as dictionaries; rows of one series mostly stand together, so numbers are
    looked up once for each stretch.
    """
    names = pa.concat_tables([table.select(KEY) for table in tables]).unify_dictionaries()
    columns = [names[name].combine_chunks() for name in KEY]
    words = [[tag_value(word) for word in column.dictionary.to_pylist()] for column in columns]
    codes = np.stack([column.indices.to_numpy(zero_copy_only=False) for column in columns])
    starts = np.r_[0, np.flatnonzero((np.diff(codes, axis=1) != 0).any(axis=0)) + 1] if codes.shape[1] else _NONE
    keys, places = np.unique(codes[:, starts], axis=1, return_inverse=True)
    numbers = np.repeat(places.reshape(-1).astype(np.uint32), np.diff(np.r_[starts, codes.shape[1]]))
    bounds = np.cumsum([table.num_rows for table in tables])[:-1]
    told = [tuple(word[code] for word, code in zip(words, key, strict=True)) for key in keys.T.tolist()]
    return told, np.split(numbers, bounds)


def series_named(keys: Sequence[tuple[str, ...]], origins: Origins) -> pa.Table:
    """What the view of this name has in a DuckDB store."""
    catalogue, zones = indicators(), origins.zones()
    cities = {city: number for number, city in enumerate(dict.fromkeys(key[:2] for key in keys))}
    rows: list[tuple[Any, ...]] = []
    for number, key in enumerate(keys):
        run, city, indicator = key[0], key[1], key[-1]
        rollup = catalogue[indicator].rollup if indicator in catalogue else Rollup.MEAN
        origin, zone = origins.origin(*key[:4]), zones.get((run, city))
        rows.append((number, *key, origin, indicator in catalogue, rollup.value, zone, cities[run, city]))
    return pa.table([list(column) for column in zip(*rows, strict=True)] or [[]] * len(_NAMED), schema=_NAMED)


_NONE = np.array([], dtype=np.int64)
_NAMED = pa.schema(
    [
        ("series", pa.uint32()),
        *((name, pa.string()) for name in KEY),
        ("origin", pa.string()),
        ("registered", pa.bool_()),
        ("rollup", pa.string()),
        ("timezone", pa.string()),
        ("city_id", pa.uint32()),
    ]
)
