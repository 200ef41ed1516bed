"""Every page of the dashboard in a browser, on live data that came through a broker."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.publish as publish
import pytest
from parts import Mosquitto, wait_for

from collector.alerts.rules_file import parse_rules
from collector.language.broker import parse_broker
from collector.language.indicators import Origin
from collector.language.profile import CityProfile, StationProfile, Status, encode_status
from collector.serving.access import Access, Tokens
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import serve
from collector.stores import open_store
from nakhon.collect import Alerting, Collector, Duty, collecting

pytestmark = pytest.mark.system

NOON = 1_772_366_400  # 2026-03-01T12:00:00Z
HOURS = 30
RUNS = ("calm-1", "haze-1")
EARLIER = ("mast", "base-0001", "base-0002", "ban-0001", "ban-0002")  # measured; and an experiment's replications
HOSTILE = "<img src=x onerror=\"document.title='taken'\">Rayong"
CITIES = {
    "chiang-mai": CityProfile("chiang-mai", "Chiang Mai", "TH", 18.79, 98.99, "Asia/Bangkok", 127_240, "municipality"),
    "rayong": CityProfile("rayong", HOSTILE, "TH", 12.68, 101.28, "Asia/Bangkok", 63_000, "municipality"),
    "yangon": CityProfile("yangon", "Yangon", "MM", 16.8, 96.15, "Asia/Yangon"),
}
RULES = """
[[rule]]
id = "smoke"
indicator = "pm25"
above = 500
clear = 400
"""
VIEWS = ("overview", "map", "city", "compare", "scenario", "health")
READY = {
    "overview": ".card >> nth=2",
    "map": ".map .mark >> nth=2",
    "city": "#stations-title ~ div td",
    "compare": "#compare-pm25 .scatterlayer .trace",
    "scenario": ".verdict",
    "health": "#health-coverage td",
}


def topic(run: str, city: str) -> str:
    return f"nakhon/v1/{run}/{city}/environment/mast-1"


def reading(seq: int, at: int, pm25: float) -> str:
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    return f'{{"session":"one","seq":{seq},"time":"{moment}","pm25":{pm25:.1f},"air_temperature":{20 + pm25 / 40:.1f}}}'


def births(run: str) -> Iterator[tuple[str, bytes, int, bool]]:
    for city, profile in CITIES.items():
        origin = Origin.MEASURED if run == "mast" else Origin.SIMULATED
        status = Status(True, "one", profile, origin, run[:-2], f"{run}-digest")
        mast = StationProfile("mast-1", city, "environment", "air", "Mast", 3600, ("pm25", "air_temperature"))
        yield f"nakhon/v1/{run}/{city}/status", encode_status(status), 1, True
        yield f"{topic(run, city)}/status", encode_status(status.for_station(mast)), 1, True


def earlier_readings() -> Iterator[tuple[str, str, int, bool]]:
    for place, run in enumerate(EARLIER):
        for step in range(HOURS):
            yield (
                topic(run, "yangon"),
                reading(step, NOON - 3600 * (HOURS - 1 - step), 12.0 + place + step % 5),
                1,
                False,
            )


def readings() -> Iterator[tuple[str, str, int, bool]]:
    for place, run in enumerate(RUNS):
        for step in range(HOURS):
            for at, city in enumerate(CITIES, 1):
                value = 10.0 * at * (place + 1) + step % 7
                yield topic(run, city), reading(step, NOON - 3600 * (HOURS - 1 - step), value), 1, False


@dataclass
class Stage:
    """A broker, a collector at work and what was said."""

    broker: Mosquitto
    collector: Collector
    seq: int = HOURS
    url: str = ""
    problems: list[str] = field(default_factory=list)

    def say(self, city: str, at: int, value: float) -> None:
        self.tell(topic(RUNS[-1], city), reading(self.seq, at, value))
        self.seq += 1

    def tell(self, where: str, payload: str) -> None:
        publish.single(where, payload, 1, hostname="127.0.0.1", port=self.broker.port)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("dashboard")
    broker = Mosquitto(folder, "max_queued_messages 0\nmax_inflight_messages 0")
    broker.start()
    alerting = Alerting(parse_rules(RULES, "rules"), folder / "states.json")
    duty = Duty(f"duckdb://{folder}/city.duckdb", port=0, alerting=alerting)
    try:
        with collecting(duty, parse_broker(broker.url)) as collector:
            said = [one for run in EARLIER for one in births(run)] + list(earlier_readings())
            said += [one for run in RUNS for one in births(run)] + list(readings())
            publish.multiple(said, "127.0.0.1", broker.port)
            wait_for(lambda: collector.metrics.value("nakhon_messages_stored_total") == len(said), 30, "what was said")
            yield Stage(broker, collector, url=collector.server.url)
    finally:
        broker.stop()


@pytest.fixture(scope="module")
def opened(browser: Any, stage: Stage) -> Iterator[Any]:
    """One page for most tests; what goes wrong in it and what it asks elsewhere is noted."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: stage.problems.append(str(error)))
    page.on("console", lambda told: stage.problems.append(told.text) if told.type in ("error", "warning") else None)
    page.on("request", lambda request: stage.problems.append(request.url) if _is_outside(request.url, stage) else None)
    yield page
    page.close()


@pytest.fixture
def page(opened: Any, stage: Stage) -> Iterator[Any]:
    stage.problems.clear()
    yield opened
    assert stage.problems == []


def _is_outside(url: str, stage: Stage) -> bool:
    return not url.startswith((stage.url, "data:", "blob:"))


def until(page: Any, expression: str, patience: float = 60.0) -> None:
    """Wait until an expression is true; the page's own policy forbids the browser to do it."""
    deadline = time.monotonic() + patience
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


def show(page: Any, stage: Stage, view: str, asked: str = "") -> None:
    page.goto(f"{stage.url}/#/{view}?run={RUNS[-1]}{asked}")
    page.locator("#view-title").wait_for()
    page.locator(READY[view]).first.wait_for()


def saved(page: Any, button: str) -> bytes:
    with page.expect_download() as downloading:
        page.click(button)
    return Path(downloading.value.path()).read_bytes()


def test_the_map_shows_the_cities_against_a_guideline_and_follows_what_is_said(page: Any, stage: Stage) -> None:
    show(page, stage, "map", "&indicator=pm25")
    first = page.locator(".places a").first
    page.locator(".places a", has_text="times the level").first.wait_for()
    assert "Yangon" in first.inner_text()
    assert "µg/m³" in first.inner_text()
    assert page.locator(".map .mark.over").count() == 3
    page.select_option("#map-level", "cities")
    stage.say("chiang-mai", NOON + 600, 321.5)
    page.locator(".places a", has_text="321.5").wait_for()
    assert "level=cities" in page.url
    assert page.locator(".map path.near").count() == 11
    left, _, width, _ = map(float, page.locator(".map").get_attribute("viewBox").split())
    assert left > 9000, "the frame is drawn around the cities, not around the whole region"
    assert width < 1500


def test_the_list_of_the_map_is_walked_by_arrow_keys_and_enter_opens_the_city(page: Any, stage: Stage) -> None:
    show(page, stage, "map", "&indicator=pm25&level=cities")
    page.locator(".places a[tabindex='0']").focus()
    page.keyboard.press("End")
    last = page.locator(".places a").last.get_attribute("data-city")
    assert page.evaluate("document.activeElement.dataset.city") == last
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.dataset.city") != last
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.locator(READY["city"]).first.wait_for()
    assert f"city={last}" in page.url


def test_a_city_shows_its_pillars_a_live_chart_its_stations_and_its_alerts(page: Any, stage: Stage) -> None:
    show(page, stage, "city", "&city=chiang-mai&indicator=pm25")
    until(page, "(document.getElementById('city-chart').data?.[0].x.length ?? 0) > 20")
    before = page.evaluate("document.getElementById('city-chart').data[0].x.length")
    assert page.evaluate("document.getElementById('city-chart').layout.yaxis.title.text") == "µg/m³"
    assert "well" in page.locator("#stations-title ~ div").inner_text()
    stage.say("chiang-mai", NOON + 1200, 612.5)
    page.locator(".tile[data-indicator=pm25]", has_text="612.5").wait_for()
    until(page, f"document.getElementById('city-chart').data[0].x.length > {before}")
    page.locator(".alerts .raised", has_text="smoke").wait_for()


def test_a_comparison_says_origin_verdict_and_difference(page: Any, stage: Stage) -> None:
    show(page, stage, "compare", "&runs=calm-1,haze-1&city=chiang-mai,yangon&indicator=pm25&baseline=calm-1/chiang-mai")
    table = page.locator("#view table", has_text="Verdict").first
    text = table.inner_text()
    assert text.count("simulated") == 4
    assert "reference" in text
    assert "worse" in text
    assert "A simulation is not a forecast." in page.locator("#view").inner_text()
    page.select_option("#compare-draw", "difference")
    until(page, "document.getElementById('compare-pm25').data?.length === 3")
    assert "draw=difference" in page.url
    rows = list(csv.DictReader(io.StringIO(saved(page, "#save-csv").decode("utf-8-sig"))))
    assert {row["origin"] for row in rows} == {"simulated"}
    assert {row["unit"] for row in rows} == {"µg/m³"}
    page.check("#compare-utc")
    until(page, "document.getElementById('compare-pm25').layout.xaxis.title.text === 'Time (UTC)'")


def test_unlike_origins_are_ranked_only_on_request_and_under_a_watermark(page: Any, stage: Stage) -> None:
    show(page, stage, "compare", "&runs=mast,haze-1&city=yangon&indicator=pm25&rank=true")
    page.locator(".notice.said", has_text="Not ranked: the columns are of mixed or unknown origin").wait_for()
    assert page.locator(".lifted").count() == 0
    page.check("#compare-mixed")
    page.locator(".lifted th", has_text="Rank").wait_for()
    assert "mixed=true" in page.url
    marks = page.locator("#compare-pm25 .annotation-text").all_text_contents()
    assert marks == ["unlike origins: measured + simulated"]
    assert page.locator("[role=status].hidden").inner_text() == "Shown: PM2.5 mass concentration; 2 columns."


def test_the_fans_of_an_experiment_are_drawn_for_each_city_chosen(page: Any, stage: Stage) -> None:
    page.goto(f"{stage.url}/#/compare?run={RUNS[-1]}&fan=true&indicator=pm25&city=yangon")
    page.locator("#fan-pm25-yangon .scatterlayer .trace >> nth=9").wait_for()
    legend = page.locator("#fan-pm25-yangon .legendtext").all_text_contents()
    assert legend == [f"{variant}: median of 2 replications (simulated)" for variant in ("base", "ban")]
    rows = list(csv.DictReader(io.StringIO(saved(page, "#save-csv").decode("utf-8-sig"))))
    assert {(row["variant"], row["unit"], row["origin"]) for row in rows} == {
        (variant, "µg/m³", "simulated") for variant in ("base", "ban")
    }


def test_a_shifted_range_stands_beside_the_range(page: Any, stage: Stage) -> None:
    show(page, stage, "compare", "&runs=haze-1&city=chiang-mai&indicator=pm25&start=2026-03-01&end=2026-03-02"
         "&against=2026-02-28")  # fmt: skip
    until(page, "document.getElementById('compare-pm25')?.data?.length === 2")
    shown = page.locator("#compare-pm25 .legendtext").all_text_contents()
    assert ["from 2026-02-28" in text for text in sorted(shown)] == [False, True]


def test_the_scenario_page_says_what_the_store_knows_and_what_it_does_not(page: Any, stage: Stage) -> None:
    show(page, stage, "scenario", "&a=calm-1&b=haze-1")
    page.locator(".verdict", has_text="nakhon diff").wait_for()
    facts = page.locator("#view table").first.inner_text()
    assert "* calm" in facts
    assert "* haze" in facts
    show(page, stage, "scenario", "&a=haze-1&b=haze-1")
    page.locator(".verdict", has_text="The same run").wait_for()


def test_data_health_keeps_the_accounts_and_shows_gaps_rejections_and_coverage(page: Any, stage: Stage) -> None:
    stage.seq += 2
    stage.say("rayong", NOON + 600, 33.0)
    stage.tell(topic(RUNS[-1], "rayong"), "<script>no json</script>")
    wait_for(lambda: stage.collector.metrics.value("nakhon_messages_rejected_total") >= 1, 20, "the rejection")
    show(page, stage, "health")
    page.locator(".verdict.good", has_text="even").wait_for()
    page.locator("#health-gaps", has_text="missing in 1 of").wait_for()
    page.locator("#health-rejected code", has_text="<script>no json</script>").wait_for()
    assert page.locator("#health-coverage .cover").count() > 6
    rows = list(csv.DictReader(io.StringIO(saved(page, "#save-csv").decode("utf-8-sig"))))
    assert {"rayong", "yangon"} <= {row["city"] for row in rows}


def test_a_late_answer_about_another_run_is_not_saved_as_this_run_s(page: Any, stage: Stage) -> None:
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/dashboard/coverage?run=calm-1**", hold)
    page.goto(f"{stage.url}/#/health?run=calm-1")
    page.locator("#health-accounts .verdict").wait_for()
    while not held:
        page.wait_for_timeout(50)
    show(page, stage, "health")
    with page.expect_response("**/dashboard/coverage?run=calm-1**"):
        for one in held:
            one.continue_()
    page.unroute("**/dashboard/coverage?run=calm-1**")
    assert held
    rows = list(csv.DictReader(io.StringIO(saved(page, "#save-csv").decode("utf-8-sig"))))
    assert {row["run"] for row in rows} == {"haze-1"}


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_saved_as_a_picture_and_as_a_table(page: Any, stage: Stage, view: str) -> None:
    show(page, stage, view, "&indicator=pm25,air_temperature" if view == "compare" else "&indicator=pm25")
    if view == "city":
        until(page, "(document.getElementById('city-chart').data?.[0].x.length ?? 0) > 2")
    if view == "overview":
        until(page, "document.querySelectorAll('#chart .scatterlayer .trace').length === 3")
    if view == "compare":
        page.locator("#compare-air_temperature .scatterlayer .trace").first.wait_for()
    picture = saved(page, "#save-png")
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(picture[20:24]) > 2400) == (view == "compare"), "both charts, one below the other"
    head, *rows = csv.reader(io.StringIO(saved(page, "#save-csv").decode("utf-8-sig")))
    assert rows
    assert all(len(row) == len(head) for row in rows)


def test_a_hostile_name_stays_text_in_every_view(page: Any, stage: Stage) -> None:
    for view in VIEWS:
        show(page, stage, view, "&city=rayong&indicator=pm25")
        assert page.locator("main img").count() == 0
        assert "taken" not in page.title()
    show(page, stage, "map", "&indicator=pm25")
    assert HOSTILE in "".join(page.locator(".places strong").all_text_contents())


def test_thai_is_complete_with_the_buddhist_era(page: Any, stage: Stage) -> None:
    for view in VIEWS:
        show(page, stage, view, "&lang=th&indicator=pm25")
        assert page.evaluate("document.documentElement.lang") == "th"
        shown = page.evaluate("document.body.innerText")
        keys = page.evaluate("import('/static/words.js').then((words) => Object.keys(words.PHRASES))")
        assert [key for key in keys if "." in key and key in shown.split()] == []
    assert "2569" in page.locator("#time").inner_text()
    show(page, stage, "compare", "&lang=th&runs=mast,haze-1&indicator=pm25,service_requests&rank=true&per=capita")
    assert page.locator("#view [lang=en]").all_text_contents() == []
    assert "การจำลองไม่ใช่การพยากรณ์" in page.locator("#view").inner_text()
    page.goto(f"{stage.url}/#/overview?lang=en")


def test_theme_and_language_are_chosen_by_keyboard_and_kept(browser: Any, stage: Stage) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="light")
    page.set_default_timeout(60_000)
    page.goto(f"{stage.url}/#/map")
    page.locator(".map .mark").first.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.locator("#theme").press("Enter")
    page.locator("#language").press("Enter")
    page.reload()
    page.locator(".map .mark").first.wait_for()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("document.documentElement.lang") == "th"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_an_address_of_a_run_that_is_gone_says_so(page: Any, stage: Stage) -> None:
    page.goto(f"{stage.url}/#/overview?run=gone-1")
    page.locator("#missing", has_text="gone-1").wait_for()
    page.locator(".card >> nth=2").wait_for()


@pytest.mark.parametrize(
    ("asked", "left_out"),
    [
        ("city?city=yangon&indicator=nope&span=9y", "span=9y, indicator=nope"),
        ("map?indicator=nope&level=nope", "indicator=nope, level=nope"),
        ("compare?bucket=5m&per=head&indicator=pm25", "bucket=5m, per=head"),
        ("scenario?a=nope&b=calm-1", "a=nope"),
    ],
)
def test_what_an_address_asks_for_in_vain_is_said_and_left_out(
    page: Any, stage: Stage, asked: str, left_out: str
) -> None:
    page.goto(f"{stage.url}/#/{asked}&run={RUNS[-1]}")
    page.locator(".notice.said", has_text=f"The address asks for {left_out}, which").wait_for()
    assert not any(one in page.url for one in left_out.split(", "))


def test_a_copied_link_opens_the_same_view_for_somebody_else(browser: Any, stage: Stage) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(60_000)
    copied = []
    for view in ("map", "city", "compare", "scenario"):
        show(page, stage, view)
        page.click("#share")
        page.locator("#said", has_text="copied").wait_for()
        copied.append(page.evaluate("navigator.clipboard.readText()").partition("#")[2])
    context.close()
    assert copied[0] == "/map?run=haze-1&indicator=pm25&level=who/86400"
    assert copied[1] == "/city?run=haze-1&city=rayong&indicator=pm25&span=7d"  # its name begins with <
    assert copied[2] == "/compare?run=haze-1&indicator=pm25&bucket=1h&runs=haze-1"
    assert copied[3].startswith("/scenario?run=haze-1&a=")
    assert copied[3].endswith("&b=haze-1")


def test_an_address_of_no_page_shows_the_overview_and_says_so(page: Any, stage: Stage) -> None:
    page.goto(f"{stage.url}/#/city/nope?run={RUNS[-1]}")
    page.locator("#missing", has_text="There is no page city/nope").wait_for()
    page.locator(".card >> nth=2").wait_for()


def test_a_view_that_the_store_refuses_says_what_is_wrong(page: Any, stage: Stage) -> None:
    page.goto(f"{stage.url}/#/compare?run={RUNS[-1]}&indicator=pm25&start=2030-01-01&end=2030-01-02")
    page.locator(".notice.failed", has_text="nothing to compare").wait_for()
    stage.problems.clear()  # the browser itself notes an answer of 400


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, from npm."""
    npm = shutil.which("npm")
    folder = tmp_path_factory.mktemp("axe")
    told = "npm is not installed"
    if npm:
        done = subprocess.run([npm, "pack", "axe-core@4"], cwd=folder, capture_output=True, timeout=60, check=False)
        told = f"npm could not fetch axe-core: {done.stderr.decode()[-200:]}"
    packed = list(folder.glob("axe-core-*.tgz"))
    if not packed:
        required = "npm" in os.environ.get("NAKHON_REQUIRE", "").split(",")
        (pytest.fail if required else pytest.skip)(told)
    shutil.unpack_archive(packed[0], folder, filter="data")
    return (folder / "package" / "axe.min.js").read_text("utf-8")


@pytest.mark.parametrize(
    ("theme", "width", "rules"),
    [("light", 1280, ""), ("dark", 390, ", runOnly: ['color-contrast', 'scrollable-region-focusable', 'target-size']")],
)
def test_axe_finds_nothing_wrong_in_any_view(
    browser: Any, stage: Stage, axe: str, theme: str, width: int, rules: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    context.add_init_script(axe)
    page = context.new_page()
    page.set_default_timeout(60_000)
    found = {}
    for view in VIEWS:
        show(page, stage, view, "&indicator=pm25")
        told = page.evaluate(f"axe.run(document, {{resultTypes: ['violations']{rules}}})")
        found[view] = [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in told["violations"]]
    context.close()
    assert found == {view: [] for view in VIEWS}


def test_a_shared_address_opens_after_the_login_and_a_lost_broker_or_collector_is_said(
    browser: Any, tmp_path: Path
) -> None:
    store, token = open_store(f"duckdb://{tmp_path}/city.duckdb"), "read-0123456789abcdef"
    obstacles: list[str | None] = [None]
    app = application(store, Live(), Metrics(), lambda: obstacles[-1], access=Access(Tokens(token)))
    with serve(app, port=0) as server:
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{server.url}/#/health?lang=th")
        page.fill("#token", token)
        page.click("button[type=submit]")
        page.locator("#health-accounts .verdict").wait_for()
        assert page.url == f"{server.url}/#/health?lang=th"
        assert page.evaluate("document.documentElement.lang") == "th"
        page.goto(f"{server.url}/#/health?lang=en")
        obstacles.append("the broker is away")
        page.locator("#lost", has_text="what is shown grows old. · the broker is away").wait_for()
    page.locator("#lost", has_text="The connection to the collector is lost").wait_for()
    page.goto(f"{server.url}/#/scenario")
    page.locator("#view .notice.failed", has_text="The collector does not answer").wait_for()
    page.close()
    store.close()
