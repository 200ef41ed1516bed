"""The analyst's API: tables that know their units and origins, the same for a file and for a running collector."""

from __future__ import annotations

import builtins
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC as ZULU
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from analysts import filled
from comparisons import CHIANG_MAI, UTC, compared
from hypothesis import given
from hypothesis import strategies as st

import collector
from collector.analysis import asked
from collector.analysis.compared import compared_of
from collector.analysis.data import Data
from collector.analysis.described import described
from collector.analysis.table import Table
from collector.language.errors import InputError
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import serve
from collector.stores import open_store

TABLES = ("runs", "cities", "stations", "series", "latest", "values", "comparison", "trend", "exceedance", "profile",
          "lag", "aligned", "index", "nowcast")  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Data]]:
    """The same store as a file and behind a running collector."""
    store = open_store(f"duckdb://{tmp_path_factory.mktemp('analysis')}/city.duckdb")
    store.write(filled())
    server = serve(application(store, Live(), Metrics(), lambda: None), port=0)
    yield {"file": Data(store), "http": collector.open_store(server.url)}
    server.stop()
    store.close()


@pytest.fixture(params=["file", "http"])
def data(both: dict[str, Data], request: pytest.FixtureRequest) -> Data:
    return both[request.param]


def tables(data: Data) -> dict[str, collector.Table]:
    compared = data.compare("pm25", runs="haze", bucket="1d")
    told = [
        data.runs(), data.cities("haze"), data.stations("haze"), data.series("haze"), data.latest("haze"),
        data.read("pm25", bucket="1d"), compared, compared.trend(), compared.exceedance("who"),
        compared.profile("weekday"), data.compare("pm25", runs="haze").lag("6h"), compared.series(),
        data.index("aqi-us-epa"), data.index("nowcast", runs="haze"),
    ]  # fmt: skip
    return dict(zip(TABLES, told, strict=True))


def test_importing_the_collector_loads_nothing_heavy() -> None:
    code = "import sys, collector; print([m for m in ('pyarrow', 'duckdb', 'plotly', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
    assert {"open_store", "Table"} <= set(dir(collector))
    with pytest.raises(AttributeError, match="no attribute 'opn_store'"):
        collector.opn_store  # noqa: B018


def test_a_table_of_values_says_its_unit_origin_and_where_it_is_from(data: Data) -> None:
    told = data.read("pm25", cities="chiang-mai", runs=["haze", "pcd"], start="2026-03-02", bucket="6h")
    field = told.arrow().schema.field("value").metadata
    assert (field[b"unit"].decode(), field[b"ucum"], field[b"origin"]) == ("µg/m³", b"ug/m3", b"measured, simulated")
    assert set(told.pandas()["unit"]) == {"µg/m³"}
    about = told.about
    assert about["indicators"]["pm25"]["rollup"] == "mean"
    assert about["origins"] == ["measured", "simulated"]
    assert {run: facts["origin"] for run, facts in about["runs"].items()} == {"haze": "simulated", "pcd": "measured"}
    assert (about["cities"]["chiang-mai"]["timezone"], about["bucket"]) == ("Asia/Bangkok", 21_600)
    assert about["query"]["start"] == 1_772_409_600
    assert about["source"] == data.url
    assert {"version", "query"} <= set(about)


def test_a_file_and_a_collector_give_the_same_tables(both: dict[str, Data]) -> None:
    file, http = (tables(data) for data in both.values())
    for name, table in file.items():
        assert table.arrow().equals(http[name].arrow()), name


def test_every_table_with_values_has_an_origin_and_a_unit(data: Data) -> None:
    for name, table in tables(data).items():
        rows = table.rows()
        assert rows, name
        if name not in {"cities", "stations"}:
            assert {row["origin"] for row in rows} <= {"simulated", "measured"}, name
        if name not in {"runs", "cities", "stations", "series", "exceedance", "lag"}:
            assert all(row["unit"] or row.get("part") == "overall" for row in rows), name


def test_frames_of_pandas_and_polars_hold_the_same_rows(data: Data) -> None:
    told = data.read("pm25", runs="haze")
    assert told.pandas()["value"].tolist() == told.polars()["value"].to_list() == told.arrow()["value"].to_pylist()
    assert told.pandas().attrs["origins"] == ["simulated"]
    assert data.runs().pandas()["first"].tolist() == data.series().pandas().groupby("run")["first"].min().tolist()


def test_indicators_of_one_unit_and_one_of_none_are_a_frame() -> None:
    names = ["pm25", "pm10", "air_temperature", "of-another-catalogue"]
    told = Table("values", described(pa.table({"indicator": names, "value": [1.0, 2.0, 3.0, 4.0]}), {}))
    assert told.pandas()["unit"].tolist()[:3] == told.polars()["unit"].to_list()[:3] == ["µg/m³", "µg/m³", "°C"]
    assert told.rows()[3]["unit"] is None


def test_a_frame_without_its_library_is_refused_with_what_to_do(
    both: dict[str, Data], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = both["file"].runs()
    real = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name == "polars":
            raise ImportError(name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match="pip install polars"):
        told.polars()


def test_a_table_shows_itself_as_html_that_runs_nothing(data: Data) -> None:
    told = data.compare("pm25", runs="haze", bucket="1d")
    shown = told._repr_html_()
    assert "เชียงใหม่" in shown
    assert "simulated" in shown
    assert "A simulation is not a forecast." in shown
    assert "&lt;" not in repr(told)
    hostile = pa.table({"a": ["<script>alert(1)</script>"]})
    assert "<script>" not in collector.Table("runs", hostile)._repr_html_()


def test_long_tables_show_their_first_rows_and_how_many_more(data: Data) -> None:
    told = data.read("pm25", runs="haze", cities="chiang-mai")
    assert told._repr_html_().count("<tr>") == 21
    assert "460 more rows" in told._repr_html_()


def test_a_figure_has_units_on_its_axis_and_origins_in_its_legend(data: Data) -> None:
    compared = data.compare("pm25", bucket="1d")
    for told in (data.read("pm25", bucket="1d"), compared, compared.profile("weekday"), compared.series()):
        figure = told.figure()
        assert isinstance(figure, go.Figure)
        assert "µg/m³" in figure.layout.yaxis.title.text
        legend = " ".join(line.name for line in figure.data)
        assert "simulated" in legend
        assert "measured" in legend
    profile, lag = compared.profile("weekday").figure(), data.compare("pm25", runs="haze").lag("6h").figure()
    for line in (*profile.data[:2], *lag.data):
        assert "simulated, parameters derived" in line.name.replace("<br>", " ")
    assert lag.layout.xaxis.title.text.split("<br>")[0] == "Lag in hours (positive: the series"


def test_a_figure_says_of_which_lines_no_interval_is_given() -> None:
    drifting = compared(replace(UTC, bucket=3600), (CHIANG_MAI, np.repeat(100.0 + 10 * np.arange(10), 24)))
    assert "no interval: remembers too long" in compared_of(drifting).profile("hour").figure().data[0].name.replace(
        "<br>", " "
    )


def test_what_cannot_be_drawn_is_refused(data: Data) -> None:
    with pytest.raises(InputError, match="has no figure"):
        data.runs().figure()
    with pytest.raises(InputError, match="nothing to draw of no2"):
        data.read("pm25").figure("no2")
    with pytest.raises(InputError, match="no 'pm10' in this comparison"):
        data.compare("pm25", runs="haze").figure("pm10")


def test_missing_hours_stay_missing(data: Data) -> None:
    told = data.read("pm25", cities="yangon", bucket="1h")
    assert len(told) == 24 * 20 - 16
    days = data.compare("pm25", cities="yangon", bucket="1d", utc=True).rows()[0]
    assert (days["n"], days["sparse"]) == (19, 1)
    kept = data.compare("pm25", cities="yangon", bucket="1d", utc=True, least_coverage=0.3).rows()[0]
    assert (kept["n"], kept["sparse"]) == (20, 0)


def test_this_week_is_set_against_the_week_before(data: Data) -> None:
    told = data.compare(
        "pm25", runs="haze", bucket="1d", start=date(2026, 3, 9), end="2026-03-16", against="2026-03-02"
    )
    rows = told.rows()
    assert [(row["city"], row["from"], row["verdict"] == "reference") for row in rows] == [
        ("chiang-mai", "2026-03-02 00:00", True), ("chiang-mai", "2026-03-09 00:00", False),
        ("yangon", "2026-03-02 00:00", True), ("yangon", "2026-03-09 00:00", False),
    ]  # fmt: skip
    assert rows[1]["n_common"] == 7
    assert rows[3]["n_common"] == 6  # the sixth of March is not compared in Yangon
    assert "7 days earlier" in told.figure().data[0].name.replace("<br>", " ")
    series = told.series().arrow()
    assert len(set(series["aligned"].to_pylist())) == 7
    assert len(set(series["time"].to_pylist())) == 14
    plain = data.compare("pm25", runs="haze", bucket="1d", start="2026-03-02", end="2026-03-16").series()
    both = [sorted((row["city"], row["time"], row["value"]) for row in one.rows()) for one in (told.series(), plain)]
    assert both[0] == both[1]  # the day at which the ranges meet is read by both, and whole


def test_everything_can_be_saved_and_read_again_with_what_it_is_about(data: Data, tmp_path: Path) -> None:
    told = data.read("pm25", bucket="1d", runs="haze")
    for suffix in ("csv", "xlsx", "parquet", "arrow", "json"):
        told.save(tmp_path / f"t.{suffix}", bom=True)
    again = pq.read_table(tmp_path / "t.parquet")
    assert again["value"].to_pylist() == told.arrow()["value"].to_pylist()
    assert json.loads(again.schema.metadata[b"nakhon"])["origins"] == ["simulated"]
    assert again.schema.field("value").metadata[b"unit"].decode() == "µg/m³"
    assert (tmp_path / "t.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with pytest.raises(InputError, match=r"expected a file ending in \.json, \.csv"):
        told.save(tmp_path / "t.doc")


def test_a_league_is_the_same_in_a_notebook_and_over_http_and_never_a_number_without_its_parts(
    both: dict[str, Data], tmp_path: Path
) -> None:
    file, http = (data.league(runs="haze", end=date(2026, 3, 15)) for data in both.values())
    with urllib.request.urlopen(f"{both['http'].url}/api/v1/league?run=haze&end=2026-03-15", timeout=20) as answer:
        assert json.loads(json.dumps(file.told())) == json.loads(json.dumps(http.told())) == json.load(answer)
    assert file.arrow().equals(http.arrow())
    first, second = file.rows()
    assert (first["rank"], first["city"], second["rank"], second["city"]) == (1, "yangon", 2, "chiang-mai")
    assert first["place_low"] <= first["rank"] <= first["place_high"]
    assert first["score"] > second["score"]
    assert first["pm25"] > second["pm25"]
    parts = {(row["city"], row["indicator"]): row for row in file.parts().rows()}
    assert parts["yangon", "pm25"]["part_score"] == first["pm25"]
    assert {(row["origin"], row["unit"]) for row in parts.values() if row["value"]} == {
        ("simulated", "µg/m³"),
        ("simulated", "ppb"),
    }
    assert {row["above"] for row in file.moves().rows()} == {"Yangon, haze"}
    assert "A simulation is not a forecast." in file.notices
    file.report(tmp_path / "league.html")
    assert "Yangon" in (tmp_path / "league.html").read_text()
    mixed = both["file"].league()
    assert [row["rank"] for row in mixed.rows()] == [None] * 3
    assert "mixed" in mixed.notices[0]
    assert both["file"].league(mixed_origins=True).rows()[0]["rank"] == 1


@pytest.mark.parametrize(
    ("ask", "complaint"),
    [
        (lambda data: data.league("enviroment"), "did you mean environment"),
        (lambda data: data.read("pm2.5"), "pm25"),
        (lambda data: data.read("pm25", runs="hase"), "did you mean haze"),
        (lambda data: data.read("pm25", cities=["yangon", "chiangmai"]), "did you mean chiang-mai"),
        (lambda data: data.read("pm25", stations="mas", bucket="1d"), "did you mean mast"),
        (lambda data: data.read("pm25", start="2026-03-02", end="2026-03-01"), "start before end"),
        (lambda data: data.read("pm25", start="1800-01-01"), "from 1900 to 2199, came '1800-01-01'"),
        (lambda data: data.latest("nope"), "no run 'nope'"),
        (lambda data: data.compare("pm25", cities="chiangmai"), "did you mean chiang-mai"),
        (lambda data: data.compare("pm25", per="person"), "per='capita'"),
        (lambda data: data.compare("pm25", bucket="1 fortnight"), "such as 30min"),
        (lambda data: data.compare("pm25", start="2026-03-01T00:00:00Z"), "without an offset"),
        (lambda data: data.compare("pm25", against="2026-02-01"), "a start and an end"),
        (lambda data: data.compare("pm25", start="2026-03-09", end="2026-03-10", against="2026-03-01", bucket="7d"),
         "before the end of the first bucket"),
        (lambda data: data.compare("pm25", start="2026-03-09", end="2026-03-16", against="2026-03-01", bucket="7d"),
         "begin whole buckets"),
        (lambda data: data.compare("pm25", least_coverage=75), "from 0 to 1"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_what_does(data: Data, ask: object, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        ask(data)  # type: ignore[operator]


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - on a clock
def test_a_time_means_the_same_however_it_is_written(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    told = asked.clock(moment.isoformat())
    assert told == asked.clock(moment) == int(moment.replace(tzinfo=ZULU).timestamp()) == asked.instant(moment)
    assert told == asked.clock(np.datetime64(moment)) == asked.instant(np.datetime64(moment, "ns"))
    assert asked.instant(moment.isoformat() + "+07:00") == told - 7 * 3600


@given(st.integers(1, 10_000))
def test_a_length_means_the_same_however_it_is_written(hours: int) -> None:
    told = {asked.length(f"{hours}h"), asked.length(timedelta(hours=hours)), asked.length(3600 * hours)}
    assert told == {asked.length(f"{hours * 60}min")} == {3600 * hours}


def test_what_does_not_grow_with_a_city_is_not_divided_by_it(both: dict[str, Data]) -> None:
    told = both["file"].compare("pm25", runs="haze", per="area")
    assert any("Not shown per km²: it does not grow with the size of a city." in notice for notice in told.notices)
    assert np.isfinite([row["mean"] for row in told.rows()]).all()


def test_when_all_buckets_are_sparse_it_is_said_how_to_see_them(both: dict[str, Data]) -> None:
    with pytest.raises(InputError, match="all have less than 75 % of their readings"):
        both["file"].compare("pm25", cities="yangon", start="2026-03-06", end="2026-03-07", bucket="1d", utc=True)
