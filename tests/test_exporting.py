"""`nakhon export` and `nakhon compare`'s further questions, as an analyst types them."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import commands
import pytest
from analysts import filled
from openpyxl import load_workbook

from collector.stores import open_store
from nakhon.snapshot import snapshot


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("exporting")
    store = open_store(f"duckdb://{place}/city.duckdb")
    store.write(filled())
    store.close()
    return place


def nakhon(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return commands.nakhon(*arguments, "--store", "duckdb://city.duckdb", folder=folder)


def test_values_stations_and_a_snapshot_are_written_with_their_origin(folder: Path) -> None:
    names = ("v.csv", "v.xlsx", "v.parquet", "v.arrow", "v.json", "s.geojson", "n.jsonld")
    out = [argument for name in names for argument in ("--out", name)]
    done = nakhon(folder, "export", "--indicator", "pm25", "--run", "haze", "--bucket", "1d", "--bom", *out)
    assert done.returncode == 0, done.stderr
    assert "simulated" in done.stderr
    for name in names:
        content = (folder / name).read_bytes()
        assert b"simulated" in content or name.endswith((".xlsx", ".parquet")), name
    with (folder / "v.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["origin"], row["unit"]) for row in rows} == {("simulated", "µg/m³")}
    book = load_workbook(folder / "v.xlsx", read_only=True)
    assert "simulated" in {cell for line in book["Table"].iter_rows(values_only=True) for cell in line}
    book.close()
    assert len(json.loads((folder / "s.geojson").read_text("utf-8"))["features"]) == 2


def test_nothing_to_export_is_the_answer_no(folder: Path) -> None:
    done = nakhon(folder, "export", "--indicator", "pm10", "--out", "none.csv")
    assert done.returncode == 1, done.stderr
    assert "0 rows" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--out", "x.doc"), "expected a file ending in"),
        (("--out", "absent/x.csv"), "there is no folder"),
        (("--indicator", "pm2.5", "--out", "x.csv"), "pm25"),
        (("--run", "hase", "--out", "x.csv"), "did you mean haze"),
        (("--run", "haze", "--run", "pcd", "--latest", "--out", "x.csv"), "name one with --run"),
        (("--start", "soon", "--out", "x.csv"), "a date such as"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_written(
    folder: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    done = nakhon(folder, "export", *arguments)
    assert done.returncode == 2
    assert complaint in " ".join(done.stderr.split())
    assert not list(folder.glob("x.*"))


def test_a_snapshot_has_an_entity_for_each_station_and_model_with_units_and_origins(folder: Path) -> None:
    store = open_store(f"duckdb://{folder}/city.duckdb", read_only=True)
    entities = snapshot(store, "haze")
    store.close()
    assert len({entity["id"] for entity in entities}) == len(entities) == 3
    air = next(entity for entity in entities if entity["id"] == "urn:ngsi-ld:AirQualityObserved:yangon:mast")
    assert air["pm25"]["observedAt"] == "2026-03-20T23:00:00Z"
    assert air["pm25"]["unitCode"] == "GQ"
    assert {entity["origin"]["value"] for entity in entities} == {"simulated"}
    assert all(entity["@context"] for entity in entities)


def test_a_comparison_answers_further_questions_in_every_output(folder: Path) -> None:
    asked = ("--trend", "--limit", "who", "--limit", "35/1h", "--profile", "hour", "--lag", "6h")
    done = nakhon(
        folder, "compare", "--indicator", "pm25", "--run", "haze", *asked, "--out", "t.xlsx", "--out", "t.csv"
    )
    assert done.returncode == 0, done.stderr
    for title in ("Trends", "Over the limit", "Profile by hour", "Correlation with lag"):
        assert title in done.stdout
    assert done.stdout.count("A simulation is not a forecast.") == 5
    book = load_workbook(folder / "t.xlsx", read_only=True)
    assert book.sheetnames == [
        "Comparison", "Trends", "Over the limit", "Profile by hour", "Correlation with lag", "Notices",
    ]  # fmt: skip
    book.close()
    for name in ("trend", "exceedance", "profile", "lag"):
        with (folder / f"t-{name}.csv").open(encoding="utf-8", newline="") as file:
            assert {row["origin"] for row in csv.DictReader(file)} == {"simulated"}
    told = json.loads(nakhon(folder, "compare", "--indicator", "pm25", "--run", "haze", *asked, "--json").stdout)
    assert told["exceedance"]["rows"][0]["limit"] == "WHO 2021"
    assert {"trend", "profile", "lag"} <= set(told)


def test_a_range_is_compared_against_another_on_the_command_line(folder: Path) -> None:
    done = nakhon(
        folder, "compare", "--indicator", "pm25", "--run", "haze", "--bucket", "1d", "--start", "2026-03-09",
        "--end", "2026-03-16", "--against", "2026-03-02", "--json",
    )  # fmt: skip
    rows = json.loads(done.stdout)["rows"]
    assert [row["from"] for row in rows] == ["2026-03-02 00:00", "2026-03-09 00:00"] * 2
    assert nakhon(folder, "compare", "--indicator", "pm25", "--against", "2026-03-02").returncode == 2
