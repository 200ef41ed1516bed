import base64
import io
import json
import re
import socket
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.language.errors import InputError
from collector.language.indicators import Origin, indicators
from collector.language.messages import Message, Readings
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.topics import Address, CityAddress
from collector.reporting import tables
from collector.serving import exchange
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import serve
from collector.stores import open_store
from collector.stores.protocol import Accepted, Batch, Fate, Rejection, Selection

NOON = 1_772_366_400  # 2026-03-01T12:00:00Z
RUN = "haze-1"
DOCUMENTED = Path(__file__).parent.parent / "docs" / "api.md"
CHIANG_MAI = CityProfile("chiang-mai", "Chiang Mai", "TH", 18.79, 98.99, "Asia/Bangkok", 127_240, "municipality")
MAST = StationProfile("mast-1", "chiang-mai", "environment", "air", "Yupparaj", 600, ("pm25",))
BIRTH = Status(True, "one", CHIANG_MAI, Origin.SIMULATED, "haze", "abc")


def accepted(seq, value, city="chiang-mai", run=RUN):
    times = np.array([NOON + 600 * seq]).astype("datetime64[s]")
    message = Message(Address(run, city, "environment", "mast-1"), "one", seq, Readings(times, {"pm25": value}))
    return Accepted(message, seq, float(NOON))


def batch(values, city="chiang-mai", run=RUN):
    messages = [accepted(seq, np.array([value]), city, run) for seq, value in enumerate(values)]
    births = [
        (CityAddress(run, "chiang-mai"), BIRTH),
        (Address(run, "chiang-mai", "environment", "mast-1"), BIRTH.for_station(MAST)),
    ]
    rejected = [Rejection("nakhon/v1/x", b"\xff<b>", 4, 9, "expected UTF-8", float(NOON), run=run)]
    return Batch(messages, rejected, births, {(run, Fate.STORED): len(values), (run, Fate.REJECTED): 1})


class Collector:
    def __init__(self, folder):
        self.store = open_store(f"duckdb://{folder}/city.duckdb")
        self.live, self.metrics, self.missing = Live(), Metrics(), None
        self.commit(batch([40.0, 41.0, float("nan"), 42.0]))
        self.commit(batch([9.0, 5000.0], "rayong"))
        app = application(self.store, self.live, self.metrics, lambda: self.missing, hosts=("collector.example",))
        self.server = serve(app, port=0)

    def commit(self, committed):
        self.store.write(committed)
        self.live.update(committed)

    def ask(self, path, **headers):
        try:
            with urlopen(Request(self.server.url + path, headers=headers), timeout=20) as answer:
                return answer.status, answer.headers, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def json(self, path):
        status, _, body = self.ask(path)
        assert status == 200, body
        return json.loads(body)

    def events(self, path):
        with urlopen(self.server.url + path, timeout=20) as answer:
            kind = None
            for line in answer:
                name, _, value = line.decode().strip().partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)

    def close(self):
        self.server.stop()
        self.store.close()


@pytest.fixture(scope="module")
def collector(tmp_path_factory):
    made = Collector(tmp_path_factory.mktemp("api"))
    yield made
    made.close()


def test_the_page_and_its_parts_are_served_from_here(collector):
    for path, kind in (
        ("/", "text/html"),
        ("/static/app.js", "javascript"),
        ("/static/style.css", "text/css"),
        ("/plotly.js", "javascript"),
    ):
        status, headers, body = collector.ask(path)
        assert (status, len(body) > 500, kind in headers["content-type"]) == (200, True, True), path
    assert "max-age" in collector.ask("/plotly.js")[1]["cache-control"]


def test_the_page_loads_nothing_from_another_host():
    web = Path(__file__).parent.parent / "collector" / "serving" / "web"
    for path in web.rglob("*.*"):
        text = path.read_text("utf-8").replace('"http://www.w3.org/2000/svg"', "")
        assert not re.search(r"""https?://|["'(]//""", text), path


def test_every_answer_has_security_headers_and_opens_nothing_to_other_origins(collector):
    for path in ("/", "/health", "/api/v1/runs", "/nowhere", "/plotly.js"):
        _, headers, _ = collector.ask(path, Origin="http://evil.example")
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "default-src 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1:9", "[::1]:8080", "10.0.0.7", "collector.example"]
)
def test_known_host_names_are_answered(collector, host):
    assert collector.ask("/health", Host=host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8080", "[evil", ""])
def test_foreign_host_names_are_refused(collector, host):
    status, _, body = collector.ask("/api/v1/runs", Host=host)
    assert status == 400
    assert "expected localhost" in json.loads(body)["detail"]


def test_health_and_readiness_differ(collector):
    told = collector.json("/health")
    assert (told["status"], told["collecting"], told["bucket"]) == ("ok", True, None)
    assert collector.json("/ready") == {"ready": True, "missing": None}
    collector.missing = "the broker is away"
    status, _, body = collector.ask("/ready")
    collector.missing = None
    assert (status, json.loads(body)["missing"]) == (503, "the broker is away")


def test_metrics_are_in_the_format_of_prometheus(collector):
    status, headers, body = collector.ask("/metrics")
    assert (status, headers["content-type"].startswith("text/plain; version=0.0.4")) == (200, True)
    assert b"nakhon_messages_received_total" in body


def test_the_catalogue_is_served_whole(collector):
    told = collector.json("/api/v1/indicators")["indicators"]
    assert [entry["id"] for entry in told] == list(indicators())


def test_runs_cities_stations_and_counts_are_those_of_the_store(collector):
    (run,) = collector.json("/api/v1/runs")["runs"]
    assert (run["run"], run["origin"], run["scenario"], run["readings"]) == (RUN, "simulated", "haze", 5)
    (city,) = collector.json(f"/api/v1/runs/{RUN}/cities")["cities"]
    assert (city["profile"]["name"], city["status"]["online"]) == ("Chiang Mai", True)
    assert [one["name"] for one in collector.json(f"/api/v1/runs/{RUN}/stations")["stations"]] == ["Yupparaj"]
    counts = collector.json(f"/api/v1/runs/{RUN}/counts")["counts"]
    assert (counts["stored"], counts["rejected"]) == (6, 2)


def test_rejections_carry_their_bytes(collector):
    told = collector.json(f"/api/v1/runs/{RUN}/rejections?limit=1")
    (rejection,) = told["rejections"]
    assert base64.b64decode(rejection["payload"]) == b"\xff<b>"
    assert (rejection["reason"], told["left_out"]) == ("expected UTF-8", 0)


def test_tables_of_a_run_are_json_by_default(collector):
    series = collector.json(f"/api/v1/runs/{RUN}/series")
    assert (series["rows"], series["columns"]["city"]) == (2, ["chiang-mai", "rayong"])
    latest = collector.json(f"/api/v1/runs/{RUN}/latest")["columns"]
    assert latest["time"][0] == "2026-03-01T12:30:00Z"
    assert latest["value"][0] == 42.0


def test_values_come_as_json_csv_and_arrow_alike(collector):
    path = "/api/v1/read?indicator=pm25&run=haze-1&flagged=true"
    columns = collector.json(path)["columns"]
    assert columns["value"] == [40.0, 41.0, 42.0, 9.0, 5000.0]
    _, headers, body = collector.ask(path, Accept="application/vnd.apache.arrow.stream")
    assert headers["content-type"] == tables.ARROW
    table = pa.ipc.open_stream(body).read_all()
    assert table["value"].to_pylist() == columns["value"]
    assert table.column_names == list(columns)
    _, headers, body = collector.ask(f"{path}&format=csv")
    assert headers["content-type"].startswith("text/csv")
    rows = pa.csv.read_csv(io.BytesIO(body))
    assert rows["value"].to_pylist() == columns["value"]
    assert b"2026-03-01T12:30:00Z" in body


def test_flagged_values_are_left_out_unless_asked_for(collector):
    assert 5000.0 not in collector.json("/api/v1/read?indicator=pm25")["columns"]["value"]


def test_a_bucket_and_a_period_narrow_the_answer(collector):
    told = collector.json(
        "/api/v1/read?indicator=pm25&city=chiang-mai&start=2026-03-01T12:00:00Z&end=2026-03-01T12:30:00Z&bucket=30m"
    )
    assert told["columns"]["value"] == [40.5]
    assert told["columns"]["n"] == [2]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("indicator=PM25", "the id of an indicator"),
        ("indicator=pm25&city=<script>", "the id of a city"),
        ("indicator=pm25&start=yesterday", "a time such as"),
        ("indicator=pm25&start=2026-02-30", "a time such as"),
        ("indicator=pm25&start=2026-03-01T08:00:00+07:00", "%2B"),
        ("indicator=pm25&start=2026-03-02&end=2026-03-01", "start before end"),
        ("indicator=pm25&bucket=7", "a multiple of 30 minutes"),
        ("indicator=pm25&bucket=0", "a multiple of 30 minutes"),
        ("indicator=pm25&bucket=99999999d", "a multiple of 30 minutes"),
        ("indicator=pm25&local=maybe", "true or false"),
        ("indicator=pm25&flagged=true&flagged=false", "flagged once"),
        ("indicator=pm25&format=xml", "json, csv, arrow"),
        ("indicator=pm25&color=red", "expected one of"),
    ],
)
def test_a_bad_parameter_is_answered_with_what_was_expected(collector, query, expected):
    status, _, body = collector.ask(f"/api/v1/read?{query}".replace("<", "%3C"))
    assert (status, expected in json.loads(body)["detail"]) == (400, True), body


def test_bad_parameters_of_the_other_routes_are_refused_too(collector):
    for path in (
        f"/api/v1/runs/{RUN}/rejections?limit=0",
        f"/api/v1/runs/{RUN}/rejections?limit=1e9",
        f"/api/v1/runs/{RUN}/cities?colour=red",
        "/api/v1/series?run=NO",
        "/api/v1/runs?limit=3",
        "/api/v1/live?run=a&run=b",
        "/api/v1/lag?indicator=pm25&most=0",
        "/api/v1/read?indicator=pm25&bucket=2h30m",
    ):
        status, _, body = collector.ask(path)
        assert (status, json.loads(body)["status"]) == (400, 400), path


def test_an_unknown_run_is_not_found_unless_nothing_is_expected_of_it(collector):
    for path in ("/api/v1/runs/nope/cities", "/api/v1/runs/nope/latest", "/api/v1/read?indicator=pm25&run=nope"):
        status, _, body = collector.ask(path)
        assert (status, "no run 'nope'" in json.loads(body)["detail"]) == (404, True)
        joined = "&" if "?" in path else "?"
        assert collector.ask(f"{path}{joined}unknown=empty")[0] == 200
    assert collector.ask("/api/v1/live?run=nope")[0] == 404
    for name in ("series", "positions", "rejections", "flags"):
        status, _, body = collector.ask(f"/api/v1/{name}?run=nope")
        assert (status, "no run 'nope'" in json.loads(body)["detail"]) == (404, True), name
        assert collector.ask(f"/api/v1/{name}?run=nope&unknown=empty")[0] == 200
    assert collector.ask("/api/v1/compare?indicator=pm25&run=nope")[0] == 404


def test_a_name_that_nobody_knows_is_refused_with_a_suggestion(collector):
    for query, said in (
        ("indicator=pm2", "did you mean pm25"),
        ("indicator=pm25&city=chiangmai", "did you mean chiang-mai"),
        ("indicator=pm25&city=chiang-mai,nowhere", "no city 'nowhere'"),
        ("indicator=pm25&station=nowhere&bucket=1d", "no station 'nowhere'"),
    ):
        status, _, body = collector.ask(f"/api/v1/read?{query}")
        assert (status, said in json.loads(body)["detail"]) == (400, True), body
        assert collector.ask(f"/api/v1/read?{query}&unknown=empty")[0] == 200
    assert collector.json("/api/v1/read?indicator=noise_laeq&city=chiang-mai")["rows"] == 0


def test_a_run_of_which_all_was_rejected_is_there(tmp_path):
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    kept = Rejection("nakhon/v1/ghost/x/y/z", b"x", 1, 5, "no JSON", 1.0, run="ghost")
    store.write(Batch(rejected=[kept], counts={("ghost", Fate.REJECTED): 1}))
    server = serve(application(store, Live(), Metrics(), lambda: None), port=0)
    for path in ("rejections?run=ghost", "runs/ghost/rejections", "runs/ghost/counts"):
        with urlopen(f"{server.url}/api/v1/{path}", timeout=20) as answer:
            assert b"no JSON" in (body := answer.read()) or b'"rejected":1' in body
    server.stop()
    store.close()


def test_other_paths_and_methods_are_refused_as_json(collector):
    status, _, body = collector.ask("/static/../api.py")
    assert (status, json.loads(body)["status"]) == (404, 404)
    connection = HTTPConnection("127.0.0.1", collector.server.port, timeout=20)
    connection.request("DELETE", "/api/v1/runs")
    answer = connection.getresponse()
    told = json.loads(answer.read())
    assert (answer.status, told["status"], answer.headers["allow"]) == (405, 405, "GET, HEAD")
    assert told["detail"] == "expected GET, HEAD, came DELETE"
    connection.close()


def test_too_much_json_is_refused_with_advice():
    table = pa.table({"value": np.zeros(tables.CELLS + 1)})
    with pytest.raises(InputError, match="use a bucket"):
        tables.table_json(table, "use a bucket")


def test_json_of_a_table_has_null_for_what_is_no_number():
    table = pa.table(
        {"value": [1.0, float("nan"), None, float("inf")], "time": pa.array([0, None, 1, 2], pa.timestamp("s"))}
    )
    assert json.loads(tables.table_json(table))["columns"] == {
        "value": [1.0, None, None, None],
        "time": ["1970-01-01T00:00:00Z", None, "1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z"],
    }


IDS = st.lists(st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True).filter(exchange.is_segment), max_size=3).map(
    tuple
)
TIMES = st.none() | st.integers(0, 4_000_000_000)


@given(
    st.builds(
        Selection,
        indicators=st.lists(st.sampled_from(list(indicators())), max_size=3).map(tuple),
        cities=IDS,
        runs=IDS,
        stations=IDS,
        start=TIMES,
        end=st.none(),
        bucket=st.none() | st.integers(1, 1000).map(lambda halves: 1800 * halves),
        local=st.booleans(),
        known_at=TIMES,
        flagged=st.booleans(),
    )
)
def test_a_selection_survives_its_way_through_the_parameters(selection):
    assert exchange.parse_selection(exchange.selection_parameters(selection)) == selection


@given(
    st.lists(st.tuples(st.sampled_from(exchange.PARAMETERS) | st.text(max_size=5), st.text(max_size=30)), max_size=5)
)
def test_no_parameters_whatever_raise_anything_but_an_explanation(parameters):
    with suppress(InputError):
        assert isinstance(exchange.parse_selection(parameters), Selection)


def test_the_live_stream_starts_with_a_snapshot_and_goes_on_with_what_changed(collector):
    events = collector.events(f"/api/v1/live?run={RUN}")
    kind, snapshot = next(events)
    assert (kind, snapshot["run"]) == ("snapshot", RUN)
    assert {value["city"]: value["value"] for value in snapshot["values"]} == {"chiang-mai": 42.0, "rayong": 9.0}
    update = Batch([accepted(50, np.array([77.0]))], counts={(RUN, Fate.STORED): 1})
    collector.live.update(update)
    for kind, delta in events:
        assert kind == "delta"
        if delta["values"]:
            break
    assert [(value["city"], value["value"]) for value in delta["values"]] == [("chiang-mai", 77.0)]
    assert delta["deliveries"]["stored"] == snapshot["deliveries"]["stored"] + 1
    events.close()


def test_a_live_stream_without_a_run_is_that_of_the_newest(collector):
    events = collector.events("/api/v1/live")
    assert next(events)[1]["run"] == RUN
    events.close()


def test_a_live_stream_of_a_run_only_the_store_knows_is_restored(tmp_path):
    made = Collector(tmp_path)
    made.store.write(batch([11.0], run="old-1"))
    events = made.events("/api/v1/live?run=old-1")
    _, snapshot = next(events)
    events.close()
    made.close()
    assert [value["value"] for value in snapshot["values"]] == [11.0]
    assert snapshot["cities"][0]["profile"]["name"] == "Chiang Mai"


def test_a_store_that_fails_is_told_without_its_insides(tmp_path, caplog):
    made = Collector(tmp_path)
    made.store.close()
    status, _, body = made.ask("/api/v1/runs")
    made.server.stop()
    assert status in (500, 503)
    assert "Traceback" not in body.decode()
    assert json.loads(body)["title"]


def test_a_server_that_stops_ends_its_live_streams_and_frees_its_port(tmp_path):
    made = Collector(tmp_path)
    events = made.events("/api/v1/live")
    next(events)
    made.close()
    assert list(events) is not None  # the stream ends instead of hanging
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", made.server.port))


def test_a_taken_port_is_explained(collector):
    app = application(collector.store, collector.live, collector.metrics, lambda: None)
    with pytest.raises(InputError, match=rf"port {collector.server.port}.*--port"):
        serve(app, port=collector.server.port)
    with pytest.raises(InputError, match="cannot listen"):
        serve(app, host="192.0.2.1")


def test_every_route_and_parameter_is_documented(collector):
    text = DOCUMENTED.read_text("utf-8")
    app = application(collector.store, collector.live, collector.metrics, lambda: None)
    for route in app.routes:
        assert f"`{route.path}" in text, route.path
    for parameter in (*exchange.PARAMETERS, "format", "unknown", "limit"):
        assert f"`{parameter}`" in text, parameter
