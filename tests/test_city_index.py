"""Indices of cities from a store, with every part: against figures worked out here by other means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from comparisons import CHIANG_MAI, MEASURED, table_of
from typer.testing import CliRunner

import collector
from collector.analysis.data import Data
from collector.comparing.air_index import air_by_day
from collector.comparing.compare import compare_table
from collector.comparing.comparison import Request
from collector.comparing.index_rows import IndexName, IndexRequest
from collector.language.errors import InputError
from collector.language.indicators import Origin
from collector.language.messages import Event, Message, Readings
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.topics import Address, CityAddress
from collector.stores import open_store
from collector.stores.protocol import Accepted, Batch, Fate
from nakhon.cli import app
from tests.reference import indices as reference

HOUR, DAY = 3600, 86_400
START = 1_714_521_600  # 2024-05-01T00:00:00Z: the table of PM2.5 changes on the sixth day
HOURS = 24 * 9
ZONES = {"rayong": ("Asia/Bangkok", 7 * HOUR), "yangon": ("Asia/Yangon", 6 * HOUR + 1800)}
AIR = ("pm25", "pm10", "no2", "o3")
OTHER = {"air_temperature": 33.0, "relative_humidity": 60.0, "travel_time_index": 1.8}
ENDS = {
    "pm10": (1, ((54, 50), (154, 100), (254, 150))),
    "no2": (1, ((53, 50), (100, 100), (360, 150))),
    "o3": (1, ((54, 50), (70, 100), (85, 150), (105, 200), (200, 300))),
}
PM25 = {  # from the day on, in tenths: the last one is the rule of 2012
    "2024-05-06": (Fraction(1, 10), ((90, 50), (354, 100), (554, 150), (1254, 200))),
    "": (Fraction(1, 10), ((120, 50), (354, 100), (554, 150), (1504, 200))),
}
OPENED = (0, 1, 20, 60, 78, 79)  # hours; the run is last heard at hour 80, and 24 h are agreed
RESOLVED = ((0, 5.0), (1, 30.0), (78, 1.0))


def hourly() -> dict[str, dict[str, np.ndarray]]:
    """Values by city and indicator, NaN where an hour is missing: a fifth at random, and no PM2.5 in Yangon."""
    rng = np.random.default_rng(7)
    told: dict[str, dict[str, np.ndarray]] = {}
    for city in ZONES:
        levels = {"pm25": 30.0, "pm10": 60.0, "no2": 60.0, "o3": 70.0} | OTHER
        told[city] = {name: level * rng.uniform(0.6, 1.2, HOURS) for name, level in levels.items()}
        for values in told[city].values():
            values[1:-1][rng.random(HOURS - 2) < 0.2] = np.nan
    told["yangon"]["pm25"][:] = np.nan
    return told


def batch(told: dict[str, dict[str, np.ndarray]]) -> Batch:
    births: list[tuple[Address | CityAddress, Status]] = []
    accepted: list[Accepted] = []

    def say(run: str, city: str, start: int, columns: dict[str, np.ndarray], origin: Origin) -> None:
        profile = CityProfile(city, city.title(), "TH", 12.7, 101.3, ZONES[city][0])
        status = Status(True, "s1", profile, origin)
        mast = StationProfile("mast", city, "environment", "air", "Mast", HOUR, tuple(columns), 12.7, 101.3)
        address = Address(run, city, "environment", "mast")
        births.extend([(CityAddress(run, city), status), (address, status.for_station(mast))])
        for values in columns.values():
            at = np.flatnonzero(np.isfinite(values))
            name = next(key for key, held in columns.items() if held is values)
            body = Readings((start + HOUR * at).astype("datetime64[s]"), {name: values[at]})
            accepted.append(Accepted(Message(address, "s1", len(accepted), body), len(accepted), float(START)))

    for city, columns in told.items():
        say("may", city, START, columns, Origin.SIMULATED)
    example = np.array(reference.NOWCAST[0][0][::-1], np.float64)
    say("epa", "rayong", START - 90 * DAY, {"pm25": example}, Origin.MEASURED)
    say("desk", "rayong", START, {"pm10": np.full(81, 40.0)}, Origin.SIMULATED)
    desk = Address("desk", "rayong", "governance", "desk")
    events = [Event(moment(at), f"o{at}", "service_request.opened", {"service_requests": 1.0}) for at in OPENED]
    events += [Event(moment(at + took), f"c{at}", "service_request.closed", {"resolution_time": took})
               for at, took in RESOLVED]  # fmt: skip
    accepted += [Accepted(Message(desk, "s1", at, body), 900 + at, float(START)) for at, body in enumerate(events)]
    return Batch(accepted=accepted, births=births, counts={(run, Fate.STORED): 9 for run in ("may", "epa", "desk")})


def moment(hours: float) -> np.datetime64:
    return np.datetime64(START + round(HOUR * hours), "s")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    store = open_store(f"duckdb://{folder}/city.duckdb")
    store.write(batch(hourly()))
    store.close()
    return folder


@pytest.fixture(scope="module")
def data(folder: Path) -> Iterator[Data]:
    with collector.open_store(f"duckdb://{folder}/city.duckdb") as opened:
        yield opened


def test_every_pollutant_of_every_day_is_what_its_hours_make_it_and_the_highest_leads(data: Data) -> None:
    table = data.index("aqi-us-epa", runs="may")
    found = {(row["city"], row["time"], row["part"]): row for row in table.rows()}
    told, without = hourly(), 0
    for city, (_, ahead) in ZONES.items():
        local = (START + HOUR * np.arange(HOURS) + ahead) // HOUR  # whole hours on the clock of the city
        for day in range(int(local[0]) // 24, int(local[-1]) // 24 + 1):
            date = str(np.datetime64(day, "D"))
            best = {}
            for name in AIR:
                mean, hours = expected_mean(name, local, told[city][name], day)
                row = found[city, date, name]
                assert row["hours"] == hours
                assert row["value"] == (None if mean is None else pytest.approx(mean)), (city, date, name)
                best[name] = None if mean is None else expected_index(name, date, mean)
                assert row["aqi"] == best[name]
                assert (row["note"] is None) == (mean is not None)
            whole, known = found[city, date, "overall"], {name: one for name, one in best.items() if one is not None}
            without += not known
            assert whole["aqi"] == max(known.values(), default=None)
            assert not known or known[whole["leads"].split(", ")[0]] == whole["aqi"]
            assert whole["lacking"] == (", ".join(name for name in AIR if name not in known) or None)
    assert without  # the first and the last day are known in part
    assert {row["valid_from"] for row in table.rows() if row["part"] == "pm25"} == {"2013-03-18", "2024-05-06"}
    assert "Yangon, may: no values of pm25." in table.notices
    assert any("Without so2 and co" in notice for notice in table.notices)


def expected_mean(name: str, local: np.ndarray, values: np.ndarray, day: int) -> tuple[float | None, int]:
    known = {hour: value for hour, value in zip(local.tolist(), values.tolist(), strict=True) if value == value}
    here = [known[hour] for hour in range(24 * day, 24 * day + 24) if hour in known]
    if len(here) < 18:
        return None, len(here)
    if name == "o3":
        windows = [[known[h] for h in range(hour, hour + 8) if h in known] for hour in range(24 * day, 24 * day + 24)]
        means = [sum(one) / len(one) for one in windows if len(one) >= 6]
        return (max(means) if len(means) >= 18 else None), len(here)
    return (max(here) if name == "no2" else sum(here) / len(here)), len(here)


def expected_index(name: str, date: str, mean: float) -> int:
    step, ends = ENDS[name] if name in ENDS else PM25["2024-05-06" if date >= "2024-05-06" else ""]
    whole = int(Fraction(round(mean, 9)).limit_denominator(10**9) / step)
    low, low_index = 0, 0
    for end, index in ends:
        if whole <= end:
            return int(low_index + Fraction((index - low_index) * (whole - low), end - low) + Fraction(1, 2))
        low, low_index = end + 1, index + 1
    raise AssertionError(f"no band of {name} for {mean}")


def test_values_of_unlike_origin_are_never_put_into_one_index() -> None:
    request = Request(("pm25", "o3"), local=False)
    said = [table_of(CHIANG_MAI, np.full(24, 30.0)), table_of(MEASURED, np.full(24, 60.0), "o3")]
    one_run = said[1].set_column(0, "run", pa.array(["base"] * 24))
    comparison = compare_table(request, [CHIANG_MAI], pa.concat_tables([said[0], one_run]))
    rows = air_by_day(comparison, IndexRequest(IndexName.AQI_US_EPA))[0].to_pylist()
    whole = {row["origin"]: (row["aqi"], row["leads"], row["lacking"]) for row in rows if row["part"] == "overall"}
    assert whole == {"simulated": (90, "pm25", "o3"), "measured": (67, "o3", "pm25")}


def test_a_day_asked_for_alone_is_the_same_as_among_others(data: Data) -> None:
    every = [row for row in data.index("aqi-us-epa", runs="may").rows() if row["time"] == "2024-05-04"]
    assert data.index("aqi-us-epa", runs="may", start="2024-05-04", end="2024-05-05").rows() == every
    hour = "2024-05-04 05:00"
    hours = [row for row in data.index("nowcast", runs="may").rows() if row["time"] == hour]
    assert data.index("nowcast", runs="may", start=hour, end="2024-05-04 06:00").rows() == hours
    assert hours[0]["hours"] > 3


def test_the_worked_nowcast_of_the_epa_comes_out_of_a_store_with_its_index(data: Data) -> None:
    table = data.index("nowcast", runs="epa")
    assert len(table) == 36
    assert table.rows() == [
        row for row in data.index("nowcast").rows() if row["run"] == "epa"
    ]  # months before the rest
    last = {row["part"]: row for row in table.rows()[-3:]}
    assert last["pm25"]["value"] == pytest.approx(17.413919, rel=1e-6)
    assert (last["pm25"]["aqi"], last["pm25"]["hours"], last["pm25"]["unit"]) == (62, 12, "µg/m³")
    assert (last["overall"]["aqi"], last["overall"]["leads"], last["overall"]["lacking"]) == (62, "pm25", "pm10")
    assert {row["origin"] for row in table.rows()} == {"measured"} == set(table.about["origins"])
    assert table.rows()[0]["note"] == "1 of 12 hours, two of the last three needed"


def test_heat_and_travel_are_told_with_their_parts(data: Data) -> None:
    told = hourly()["rayong"]
    parts: dict[str, list[Any]] = {}
    for row in data.index("heat-index", cities="rayong", runs="may").rows():
        parts.setdefault(row["part"], []).append(np.nan if row["value"] is None else row["value"])
        if row["part"] == "heat_index":
            lacking = [name for name in ("air_temperature", "relative_humidity") if np.isnan(parts[name][-1])]
            assert row["note"] == (f"no {' and no '.join(lacking)}" if lacking else None)
    np.testing.assert_allclose(parts["air_temperature"], told["air_temperature"])
    np.testing.assert_allclose(parts["relative_humidity"], told["relative_humidity"])
    assert (np.isnan(parts["heat_index"]) == np.isnan(told["air_temperature"] + told["relative_humidity"])).all()
    travel = {row["part"]: row for row in data.index("travel-reliability", cities="rayong", runs="may").rows()}
    times = told["travel_time_index"][np.isfinite(told["travel_time_index"])]
    assert travel["mean"]["value"] == pytest.approx(times.mean())
    assert travel["planning"]["value"] == travel["p95"]["value"] == pytest.approx(np.percentile(times, 95))
    assert travel["buffer"]["value"] == pytest.approx(np.percentile(times, 95) / times.mean() - 1)
    assert (travel["mean"]["hours"], travel["mean"]["of"]) == (len(times), HOURS)


def test_a_service_level_counts_what_is_open_and_over_its_time_as_late(data: Data) -> None:
    rows = {row["part"]: row for row in data.index("service-level", runs="desk", agreed=24).rows()}
    # in time: 0 and 78; late: 1, and 20, which is open for 60 hours; open and in time: 60 and 79
    assert [rows[part]["value"] for part in ("within", "late", "undecided")] == [2, 2, 2]
    assert (rows["share"]["value"], rows["share"]["agreed"], rows["within"]["unit"]) == (0.5, 24, "requests")
    assert 0 < rows["share"]["low"] < 0.5 < rows["share"]["high"] < 1
    first = data.index("service-level", runs="desk", agreed=24, end="2024-05-01T09:00").rows()
    assert [row["value"] for row in first][1:] == [1, 1, 0]


@pytest.mark.parametrize(
    ("name", "more", "told"),
    [
        ("aqi-th-pcd", {}, "did you mean aqi-thai-pcd"),
        ("aqi-us-epa", {"start": "2024-05-02T06:00"}, "of local days"),
        ("aqi-us-epa", {"start": "1998-01-01", "end": "1999-01-01"}, "no values of pm25, pm10, no2, o3"),
        ("aqi-us-epa", {"start": "2024-05-04", "end": "2024-05-03"}, "a start before the end"),
        ("heat-index", {"runs": "epa"}, "no values of air_temperature, relative_humidity"),
        ("heat-index", {"cities": "rayon"}, "did you mean rayong"),
        ("heat-index", {"agreed": 5}, "leave it out for heat-index"),
        ("service-level", {}, "needs the agreed time in hours"),
        ("service-level", {"agreed": float("nan")}, "needs the agreed time in hours"),
    ],
)
def test_a_question_without_sense_or_data_is_answered_with_what_was_expected(
    data: Data, name: str, more: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        data.index(name, **more)


@pytest.fixture
def old(tmp_path: Path) -> str:
    """Two days and an hour by the clock of Rayong, the last of September 2018 and the first of October."""
    url = f"duckdb://{tmp_path}/old.duckdb"
    store = open_store(url)
    first = np.datetime64("2018-09-29T17:00", "s").astype(np.int64)
    columns = {"pm25": np.full(49, 30.0), "air_temperature": np.full(49, 34.0), "relative_humidity": np.full(49, 65.0)}
    body = Readings((first + HOUR * np.arange(49)).astype("datetime64[s]"), columns)
    profile = CityProfile("rayong", "Rayong", "TH", 12.7, 101.3, "Asia/Bangkok")
    births = [(CityAddress("old", "rayong"), Status(True, "s1", profile, Origin.MEASURED))]
    message = Message(Address("old", "rayong", "environment", "mast"), "s1", 0, body)
    store.write(Batch((Accepted(message, 0, 0.0),), (), births, {("old", Fate.STORED): 1}))
    store.close()
    return url


def test_days_older_than_the_first_table_have_no_index_and_say_so(old: str) -> None:
    with collector.open_store(old) as data:
        told = {row["time"]: row for row in data.index("aqi-thai-pcd").rows() if row["part"] == "pm25"}
        assert (told["2018-09-30"]["aqi"], told["2018-09-30"]["note"]) == (None, "no table before 2018-10-01")
        assert (told["2018-10-01"]["aqi"], told["2018-10-01"]["valid_from"]) == (35, "2018-10-01")
        assert {row["aqi"] for row in data.index("aqi-us-epa", end="2018-10-02").rows()} == {None, 89}
        with pytest.raises(InputError, match="no table of aqi-thai-pcd is known before 2018-10-01"):
            data.index("aqi-thai-pcd", end="2018-10-01")


def test_the_command_prints_writes_and_says_when_there_is_too_little(old: str, tmp_path: Path) -> None:
    def command(*more: str) -> Any:
        return CliRunner().invoke(app, ["index", "--store", old, *more], env={"COLUMNS": "300"})

    done = command("--name", "aqi-us-epa", "--out", str(tmp_path / "aqi.csv"))
    assert done.exit_code == 0, done.output
    assert "89 Moderate: pm25" in done.output
    assert "run: old; origin: measured" in done.output
    assert (tmp_path / "aqi.csv").read_text().startswith('"index","city","city_name","run"')
    told = json.loads(command("--name", "heat-index", "--json").stdout)
    assert told["columns"]["unit"][:3] == ["°C", "%", "°C"]
    assert told["about"]["indicators"]["air_temperature"]["unit"] == "°C"
    few = command("--name", "aqi-us-epa", "--start", "2018-10-02")
    assert (few.exit_code, "1 of 24 hours, 18 needed" in few.output) == (1, True)
