"""Where parameters come from: known for every indicator of every city, with sources, and told in every output."""

import csv
import json
from io import StringIO
from urllib.request import urlopen

import commands
import pytest
from rich.console import Console

from collector.language.errors import InputError
from collector.language.indicators import indicators
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import serve
from collector.stores import open_store
from nakhon.catalogue import show
from simulator.cities import cities, network
from simulator.stations import origins_of

ORIGINS = ("assumed", "derived", "measured")


def printed(city=None, *, as_json=False, width=80):
    console = Console(file=StringIO(), width=width)
    show("origins", city, as_json=as_json, console=console)
    return console.file.getvalue()


def test_every_indicator_of_every_city_has_an_origin():
    rows = json.loads(printed(as_json=True))
    assert [row["city"] for row in rows] == list(cities())
    for row in rows:
        assert set(row["origins"]) == set(indicators())
        assert set(row["origins"].values()) <= set(ORIGINS)


def test_reference_sites_are_marked_and_no_member_of_a_network_is():
    sites = {member.city for member in network("reference-sites").members}
    assert {row["city"] for row in json.loads(printed(as_json=True)) if row["reference_site"]} == sites
    assert not sites & {member.city for name in ("ascn", "thai-smart-city-2023") for member in network(name).members}
    lines = printed().splitlines()
    assert all(any(f"{site} *" in line for line in lines) for site in sites)
    assert "is a reference site" in printed("tetouan")
    assert "is a reference site" not in printed("rayong")


def test_a_line_of_the_table_has_a_letter_for_each_indicator_and_fits_a_terminal():
    lines = printed().splitlines()
    line = next(line for line in lines if "chiang-mai" in line)
    letters = "".join(cell.strip() for cell in line.split("│")[2:-1])
    origins = origins_of(cities()["chiang-mai"])
    assert letters == "".join(origins[name][0] for name in indicators())
    assert max(map(len, lines)) <= 80
    assert all(f"{origin[0]} {origin}:" in printed() for origin in ORIGINS)


@pytest.mark.parametrize("city", ["chiang-mai", "new-york", "dili"])
def test_an_indicator_is_as_good_as_the_weakest_set_it_is_made_of(city):
    rows = json.loads(printed(city, as_json=True))
    assert [row["indicator"] for row in rows] == list(indicators())
    for row in rows:
        assert row["origin"] == min((made["origin"] for made in row["parameters"]), key=ORIGINS.index)
        assert all(len(made["source"]) > 20 for made in row["parameters"])
    shown = " ".join(printed(city, width=4000).split())
    assert all(made["source"] in shown for row in rows for made in row["parameters"])


def test_an_unknown_city_and_a_city_of_another_catalogue_are_refused():
    with pytest.raises(InputError, match="did you mean rayong"):
        printed("rayon")
    with pytest.raises(InputError, match="--city with origins only"):
        show("cities", "rayong", as_json=False, console=Console(file=StringIO()))


def test_every_output_tells_the_origin_of_the_parameters_of_simulated_values(tmp_path):
    (tmp_path / "small.toml").write_text(
        'name = "small"\nstart = 2026-03-01\nduration = "2d"\ncadence = "1h"\n[cities]\ninclude = ["rayong"]\n'
    )

    def nakhon(*arguments):
        done = commands.nakhon(*arguments, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    url = ("--store", "duckdb://city.duckdb")
    nakhon("simulate", "small.toml", "--broker", "none", *url, "--run", "a")
    names = ("pm25", "air_temperature", "visitor_arrivals", "service_requests", "permit_wait")
    asked = [part for name in names for part in ("--indicator", name)]
    told = json.loads(
        nakhon("compare", *url, *asked, "--bucket", "1d", "--json", "--out", "t.csv", "--report", "r.html")
    )
    origins = origins_of(cities()["rayong"])
    expected = {name: ("simulated", origins[name]) for name in names}
    assert {row["indicator"]: (row["origin"], row["parameters"]) for row in told["rows"]} == expected
    with (tmp_path / "t.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert {row["indicator"]: (row["origin"], row["parameters"]) for row in rows} == expected
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert all(f"<small>{origin}</small>" in page for _, origin in expected.values())

    store = open_store(f"duckdb://{tmp_path / 'city.duckdb'}")
    server = serve(application(store, Live(), Metrics(), lambda: None), port=0)
    try:
        with urlopen(f"{server.url}/api/v1/runs/a/stations", timeout=20) as answer:
            stations = json.load(answer)["stations"]
    finally:
        server.stop()
        store.close()
    announced = {name: origin for station in stations for name, origin in station["origins"].items()}
    assert announced == origins
