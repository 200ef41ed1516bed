"""The live page in a browser, fed by a real store and a real server."""

import time

import numpy as np
import pytest

from collector.language.indicators import Origin
from collector.language.messages import Message, Readings
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.topics import Address, CityAddress
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import serve
from collector.stores import open_store
from collector.stores.protocol import Accepted, Batch, Fate

pytestmark = pytest.mark.system

NOON = 1_772_366_400  # 2026-03-01T12:00:00Z
HOSTILE = "<img src=x onerror=\"document.title='taken'\"><b>Rayong</b>"
NAMES = {"chiang-mai": "Chiang Mai", "khon-kaen": "Khon Kaen", "rayong": HOSTILE}


class Collector:
    """A collector without a broker: what it commits is handed in."""

    def __init__(self, folder):
        self.store, self.live = open_store(f"duckdb://{folder}/city.duckdb"), Live()
        self.seq = self.port = self.runs = 0
        self.start()

    def start(self):
        app = application(self.store, self.live, Metrics(), lambda: None)
        self.server = serve(app, port=self.port)
        self.port = self.server.port

    def say(self, run, readings, births=(), **counts):
        messages = []
        for at, city, value in readings:
            times = np.array([at]).astype("datetime64[s]")
            body = Readings(times, {"pm25": np.array([value]), "air_temperature": np.array([value / 3])})
            message = Message(Address(run, city, "environment", "mast-1"), "one", self.seq, body)
            messages.append(Accepted(message, self.seq, float(NOON)))
            self.seq += 1
        fates = {Fate.STORED: len(messages)} | {Fate(name): count for name, count in counts.items()}
        batch = Batch(messages, births=births, counts={(run, fate): count for fate, count in fates.items()})
        self.store.write(batch)
        self.live.update(batch)

    def close(self):
        self.server.stop()
        self.store.close()


def until(page, expression, patience=60.0):
    """Wait until an expression is true; the page's own policy forbids the browser to do it."""
    deadline = time.monotonic() + patience
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


def birth(run, city, origin=Origin.SIMULATED, session="one"):
    profile = CityProfile(city, NAMES[city], "TH", 18.8, 99.0, "Asia/Bangkok", 127_240, "municipality")
    return CityAddress(run, city), Status(True, session, profile, origin)


@pytest.fixture(scope="module")
def collector(tmp_path_factory):
    made = Collector(tmp_path_factory.mktemp("page"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def opened(browser, collector):
    """One page for all tests: it follows the newest run, and each test has a run of its own."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(60_000)
    page.problems, page.asked = [], []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda told: page.problems.append(told.text) if told.type == "error" else None)
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(collector.server.url)
    yield page
    page.close()


@pytest.fixture
def run(collector):
    collector.runs += 1
    name = f"haze-{collector.runs}"
    readings = [
        (NOON - 1800 * back, city, 20.0 * place + back)
        for back in range(47, -1, -1)
        for place, city in enumerate(NAMES, 1)
    ]
    collector.say(name, readings, [birth(name, city) for city in NAMES])
    return name


@pytest.fixture
def page(opened, run):
    opened.problems.clear()
    opened.select_option("#run", "")
    opened.locator("#run option", has_text=f"newest: {run}").wait_for(state="attached")
    opened.wait_for_selector(".card >> nth=2")
    until(opened, "document.querySelectorAll('#chart .scatterlayer .trace').length === 3")
    return opened


def test_the_page_shows_cities_values_and_the_chart_and_follows_what_is_said(page, collector, run):
    card = page.locator(".card", has_text="Chiang Mai")
    assert "online" in card.inner_text()
    assert "127,240 people (municipality)" in card.inner_text()
    assert page.locator("#origin").inner_text().lower() == "simulated"
    points = "Math.max(...document.getElementById('chart').data.map((line) => line.x.length))"
    until(page, f"{points} === 48")
    collector.say(run, [(NOON + 60, "chiang-mai", 222.5)], rejected=2)
    card.get_by_text("222.5").wait_for()
    page.locator("#values td", has_text="222.5").wait_for()
    until(page, f"{points} === 49")
    page.locator("#fate-rejected", has_text="2 in all").wait_for()
    assert page.locator("#time").inner_text() == "2026-03-01 12:01"
    page.locator(".card", has_text="Khon Kaen").get_by_text("1 min ago").first.wait_for()
    assert page.problems == []
    assert all(url.startswith(collector.server.url) for url in page.asked)
    plotly, data = (next(n for n, url in enumerate(page.asked) if name in url) for name in ("/plotly.js", "/read"))
    assert plotly < data


def test_another_indicator_can_be_charted(page):
    page.select_option("#indicator", "air_temperature")
    until(page, "document.getElementById('chart').layout.yaxis.title.text === '°C'")
    until(page, "document.getElementById('chart').data[0].x.length === 48")


def test_a_hostile_name_is_shown_as_text(page):
    assert HOSTILE in page.locator(".card h3").all_inner_texts()
    assert HOSTILE in page.locator("#values thead").inner_text()
    assert HOSTILE in "".join(page.locator("#chart .legendtext").all_text_contents())
    assert page.locator("main img").count() == 0
    assert page.locator("main b").count() == 0
    assert page.title() == "Nakhon: cities, live"


def test_a_value_tells_where_the_parameters_of_its_model_come_from(page, collector, run):
    assert page.locator("#values abbr", has_text="d").count() == 0
    _, status = birth(run, "chiang-mai")
    mast = StationProfile(
        "mast-1", "chiang-mai", "environment", "air", "M", 1800, ("pm25",), origins={"pm25": "derived"}
    )
    collector.say(run, [], [(Address(run, "chiang-mai", "environment", "mast-1"), status.for_station(mast))])
    page.locator("#values abbr", has_text="d").wait_for()
    assert page.locator("#values abbr", has_text="d").get_attribute("title") == "parameters derived"
    assert page.problems == []


def test_a_city_that_goes_offline_says_so(page, collector, run):
    collector.say(run, [], [(CityAddress(run, "khon-kaen"), Status(False, "one"))])
    page.locator(".card", has_text="Khon Kaen").get_by_text("offline").wait_for()
    page.locator("#cities-count", has_text="2 of 3 online").wait_for()


def test_a_lost_connection_is_shown_and_mended(page, collector, run):
    page.locator("#connection", has_text="live").wait_for()
    collector.server.stop()
    page.locator("#connection", has_text="connection lost").wait_for()
    page.locator("#lost", has_text="Trying again").wait_for()
    collector.start()
    page.locator("#connection", has_text="live").wait_for()
    page.locator("#lost").wait_for(state="hidden")
    collector.say(run, [(NOON + 60, "chiang-mai", 111.5)])
    page.locator("#values td", has_text="111.5").wait_for()


def test_the_page_follows_the_newest_run_unless_one_is_chosen(page, collector, run):
    collector.say("real-1", [(NOON, "rayong", 7.0)], [birth("real-1", "rayong", Origin.MEASURED)])
    page.locator("#origin", has_text="measured").wait_for()
    until(page, "document.querySelectorAll('.card').length === 1")
    page.select_option("#run", run)
    page.locator("#origin", has_text="simulated").wait_for()
    until(page, "document.querySelectorAll('.card').length === 3")
