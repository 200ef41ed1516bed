"""`nakhon validate` from end to end: series written from the same model are inside, those of another are not."""

import csv
import json
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import commands
import numpy as np
import pytest

from collector.language.errors import InputError
from nakhon.validating.validate import Outputs, validate
from simulator.run import Simulation
from simulator.scenario import Scenario, StationCounts
from simulator.validation.ensemble import Ensemble, simulated, validated
from simulator.validation.mapping import parse_map
from simulator.validation.pages import Directory
from simulator.validation.reading import read_measured
from simulator.validation.worlds import worlds_of

START, DAYS = 1_704_042_000, 366  # 2024 in Bangkok
SPREAD = 'year_spread.{0} = {{ sd = {1}, source = "made up" }}\n'
COMMON = 'time = "time"\nsource = "this test"\nlicence = "free"\n'
ENSEMBLE = Ensemble(replications=30, seed=7, workers=1)


def entry(name: str, city: str, indicator: str, interval: str, more: str = "") -> str:
    return (
        f'[[series]]\nname = "{name}"\ncity = "{city}"\nindicator = "{indicator}"\nfiles = "{city}-*.csv"\n{COMMON}'
        f'interval = "{interval}"\ncolumns = ["{indicator}"]\n{more}\n'
    )


HAZE = "".join(SPREAD.format(*one) for one in (("quantiles", 0.35), ("day_factors", 0.05), ("residual_sd", 0.1)))
WARMTH = SPREAD.format("month_means", 0.03) + SPREAD.format("daily_range", 0.08)
WIND = SPREAD.format("mean", 0.15) + SPREAD.format("day_factors", 0.05)
MAPPING = (
    entry("haze", "bangkok", "pm25", "1h", HAZE)
    + entry("warmth", "bangkok", "air_temperature", "1h", WARMTH)
    + entry("wind", "rayong", "wind_speed", "1h", WIND)
    + entry("haze in Rayong", "rayong", "pm25", "1h", HAZE)
    + '[[pair]]\nseries = ["haze", "haze in Rayong"]\n'
)


def scenario(cities: tuple[str, ...], counts: dict[str, int], days: int, seed: int) -> Scenario:
    stations = StationCounts(**(dict.fromkeys(StationCounts.__slots__, 0) | counts))
    return Scenario("test", "", "", START, START + days * 86_400, 3600, seed, cities, dict.fromkeys(cities, stations))


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A year of two cities, as the model has it with another seed."""
    folder = tmp_path_factory.mktemp("series")
    made = scenario(("bangkok", "rayong"), {"air_quality": 1, "weather": 1}, DAYS, seed=12)
    for block in Simulation(made, 0).advance(made.end):
        columns = {name: row[0] for group in block.groups for name, row in group.observed.items()}
        write(folder / f"{block.city}-2024.csv", columns, lambda value: f"{value:g}")
    return folder


def write(path: Path, columns: dict[str, np.ndarray], form) -> None:  # type: ignore[no-untyped-def, type-arg]
    clock = [datetime(2024, 1, 1) + timedelta(hours=hour) for hour in range(DAYS * 24)]  # noqa: DTZ001
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["time", *columns])
        table.writerows(
            [time.isoformat(" "), *("" if np.isnan(value) else form(value) for value in values)]
            for time, *values in zip(clock, *columns.values(), strict=True)
        )


@pytest.fixture(scope="module")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mapping") / "map.toml"
    path.write_text(MAPPING)
    return path


@pytest.fixture(scope="module")
def judged(series: Path, mapping: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    out = tmp_path_factory.mktemp("out") / "rows.json"
    validate(series, mapping, ENSEMBLE, "*", Outputs(as_json=False, out=out))
    return json.loads(out.read_text("utf-8"))


def test_series_of_the_same_model_are_inside(judged: dict[str, object]) -> None:
    rows, summary = judged["rows"], judged["summary"]
    assert isinstance(rows, list)
    assert isinstance(summary, dict)
    outside = [(row["name"], row["why"]) for row in rows if not row["inside"]]
    assert len(rows) > 60
    assert summary["share"] >= 0.8, outside
    share = 1 - len(outside) / len(rows)
    unknown = sum(row["inside"] and row["spread"] is None for row in rows)
    assert summary == {"rows": len(rows), "inside": len(rows) - len(outside), "share": share, "spread_unknown": unknown}
    assert judged["skipped"] == []
    assert {"directory", "mapping", "replications", "seed", "version"} <= set(judged)
    keys = {"name", "observed", "low", "median", "high", "inside", "unit", "width", "spread", "spread_from", "why"}
    assert all(set(row) == keys for row in rows)
    assert "haze and haze in Rayong: correlation of residuals" in {row["name"] for row in rows}


def test_series_of_another_model_are_outside(series: Path, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(entry("haze", "bangkok", "pm25", "1h", f"scale = 3\n{SPREAD.format('quantiles', 0.35)}"))
    out = tmp_path / "rows.json"
    few = Ensemble(replications=8, seed=7)
    assert not validate(series, path, few, "haze: quantile*", Outputs(out=out))
    rows = json.loads(out.read_text("utf-8"))["rows"]
    assert len(rows) == 5
    assert sum(row["inside"] for row in rows) <= 1
    assert "observed above the band" in rows[2]["why"]


def test_workers_change_nothing_and_every_step_is_told(series: Path) -> None:
    found = parse_map(entry("warmth", "bangkok", "air_temperature", "1h"), "m")
    measured, _ = read_measured(Directory(series), found, {})
    told: list[tuple[int, int]] = []
    alone = validated(measured, Ensemble(3, 1, 1), lambda _: True, lambda done, of: told.append((done, of)))
    shared = validated(measured, Ensemble(3, 1, 2), lambda _: True, lambda _done, _of: None)
    assert alone == shared
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_simulated_series_has_the_gaps_and_the_hours_of_the_measured_one(series: Path, tmp_path: Path) -> None:
    lines = (series / "bangkok-2024.csv").read_text().splitlines()
    (tmp_path / "bangkok-1.csv").write_text("\n".join([lines[0], *lines[1:1000], *lines[1500:3000]]) + "\n")
    measured, _ = read_measured(Directory(tmp_path), parse_map(entry("h", "bangkok", "pm25", "1h"), "m"), {})
    (world,) = worlds_of(measured)
    records, missing = simulated(world, 12, 0)  # the seed the series was written with: the same luck
    assert missing == {}
    there = np.isfinite(measured[0].record.values)  # type: ignore[union-attr]
    same = records["h"].values  # type: ignore[union-attr]
    assert np.isnan(same[~there]).all()
    assert np.isfinite(same[there]).all()
    assert same[there] == pytest.approx(measured[0].record.values[there])  # type: ignore[union-attr]


def test_zeros_and_bounds_are_missing_on_both_sides(series: Path) -> None:
    text = entry("w", "bangkok", "rain", "1h", "zero_is_missing = true\nmost = 9\nstatistics = ['mean']")
    measured, _ = read_measured(Directory(series), parse_map(text, "m"), {})
    (world,) = worlds_of(measured)
    records, _ = simulated(world, 12, 0)
    values = records["w"].values  # type: ignore[union-attr]
    known = values[np.isfinite(values)]
    assert len(known) > 10
    assert ((known > 0) & (known <= 9)).all()
    other, _ = simulated(world, 99, 0)  # other luck: what is simulated decides too
    values = other["w"].values  # type: ignore[union-attr]
    assert np.nanmin(values) > 0
    assert np.nanmax(values) <= 9


def test_rain_of_a_day_is_its_depth_and_the_range_that_of_its_hours(series: Path, tmp_path: Path) -> None:
    rows = np.genfromtxt(series / "bangkok-2024.csv", delimiter=",", names=True, usecols=("rain", "air_temperature"))
    warmth = np.array(rows["air_temperature"]).reshape(DAYS, 24)
    depth = np.append(rows["rain"][1:], np.nan).reshape(DAYS, 24)  # a tick tells of the hour that ends with it
    with (tmp_path / "bangkok-d.csv").open("w") as file:
        file.write("time,rain,air_temperature,top,bottom\n")
        for day in range(DAYS):
            date = np.datetime64("2024-01-01") + day
            warm = warmth[day]
            cells = [np.nanmean(depth[day]) * 24, warm.mean(), warm.max(), warm.min()]
            file.write(f"{date},{','.join(map(str, cells))}\n")
    extremes = 'maximum = "top"\nminimum = "bottom"'
    both = entry("r", "bangkok", "rain", "1d") + entry("t", "bangkok", "air_temperature", "1d", extremes)
    measured, _ = read_measured(Directory(tmp_path), parse_map(both, "m"), {})
    (world,) = worlds_of(measured)
    records, _ = simulated(world, 12, 0)
    for one in measured:
        for column in ("values",) if one.name == "r" else ("values", "maximum", "minimum"):
            expected, came = getattr(one.record, column), getattr(records[one.name], column)
            there = np.isfinite(expected)
            assert came[there] == pytest.approx(expected[there], abs=1e-5)


def test_requests_of_the_same_model_are_inside(tmp_path: Path) -> None:
    made = scenario(("bangkok",), {"service_desk": 1}, 120, seed=4243)
    (block,) = Simulation(made, 0).advance(made.end)
    zone = ZoneInfo("Asia/Bangkok")
    opened, closed, kinds = dict[str, str](), dict[str, str](), dict[str, str]()
    for _, event in block.events:
        moment = event.time.astype("datetime64[s]").tolist().replace(tzinfo=ZoneInfo("UTC"))
        clock, request = moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"), str(event.fields.get("request"))
        if event.type == "service_request.opened":
            opened[request], kinds[request] = clock, str(event.fields["category"])
        elif event.type == "service_request.closed":
            closed[request] = clock
    with (tmp_path / "tickets.csv").open("w") as file:
        file.write("opened,closed,class\n")
        for request, clock in opened.items():
            file.write(f"{clock},{closed.get(request, '')},{kinds[request]}\n")
    classes = "".join(f'"{kind}" = "{kind}"\n' for kind in set(kinds.values()))
    text = (
        '[[tickets]]\nname = "desk"\ncity = "bangkok"\nfiles = "tickets.csv"\nopened = "opened"\nclosed = "closed"\n'
        f'class = "class"\nsource = "this test"\nlicence = "free"\n[tickets.classes]\n{classes}'
    )
    measured, skipped = read_measured(Directory(tmp_path), parse_map(text, "m"), {})
    rows, unable = validated(measured, Ensemble(12, 7, 1), lambda _: True, lambda _done, _of: None)
    assert skipped == unable == []
    assert any(row.name.startswith("desk: median of ") for row in rows)
    inside_band = [row for row in rows if row.low is not None and row.low <= row.observed <= (row.high or 0.0)]
    assert len(inside_band) >= 0.7 * len(rows), [(row.name, row.why) for row in rows if row not in inside_band]


def test_what_the_simulator_does_not_have_is_skipped_with_the_reason(series: Path) -> None:
    text = entry("x", "bangkok", "pm25", "1h", 'station_kind = "feeder"') + entry("y", "bangkok", "pm25", "1h")
    measured, _ = read_measured(Directory(series), parse_map(text, "m"), {})
    rows, unable = validated(measured, Ensemble(2, 7, 1), lambda name: "quantile" in name, lambda _done, _of: None)
    assert [(one.name, one.why) for one in unable] == [("x", "pm25 is not simulated in bangkok")]
    assert {row.name.split(": ")[0] for row in rows} == {"y"}


def test_years_far_apart_are_simulated_one_by_one(tmp_path: Path) -> None:
    rows = [f"{np.datetime64(f'{year}-01-01') + day},{day % 7}\n" for year in (1984, 1986, 1988) for day in range(365)]
    (tmp_path / "singapore-1.csv").write_text("time,rain\n" + "".join(rows))
    measured, _ = read_measured(Directory(tmp_path), parse_map(entry("r", "singapore", "rain", "1d"), "m"), {})
    (world,) = worlds_of(measured)
    assert [(end - start) // 86_400 for start, end in world.segments] == [365, 365, 365]
    records, _ = simulated(world, 7, 0)
    values = records["r"].values  # type: ignore[union-attr]
    first, second = values[:365], values[2 * 365 + 1 : 3 * 365 + 1]
    assert np.isfinite(first).mean() > 0.8
    assert abs(np.corrcoef(*(np.nan_to_num(year) for year in (first, second)))[0, 1]) < 0.3  # luck of their own


def nakhon(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return commands.nakhon("validate", *arguments, folder=folder)


def test_the_command_answers_with_json_and_a_code(
    series: Path, mapping: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only = "warmth: mean of *"
    wide = ("--map", str(mapping), "--replications", "4", "--workers", "1", "--only", only)
    done = nakhon(str(series), *wide, "--json", "--out", "rows.json", folder=tmp_path)
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["summary"]["share"] == 1 else 1), done.stderr
    assert {row["name"] for row in told["rows"]} >= {"warmth: mean of January", "warmth: mean of December"}
    assert json.loads((tmp_path / "rows.json").read_text("utf-8")) == told
    assert validate(series, mapping, Ensemble(4, 7, 1), only, Outputs()) == (done.returncode == 0)
    shown = capsys.readouterr().out
    assert f"{told['summary']['inside']} of 12 rows inside" in shown
    assert "this test" in shown


def test_bad_input_is_exit_code_2(tmp_path: Path) -> None:
    done = nakhon("nowhere", folder=tmp_path)
    assert done.returncode == 2
    assert "expected a directory of series, came nowhere" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("mapping", "only", "out", "complaint"),
    [
        ("none.toml", "*", None, "none.toml: No such file"),
        (None, "*", None, "could be judged\n  skipped Bangkok PM2.5: no file pcd_pm25_daily_"),
        (None, "*", "none/rows.json", "there is no folder"),
        (None, "Atlantis*", "rows.json", "no row is named 'Atlantis*'"),
    ],
)
def test_what_cannot_be_done_is_explained_and_nothing_is_written(
    tmp_path: Path, mapping: str | None, only: str, out: str | None, complaint: str
) -> None:
    outputs = Outputs(out=None if out is None else tmp_path / out)
    with pytest.raises(InputError) as raised:
        validate(tmp_path, None if mapping is None else tmp_path / mapping, Ensemble(2, 7, 1), only, outputs)
    assert complaint in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_fires_that_were_counted_drive_the_haze(tmp_path: Path) -> None:
    """PM2.5 made from a season of fires follows those fires, and not those of another season."""
    days = [str(np.datetime64("2024-01-01") + day) for day in range(150)]
    seasons = {"mild": 5.0, "severe": 900.0}
    for name, most in seasons.items():
        burning = [most * np.exp(-(((day - 90) / 20) ** 2)) for day in range(150)]
        lines = [f"{day},{count:.0f}" for day, count in zip(days, burning, strict=True)]
        (tmp_path / f"fires-{name}.csv").write_text("time,count\n" + "\n".join(lines) + "\n")
    counted = {19723 + day: 900.0 * np.exp(-(((day - 90) / 20) ** 2)) for day in range(150)}
    made = scenario(("chiang-mai",), {"air_quality": 2}, 150, seed=99)
    (block,) = Simulation(made, 0, {"north-thailand": counted}).advance(made.end)
    daily = block.groups[0].truth["pm25"].mean(axis=0).reshape(150, 24).mean(axis=1)
    (tmp_path / "haze.csv").write_text(
        "time,pm25\n" + "\n".join(f"{day},{value:.2f}" for day, value in zip(days, daily, strict=True)) + "\n"
    )
    rows = {}
    for name in seasons:
        text = (
            f'[[series]]\nname = "haze"\ncity = "chiang-mai"\nindicator = "pm25"\nfiles = "haze.csv"\n{COMMON}'
            'interval = "1d"\ncolumns = ["pm25"]\n'
            f'[[series]]\nname = "fires"\ncity = "chiang-mai"\nindicator = "fire_hotspots"\nsum = true\n{COMMON}'
            f'files = "fires-{name}.csv"\ninterval = "1d"\ncolumns = ["count"]\n'
            '[[driven]]\nseries = "haze"\nfires = "fires"\n'
        )
        (tmp_path / "map.toml").write_text(text)
        out = tmp_path / "rows.json"
        validate(tmp_path, tmp_path / "map.toml", Ensemble(12, 7, 1), "haze driven*", Outputs(out=out))
        found = json.loads(out.read_text("utf-8"))["rows"]
        rows[name] = {row["name"].split(": ")[1]: row for row in found}
    assert set(rows["mild"]) == {"R² of the median", "mean absolute error", "days over 37.5", "days over 75"}
    assert rows["severe"]["R² of the median"]["observed"] > 0.6
    assert rows["severe"]["R² of the median"]["inside"]
    assert rows["severe"]["days over 37.5"]["inside"]
    assert rows["mild"]["R² of the median"]["observed"] < 0
    assert not rows["mild"]["days over 37.5"]["inside"]
