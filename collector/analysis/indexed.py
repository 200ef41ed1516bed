"""An index of cities as a table that says what it is about: the same in a notebook, over HTTP and on the terminal."""

from __future__ import annotations

from dataclasses import asdict

import pyarrow as pa

from collector.analysis.compared import about_comparison
from collector.analysis.described import described, indicator_facts
from collector.comparing.index_rows import IndexRequest
from collector.comparing.index_store import CityIndex, city_index
from collector.stores.protocol import Store


def index_table(store: Store, request: IndexRequest) -> pa.Table:
    """The table of an index of cities, read from a store. Raises `InputError`."""
    return index_described(city_index(store, request))


def index_described(found: CityIndex) -> pa.Table:
    """The table of an index; its schema tells indicators with their units, cities, runs, the query and notices."""
    about = about_comparison(found.comparison)
    about["query"] = {key: told for key, told in asdict(found.request).items() if told not in (None, ())}
    about["indicators"] = indicator_facts(found.comparison.request.indicators)
    return described(found.table, about, found.notices)
