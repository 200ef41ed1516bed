"""Text from outside stays text: from a topic or payload through the store to JSON, CSV and metrics."""

import csv
import io
import json
from base64 import b64decode
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from collector.intake.ingest import Delivery, Ingest
from collector.language.codec import dump
from collector.language.topics import is_segment
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import serve
from collector.stores import open_store
from collector.stores.protocol import Fate

NASTY = [
    "'; DROP TABLE readings; --", '"); DELETE FROM series; --', "<script>alert(1)</script>", "<img src=x onerror=a()>",
    "../../etc/passwd", "..%2f..", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "a\nb", "a\r\nSet-Cookie: x",
    "\x00", "\u202egnp.exe", "\u2066", "\ufeff", "pm25,city=x value=1 2", "{{7*7}}", "${x}", "%s%n", "a/b", "+", "#",
    "*", "\u0661",
]  # fmt: skip
HOSTILE = st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
FORMULA = tuple("=+-@\t\r\n")
NOON = 1_772_366_400.0


class House:
    """An ingest, its store and its API, and a number that makes every run of it new."""

    def __init__(self, folder):
        self.folder = folder
        self.store = open_store(f"duckdb://{folder}/city.duckdb")
        self.live, self.metrics = Live(), Metrics()
        self.ingest = Ingest(self.store, self.live, self.metrics)
        self.server = serve(application(self.store, self.live, self.metrics, lambda: None), port=0)
        self.runs = 0

    def ask(self, path):
        try:
            with urlopen(self.server.url + path, timeout=20) as answer:
                return answer.status, answer.headers, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def close(self):
        self.server.stop()
        self.store.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("injection"))
    yield made
    made.close()


def deliveries(run, text):
    """The text in every place where a publisher can put one."""
    head = {"session": "one", "time": "2026-03-01T12:00:00Z"}
    event = {"id": "r-1", "type": "service_request.closed"}
    mast, desk = f"nakhon/v1/{run}/rayong/environment/mast-1", f"nakhon/v1/{run}/rayong/governance/desk"
    told = [
        (mast, head | {"seq": 0, "pm25": 40.0}),
        (mast, head | {"seq": 1, text: 41.0}),
        (mast, head | {"seq": 2, "session": text, "pm25": 1.0}),
        (mast, head | {"seq": 3, "time": text, "pm25": 1.0}),
        (mast, head | {"seq": 4, "pm25": text}),
        (f"{desk}/events", head | event | {"seq": 0, "note": text}),
        (f"{desk}/events", head | event | {"seq": 1, "id": text}),
        (f"{desk}/events", head | event | {"seq": 2, "type": text}),
        (f"{desk}/events", head | event | {"seq": 3, text: 1}),
        (f"{desk}/statistics", {"session": "one", "seq": 4, "indicator": text, "period": text, "value": 1.0}),
        *((f"nakhon/v1/{'/'.join(part)}", head | {"seq": 0, "pm25": 1.0}) for part in places(run, text)),
        (f"nakhon/v1/{run}/rayong/status", {"online": True, "session": "one", "scenario": text, "city": {
            "id": "rayong", "name": text, "country": text, "latitude": 1, "longitude": 1, "timezone": text}}),
    ]  # fmt: skip
    return [Delivery(topic, dump(body), NOON) for topic, body in told]


def places(run, text):
    whole = [run, "rayong", "environment", "mast-1"]
    for at in range(4):
        yield [*whole[:at], text, *whole[at + 1 :]]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HOSTILE)
@example(NASTY[0])
@example(NASTY[2])
@example(NASTY[6])
@example("\x00")
def test_text_from_outside_is_kept_as_it_came_and_is_nothing_but_text(house, text):
    house.runs += 1
    run = f"run-{house.runs}"
    given_ = deliveries(run, text)
    batch = house.ingest.process(given_)
    fates = sum(batch.counts.values()) + len(batch.births)
    assert fates == len(given_)
    kept = {one.payload for one in batch.rejected}
    assert kept <= {one.payload for one in given_}

    status, _, body = house.ask(f"/api/v1/runs/{run}/cities")
    assert status == 200
    assert [city["profile"]["name"] for city in json.loads(body)["cities"]] in ([text], [])
    _, headers, body = house.ask("/api/v1/rejections?limit=30")
    assert (headers["content-type"], headers["x-content-type-options"]) == ("application/json", "nosniff")
    told = [b64decode(one["payload"]) for one in json.loads(body)["rejections"]]
    assert kept <= set(told)

    status, headers, body = house.ask(f"/api/v1/runs/{run}/series?format=csv")
    assert (status, headers["content-type"].startswith("text/csv")) == (200, True)
    rows = list(csv.DictReader(io.StringIO(body.decode())))
    assert {"pm25"} <= {row["indicator"] for row in rows}
    for row in rows:
        assert not any(cell.startswith(FORMULA) for name, cell in row.items() if name != "readings"), row
        assert all(is_segment(row[name]) for name in ("run", "city", "pillar", "station"))
    assert house.store.counts(run)[Fate.STORED] >= 2


@settings(max_examples=15, deadline=None)
@given(HOSTILE)
@example("' OR 1=1 --")
def test_a_question_with_hostile_text_is_refused_or_finds_nothing(house, text):
    for path in (
        "/api/v1/runs/{}/latest",
        "/api/v1/read?indicator=pm25&city={}",
        "/api/v1/series?run={}",
        "/static/{}",
    ):
        status, _, body = house.ask(path.format(quote(text, safe="")))
        assert status in (200, 400, 404, 405), (path, status, body)
        assert b"Traceback" not in body
        if status == 200:
            assert is_segment(text) or (path.startswith("/api/v1/read") and all(map(is_segment, text.split(","))))


def test_nothing_was_written_beside_the_store_and_the_metrics_have_no_text_from_outside(house):
    house.ingest.process(deliveries("run-last", NASTY[0]))
    assert {path.name for path in house.folder.iterdir()} <= {"city.duckdb", "city.duckdb.wal", "city.duckdb.tmp"}
    text = house.metrics.exposition().decode()
    assert "DROP" not in text
    assert "run-" not in text
