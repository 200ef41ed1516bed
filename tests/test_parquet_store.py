"""Results of an experiment, as arrays and as a store: what was written is what is read."""

import json
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pyarrow.parquet as pq
import pytest
from experiments import digests, files, made
from typer.testing import CliRunner

from collector.analysis.data import Data
from collector.answers.paired import paired_difference
from collector.answers.totals import Kind, Statistic
from collector.language.errors import InputError, StoreError
from collector.serving.access import Tokens
from collector.stores import open_store
from collector.stores.parquet.buckets import _rollup
from collector.stores.parquet.files import SCHEMA, Run, read_plan
from collector.stores.parquet.store import _pillar
from collector.stores.protocol import Batch, Selection, Store
from nakhon.cli import app
from nakhon.experimenting.plan import Experiment
from nakhon.experimenting.reading import results
from nakhon.experimenting.status import status
from nakhon.show import showing
from simulator.experiment import gathered

DAY = 86_400
MORE = """
[design]
kind = "one-at-a-time"
percent = 20
[[design.factors]]
path = "assumptions.burning_severity"
[[targets]]
indicator = "pm25"
city = "chiang-mai"
statistic = "mean"
at_most = 40
source = "an example"
[stop]
indicator = "pm25"
city = "chiang-mai"
statistic = "mean"
half_width = 1
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("experiment")
    made(files(folder, more=MORE, days=16), folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def plan(directory: Path) -> Experiment:
    from nakhon.experimenting.experiment_file import load_experiment

    return load_experiment(directory.parent / "fires.toml")


@pytest.fixture
def store(directory: Path) -> Store:
    return open_store(f"parquet://{directory}", read_only=True)


def test_a_file_holds_what_was_gathered_sorted_and_names_its_scenario(directory: Path, plan: Experiment) -> None:
    path = Run(directory, "half", 1).values
    table = pq.read_table(path)
    kept = [(one.name, one.type) for one in SCHEMA if one.name != "time"]
    assert [(one.name, one.type) for one in table.schema if one.name != "time"] == kept
    assert str(table.schema.field("time").type) == "timestamp[ms]"
    about = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert about["digest"] == plan.variants[1].scenario.digest and about["replication"] == "1"
    rows = list(zip(*(table[name].to_pylist() for name in ("city", "indicator", "time")), strict=True))
    assert rows == sorted(rows) and len(set(rows)) == len(rows)
    for one in gathered(plan.variants[1].scenario, 1, ()):
        mine = [place for place, row in enumerate(rows) if row[:2] == (one.city, one.indicator)]
        there = np.isfinite(one.values)
        assert np.array_equal(table["value"].to_numpy()[mine], one.values[there])
        assert np.array_equal(table["n"].to_numpy()[mine], one.n[there])


def test_results_are_arrays_of_variants_replications_and_times(directory: Path, plan: Experiment) -> None:
    found = results(directory)
    assert [one.name for one in found.variants] == [one.name for one in plan.variants]
    assert (found.baseline.name, found.paired, found.bucket) == ("baseline", (0, 1), DAY)
    values = found.table("pm25", "chiang-mai")
    assert values.values.shape == values.n.shape == (4, 2, 15)
    for place, variant in enumerate(plan.variants):
        (alone,) = [one for one in gathered(variant.scenario, 1, ("pm25",)) if one.city == "chiang-mai"]
        assert np.array_equal(values.values[place, 1], alone.values)
        assert np.array_equal(values.times.astype(np.int64), alone.times)
    fewer = found.outcomes("pm25", "chiang-mai", Statistic(Kind.MEAN))
    assert paired_difference(fewer[1], fewer[0]).difference.value < 0


def test_what_was_asked_comes_back_from_the_plan(directory: Path, plan: Experiment) -> None:
    found = results(directory)
    assert (found.targets, found.stop, found.costs) == (plan.targets, plan.stop, plan.costs)
    assert found.design is not None and plan.design is not None
    assert (found.design.variants, found.design.rows) == (plan.design.variants, plan.design.rows)
    assert [one.path for one in found.design.factors] == [one.path for one in plan.design.factors]
    assert found.variants[1].differences[0]["path"] == "assumptions.burning_severity"
    assert found.position("half") == 1
    with pytest.raises(InputError, match="no variant 'hulf'"):
        found.position("hulf")


def test_a_run_with_other_bytes_than_were_recorded_is_not_done(tmp_path: Path) -> None:
    made(files(tmp_path, 1), tmp_path / "out")
    run = Run(tmp_path / "out", "half", 0)
    content = run.values.read_bytes()
    run.values.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert run.is_done() and not run.is_done(thoroughly=True)
    run.values.write_bytes(content[:-1])
    assert not run.is_done()
    assert results(tmp_path / "out").paired == ()
    assert not status(tmp_path / "out")
    run.values.unlink()
    assert not run.is_done()
    run.record.write_text("{")
    assert run.told() == {} and not run.is_done()


def test_the_store_tells_runs_cities_stations_and_series(store: Store, plan: Experiment) -> None:
    runs = store.runs()
    assert [one.run for one in runs][:3] == ["baseline-0000", "baseline-0001", "half-0000"]
    assert {one.origin for one in runs} == {"simulated"}
    assert runs[2].digest == plan.variants[1].scenario.digest
    assert [city.id for city, _ in store.cities("half-0000")] == ["chiang-mai", "rayong", "yangon"]
    assert store.cities("nobody") == []
    series = store.series("half-0000")
    assert sum(series["readings"].to_pylist()) == runs[2].readings
    stations = {(one.city, one.id): one for one in store.stations("half-0000")}
    assert stations["yangon", "all-environment"].origins["pm25"] in {"measured", "derived", "assumed"}
    assert store.latest("half-0000").num_rows == series.num_rows
    assert len(set(store.series()["run"].to_pylist())) == len(runs) == 8


def test_the_store_reads_its_own_buckets_and_puts_longer_ones_together(store: Store, directory: Path) -> None:
    asked = Selection(("pm25", "service_requests", "water_level", "noise_laeq"), runs=("half-0001",), bucket=DAY)
    days = store.read(asked)
    assert days.schema.names == ["run", "city", "indicator", "origin", "time", "value", "n"]
    weeks = store.read(Selection(asked.indicators, ("chiang-mai",), asked.runs, bucket=7 * DAY)).to_pylist()
    for row in weeks:
        start = np.datetime64(row["time"], "s").astype(int)
        assert (start + 7 * 3_600 - 946_857_600) % (7 * DAY) == 0  # a Monday there
        inside = [
            (one["value"], one["n"])
            for one in days.to_pylist()
            if one["city"] == "chiang-mai" and one["indicator"] == row["indicator"]
            and start <= np.datetime64(one["time"], "s").astype(int) < start + 7 * DAY
        ]  # fmt: skip
        values, n = np.array(inside).T
        expected = {
            "pm25": (values * n).sum() / max(n.sum(), 1),
            "service_requests": values.sum(),
            "water_level": values.max(),
            "noise_laeq": 10 * np.log10((10 ** (values / 10) * n).sum() / max(n.sum(), 1)),
        }[row["indicator"]]
        assert row["value"] == pytest.approx(expected) and row["n"] == n.sum()
    raw = store.read(Selection(("pm25",), ("yangon",), ("half-0001",), start=results_start(directory)))
    assert raw.schema.names == ["run", "city", "indicator", "origin", "time", "value", "station", "quality"]
    assert raw.num_rows == 14


def results_start(directory: Path) -> int:
    """The second day of the results."""
    return int(results(directory).table("pm25", "yangon").times[1].astype(np.int64))


@pytest.mark.parametrize("selection", [{"bucket": 3_600}, {"bucket": DAY, "local": False}, {"bucket": DAY * 3 // 2}])
def test_buckets_that_would_divide_those_of_the_results_are_refused(store: Store, selection: dict[str, int]) -> None:
    with pytest.raises(InputError, match="ask for a multiple"):
        store.read(Selection(("pm25",), **selection))  # type: ignore[arg-type]


def test_of_daily_results_an_index_tells_what_is_of_days_and_refuses_hours(store: Store) -> None:
    data = Data(store)
    table = data.index("aqi-us-epa", cities="chiang-mai", runs="baseline-0000")
    told = {(row["time"], row["part"]): row for row in table.rows()}
    assert {part for _, part in told} == {"pm25", "pm10", "overall"}
    assert any("Without no2 and o3: buckets of 24 h" in notice for notice in table.notices)
    assert any("may be parts of a day" in notice for notice in table.notices)
    days = data.read("pm25", cities="chiang-mai", runs="baseline-0000", bucket="1d").rows()[1:-1]
    for day in days:
        row = told[str(day["time"].date() + timedelta(days=1)), "pm25"]  # 17:00 UTC is the midnight after
        assert (row["value"], row["hours"], row["aqi"] is not None) == (pytest.approx(day["value"]), None, True)
    for name in ("nowcast", "heat-index", "travel-reliability"):
        with pytest.raises(InputError, match=f"{name} needs buckets of 1h; .* holds 24 h"):
            data.index(name)
    with pytest.raises(InputError, match="of single requests"):
        data.index("service-level", agreed=72)


def test_nothing_is_written_and_no_directory_without_an_experiment_is_opened(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot write"):
        store.write(Batch())
    with pytest.raises(StoreError, match="cannot write"):
        open_store(f"parquet://{tmp_path}")
    with pytest.raises(InputError, match="no results of an experiment"):
        open_store(f"parquet://{tmp_path}", read_only=True)
    (tmp_path / "experiment.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match="format 1"):
        open_store(f"parquet://{tmp_path}", read_only=True)


def test_compare_and_the_api_work_on_results(directory: Path, store: Store) -> None:
    said = CliRunner().invoke(
        app,
        ["compare", "--store", f"parquet://{directory}", "--indicator", "pm25", "--bucket", "1d", "--json", "--run",
         "baseline-0000", "--run", "half-0000", "--baseline", "baseline-0000"],
        catch_exceptions=False,
    )  # fmt: skip
    assert said.exit_code == 0
    rows = json.loads(said.stdout)
    assert "half-0000" in json.dumps(rows)

    with showing(store.url, "127.0.0.1", 0, (), Tokens()) as server:
        there, asked = open_store(server.url), Selection(("pm25",), runs=("half-0001",), bucket=DAY)
        assert there.runs() == store.runs()
        assert there.read(asked).equals(store.read(asked))
        assert there.stations("half-0001") == store.stations("half-0001")
        with urlopen(f"{server.url}/health", timeout=30) as answer:
            told = json.load(answer)
        assert (told["collecting"], told["bucket"]) == (False, DAY)


def test_the_same_experiment_has_the_same_bytes(tmp_path: Path) -> None:
    file = files(tmp_path, 1)
    made(file, tmp_path / "a")
    made(file, tmp_path / "b")
    assert len(digests(tmp_path / "a")) == 2
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert read_plan(tmp_path / "a") == read_plan(tmp_path / "b")


def test_what_is_derived_adds_up_and_has_its_pillar() -> None:
    assert (_pillar("outage_hours"), _rollup("outage_hours").value) == ("economy", "sum")
