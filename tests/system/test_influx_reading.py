"""What an InfluxDB tells: any text as it went in, and the same figures as from DuckDB."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from influx import TOKEN, Influxd
from parts import nakhon
from store_samples import CITY, START, accepted, birth, event, readings, statistic, values

from collector.language.messages import Readings
from collector.language.topics import Address, CityAddress
from collector.stores import open_store
from collector.stores.influx import windows as influx_windows
from collector.stores.influx.flux import literal
from collector.stores.influx.url import parse
from collector.stores.protocol import Batch, Selection, Store

pytestmark = pytest.mark.system
DOCS = Path(__file__).parents[2] / "docs" / "influxdb.md"


@pytest.fixture
def url(influxd: Influxd) -> str:
    return influxd.url()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


SIGNS = st.one_of(st.sampled_from(list(' ,="\\\n\r\t#%${}\x00\x85\u2028นคร')), st.characters(exclude_categories=["Cs"]))
NASTY = st.text(SIGNS, max_size=12)


RUNS = count()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NASTY, min_size=1, max_size=8, unique=True))
@example(['$"', "${r.city}", "$\\", "$"])
def test_any_text_goes_in_as_a_name_and_comes_out_the_same(store: Store, influxd: Influxd, texts: list[str]) -> None:
    run = f"run-{next(RUNS)}"
    told = [accepted(readings([START], pm25=[1.0]), 0, Address(run, text, text, text), f"{text}") for text in texts]
    told += [accepted(event(text, f"t{text}", note=text), 1, Address(run, text, text, text), text) for text in texts]
    store.write(Batch(told))
    assert sorted(row["city"] for row in store.series(run).to_pylist()) == sorted(texts)
    assert sorted(position.stream.session for position in store.positions(run)) == sorted(texts)
    for text in texts:
        assert values(store, runs=(run,), cities=(text,), stations=(text,)) == [1.0]
    assert all(body is not None for body in store.known([one.message for one in told]))
    rows = ", ".join(f"{{v: {literal(text)}}}" for text in texts)
    echoed = influxd.query(f'import "array"\narray.from(rows: [{rows}])')
    assert [without_breaks(row["v"] or "") for row in echoed] == [without_breaks(text) for text in texts]


def without_breaks(text: str) -> str:
    """Line breaks do not survive the CSV that answers come in."""
    return text.replace("\r", "").replace("\n", "")


SPAN = 3 * 86_400
CITIES = {"chiang-mai": "Asia/Bangkok", "kathmandu": "Asia/Kathmandu", "london": "Europe/London", "unborn": None}
INDICATORS = ("pm25", "business_registrations", "water_level", "service_backlog", "noise_laeq", "portal_uptime")
MARCH_28 = 1_774_656_000  # 2026-03-28: summer time begins in London on the second day


def said_by_cities() -> Batch:
    chance = np.random.default_rng(7)
    told, births = [], []
    for city, zone in CITIES.items():
        if zone:
            profile = CITY.__class__(city, city, "x", 0.0, 0.0, zone)
            births.append((CityAddress("run-1", city), birth().__class__(True, "s1", profile, birth().origin)))
        for station in ("a", "b"):
            times = (MARCH_28 + np.sort(chance.choice(SPAN, 200, replace=False))).astype("datetime64[s]")
            columns = {name: chance.uniform(-0.5, 90, 200).round(2) for name in INDICATORS}
            at = Address("run-1", city, "environment", station)
            told.append(accepted(Readings(times, columns), 0, at))
            told += [
                accepted(event(str(i), "service_request.opened", int(times[i].astype(int))), i + 1, at)
                for i in range(9)
            ]
            told.append(accepted(statistic(4.0, 0, MARCH_28, "2026-03"), 99, at))
    return Batch(told, births=births)


def test_every_read_tells_the_same_as_from_duckdb(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(influx_windows, "SAVES", 0)  # in windows wherever they can tell the same
    beside = open_store(f"duckdb://{tmp_path / 'city.duckdb'}")
    batch = said_by_cities()
    for one in (store, beside):
        one.write(batch)
    beside.maintain()
    for selection in selections():
        same(store.read(selection).to_pydict(), beside.read(selection).to_pydict())
    same(store.series().to_pydict(), beside.series().to_pydict())
    same(store.latest("run-1").to_pydict(), beside.latest("run-1").to_pydict())
    assert store.runs() == beside.runs()
    beside.close()


def test_many_values_are_combined_where_they_are_stored(influxd: Influxd) -> None:
    store = open_store(influxd.url())
    times = list(range(START, START + 86_400, 20))
    store.write(Batch([accepted(readings(times, pm25=[float(time % 900) for time in times]))]))
    selection = Selection(("pm25",), start=START, end=START + 86_400, bucket=6 * 3600)
    tables = store._reader._windowed(selection, store._reader._origins(()))  # type: ignore[attr-defined]
    assert tables["rollup"]["n"].to_pylist() == [1080] * 4
    assert tables["readings"].num_rows == 0
    assert store.read(selection)["value"].to_pylist() == [440.0] * 4


def selections() -> Iterator[Selection]:
    """Buckets that Flux combines and such that it does not, of spans that cut half hours and buckets."""
    merging = (*(name for name in INDICATORS if name != "noise_laeq"), "service_requests", "unemployment")
    spans = [(None, None), (MARCH_28 + 1234, MARCH_28 + SPAN - 4321), (MARCH_28, MARCH_28 + 86_400)]
    for start, end in spans:
        for bucket, local in ((3600, True), (4 * 3600, False), (86_400, True), (7 * 86_400, True)):
            yield Selection(merging, start=start, end=end, bucket=bucket, local=local)
        yield Selection((), start=start, end=end, flagged=True)
    yield Selection((), bucket=86_400)
    yield Selection(INDICATORS, bucket=86_400, flagged=True)
    yield Selection(("pm25",), cities=("london", "unborn"), stations=("b",), bucket=86_400)
    yield Selection(("pm25",), cities=("kathmandu",), start=MARCH_28 + 7, bucket=86_400)
    yield Selection(("pm25",), start=9, end=9, bucket=86_400)


def same(told: dict[str, list[object]], expected: dict[str, list[object]]) -> None:
    assert told.pop("value", []) == pytest.approx(expected.pop("value", []), rel=1e-9)
    assert told == expected


SCENARIO = """
name = "one-day"
start = 2026-03-01T00:00:00Z
duration = "12h"
cadence = "30min"
[cities]
include = ["chiang-mai", "rayong"]
"""


def test_a_simulated_run_is_accounted_for_and_compares_as_from_duckdb(
    influxd: Influxd, url: str, tmp_path: Path
) -> None:
    (tmp_path / "one-day.toml").write_text(SCENARIO)
    for name, place in (("influx", url), ("duck", "duckdb://city.duckdb")):
        told = ("--broker", "none", "--store", place, "--run", "a", "--ledger", f"{name}.ledger")
        assert command(tmp_path, "simulate", "one-day.toml", *told) == 0, (tmp_path / "simulate.log").read_text()
    assert command(tmp_path, "audit", "influx.ledger", "--store", url) == 0
    asked = [option for name in ("pm25", "noise_laeq", "service_requests") for option in ("--indicator", name)]
    figures = []
    for place in (url, "duckdb://city.duckdb"):
        assert command(tmp_path, "compare", "--store", place, *asked, "--bucket", "6h", "--json") == 0
        figures.append(list(numbers(json.loads((tmp_path / "compare.out").read_text()))))
    assert len(figures[0]) > 50
    assert figures[0] == pytest.approx(figures[1], rel=1e-9)


def command(folder: Path, *arguments: str) -> int:
    return nakhon(*arguments, folder=folder, NAKHON_INFLUX_TOKEN=TOKEN).wait(120)


def numbers(told: object) -> Iterator[float]:
    if isinstance(told, dict):
        told = list(told.values())
    if isinstance(told, list):
        for one in told:
            yield from numbers(one)
    elif isinstance(told, int | float):
        yield float(told)


def test_the_flux_of_the_documentation_tells_the_mean_of_the_hour(influxd: Influxd, url: str, store: Store) -> None:
    (flux,) = re.findall(r"```flux\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    store.write(Batch([accepted(readings([START, START + 900, START + 3600], pm25=[10.0, 20.0, -5.0]))]))
    rows = influxd.query(flux.replace('bucket: "readings"', f'bucket: "{parse(url).bucket}"'))
    assert [(row["city"], row["_value"]) for row in rows] == [("chiang-mai", 15.0)]
