"""What the page asks beside the general API: limits, presence, drawn comparisons, fans, plans, coverage."""

import json
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest
from experiments import files, made

from collector.language.indicators import Origin
from collector.language.messages import Message, Readings
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.topics import Address, CityAddress
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import serve
from collector.stores import open_store
from collector.stores.protocol import Accepted, Batch, Selection

NOON = 1_772_366_400  # 2026-03-01T12:00:00Z
RUN = "haze-1"
REPLICATIONS = 4


class Served:
    """A store behind a real server."""

    def __init__(self, store, live):
        self.store, self.live = store, live
        self.server = serve(application(store, live, Metrics(), lambda: None), port=0)

    def ask(self, path):
        try:
            with urlopen(f"{self.server.url}/api/v1/dashboard/{path}", timeout=20) as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def told(self, path):
        status, told = self.ask(path)
        assert status == 200, told
        return told

    def close(self):
        self.server.stop()
        self.store.close()


def births(city):
    profile = CityProfile(city, city.title(), "TH", 18.8, 99.0, "Asia/Bangkok")
    status = Status(True, "one", profile, Origin.SIMULATED, "haze", "abc")
    mast = StationProfile("mast-1", city, "environment", "air", "Mast", 3600, ("pm25",))
    return [(CityAddress(RUN, city), status), (Address(RUN, city, "environment", "mast-1"), status.for_station(mast))]


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    store, live = open_store(f"duckdb://{tmp_path_factory.mktemp('routes')}/city.duckdb"), Live()
    accepted = []
    for place, city in enumerate(("rayong", "yangon"), 1):
        for seq in range(24):
            times = np.array([NOON + 3600 * seq]).astype("datetime64[s]")
            body = Readings(times, {"pm25": np.array([10.0 * place + seq % 3])})
            message = Message(Address(RUN, city, "environment", "mast-1"), "one", seq, body)
            accepted.append(Accepted(message, seq, float(NOON)))
    committed = Batch(accepted, births=births("rayong") + births("yangon"))
    store.write(committed)
    live.update(committed)
    made_here = Served(store, live)
    yield made_here
    made_here.close()


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fans")
    made(files(folder, replications=REPLICATIONS, days=6), folder / "out")
    made_here = Served(open_store(f"parquet://{folder / 'out'}", read_only=True), Live())
    yield made_here
    made_here.close()


def test_levels_are_those_in_force_on_a_day_in_the_unit_of_the_indicator(live):
    pm25 = live.told("levels?at=2026-03-01")["levels"]["pm25"]
    daily = {one["authority"]: one for one in pm25 if one["averaging"] == "24 h"}
    assert daily["who"]["level"] == 15
    assert daily["who"]["interim"] == [25, 37.5, 50, 75]
    assert daily["thailand"]["level"] == 37.5
    before = live.told("levels?at=2022-03-01")["levels"]["pm25"]
    assert [one["level"] for one in before if one["authority"] == "thailand" and one["averaging"] == "24 h"] == [50]
    no2 = live.told("levels")["levels"]["no2"]
    assert next(one["level"] for one in no2 if one["averaging"] == "24 h") == pytest.approx(25 / 1.88)


def test_presence_says_which_stations_are_online_and_follows_wills(live):
    assert live.told(f"presence?run={RUN}&city=rayong") == {"stations": {"mast-1": True}}
    assert live.told(f"presence?run={RUN}&city=nowhere") == {"stations": {}}
    assert live.told("presence?run=unheard&city=rayong") == {"stations": {}}
    live.live.update(Batch(births=[(CityAddress(RUN, "yangon"), Status(False, "one"))]))
    assert live.told(f"presence?run={RUN}&city=yangon") == {"stations": {"mast-1": False}}


def test_a_drawn_comparison_has_the_points_and_the_table_of_the_comparison(live):
    told = live.told(f"comparison?indicator=pm25&run={RUN}&bucket=1h")
    (section,) = told["sections"]
    reference, other = section["entries"]
    assert section["unit"] == "µg/m³"
    assert reference["reference"] is None
    assert other["reference"] == reference["label"]
    assert {entry["origin"] for entry in section["entries"]} == {"simulated"}
    assert len(reference["times"]) == len(reference["values"]) == 24
    assert reference["times"][0] == NOON + 7 * 3600  # the city's own clock
    assert other["cells"]["difference"] == pytest.approx(np.mean(other["values"]) - np.mean(reference["values"]))
    assert other["cells"]["verdict"] == "worse"


def test_coverage_counts_ages_from_the_newest_reading(live):
    told = live.told(f"coverage?run={RUN}")
    cells = {(one["city"], one["indicator"]): one for one in told["cells"]}
    assert cells["rayong", "pm25"]["share"] == 1
    assert cells["rayong", "pm25"]["age_s"] == 0
    assert cells["rayong", "pm10"]["state"] == "missing"


def test_a_store_without_a_plan_says_so(live):
    assert live.told(f"scenario?run={RUN}") == {"plan": None, "variant": None}
    assert live.told("variants") == {"variants": {}}
    assert live.told("fan?indicator=pm25&city=rayong")["fans"] == []


def test_a_fan_is_the_spread_of_the_replications_on_the_clock_of_the_city(experiment):
    told = experiment.told("fan?indicator=pm25&city=chiang-mai&variant=baseline&bucket=1d")
    (fan,) = told["fans"]
    assert fan["replications"] == REPLICATIONS
    runs = tuple(f"baseline-{place:04d}" for place in range(REPLICATIONS))
    table = experiment.store.read(Selection(("pm25",), ("chiang-mai",), runs, bucket=86_400))
    values = np.array(table["value"].to_pylist()).reshape(REPLICATIONS, -1)
    assert fan["quantiles"][2] == pytest.approx(np.median(values, axis=0))
    assert fan["quantiles"][0] == pytest.approx(np.quantile(values, 0.05, axis=0))
    assert {time % 86_400 for time in fan["times"]} == {0}


def test_all_variants_are_fanned_unless_some_are_named(experiment):
    assert set(experiment.told("variants")["variants"]) == {"baseline", "half"}
    told = experiment.told("fan?indicator=pm25&city=rayong")
    assert [fan["variant"] for fan in told["fans"]] == ["baseline", "half"]


def test_the_plan_says_what_a_run_changes(experiment):
    told = experiment.told("scenario?run=half-0001")
    assert told["plan"]["question"] == "What do fewer fires change?"
    (difference,) = told["variant"]["differences"]
    assert (difference["before"], difference["after"]) == (1, 0.5)
    assert experiment.told("scenario?run=baseline-0000")["variant"]["differences"] == []


@pytest.mark.parametrize(
    "asked",
    [
        "fan?indicator=pm25,pm10&city=rayong",
        "fan?indicator=pm25",
        "fan?indicator=pm25&city=rayong&variant=unknown",
        "presence?run=haze-1",
        "levels?at=yesterday",
        "comparison?indicator=pm25&bucket=7s",
        "coverage?nonsense=1",
    ],
)
def test_a_wrong_question_is_answered_with_what_was_expected(live, asked):
    status, told = live.ask(asked)
    assert status == 400
    assert told["detail"]


def test_the_outlines_say_where_they_are_from_and_are_small():
    path = Path(__file__).parent.parent / "collector" / "serving" / "web" / "world.json"
    world = json.loads(path.read_text("utf-8"))
    assert "Natural Earth" in world["source"]
    assert {one["id"] for one in world["near"]} == {"BN", "ID", "KH", "LA", "MM", "MY", "PH", "SG", "TH", "TL", "VN"}
    assert path.stat().st_size < 150_000
