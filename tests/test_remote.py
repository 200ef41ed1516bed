import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from collector.language.errors import InputError, StoreError
from collector.language.indicators import Origin
from collector.language.messages import Message, Readings, Statistic
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.topics import Address, CityAddress, Kind
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import serve
from collector.stores import open_store
from collector.stores.protocol import Accepted, Batch, Fate, Rejection, Selection

NOON = 1_772_366_400  # 2026-03-01T12:00:00Z
HALF_HOUR = 1800
CITIES = ("chiang-mai", "khon-kaen")
RUNS = ("haze-1", "haze-2")


def readings(generator, run, city, seq):
    times = (NOON + 3600 * seq + 600 * np.arange(6)).astype("datetime64[s]")
    values = generator.lognormal(3, 1, 6)
    values[generator.integers(6)] = np.nan
    body = Readings(times, {"pm25": values, "air_temperature": 28 + generator.normal(0, 20, 6)})
    return Accepted(Message(Address(run, city, "environment", "mast-1"), "one", seq, body), 2**63 + seq, NOON + 0.5)


def statistic(run, revision, value):
    published = np.datetime64(NOON + 86_400 * revision, "s")
    body = Statistic("unemployment", "2026-02", published, revision, value)
    return Accepted(
        Message(Address(run, CITIES[0], "economy", "office", Kind.STATISTICS), "one", revision, body), revision, NOON
    )


def births(run):
    for city in CITIES:
        profile = CityProfile(city, f"<b>{city}</b> ★", "TH", 18.7, 98.9, "Asia/Bangkok", 127_240, "municipality")
        status = Status(True, "one", profile, Origin.SIMULATED, "haze", "abc")
        yield CityAddress(run, city), status
        mast = StationProfile(
            "mast-1", city, "environment", "air", "Mast", 600, ("pm25",), 18.7, 98.9, {"pm25": "derived"}
        )
        yield Address(run, city, "environment", "mast-1"), status.for_station(mast)
    yield CityAddress(run, city), Status(False, "one")


def filled(store):
    generator = np.random.default_rng(7)
    for run in RUNS:
        messages = [readings(generator, run, city, seq) for city in CITIES for seq in (0, 1, 2, 5)]
        messages += [statistic(run, revision, value) for revision, value in ((0, 1.1), (1, 1.3))]
        rejected = [
            Rejection("what/ever", bytes(range(256)), 256, 2**64 - 1, "no topic", NOON + 0.25),
            Rejection("nakhon/v1/x", b"{", 1, 3, "a conflict", NOON + 0.75, Fate.CONFLICT, run),
        ]
        counts = {(run, Fate.STORED): len(messages), (run, Fate.CONFLICT): 1, ("", Fate.REJECTED): 1}
        store.write(Batch(messages, rejected, list(births(run)), counts))
    return store


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    local = filled(open_store(f"duckdb://{tmp_path_factory.mktemp('remote')}/city.duckdb"))
    server = serve(application(local, Live(), Metrics(), lambda: None), port=0)
    remote = open_store(server.url, read_only=True)
    yield local, remote
    remote.close()
    server.stop()
    local.close()


@pytest.mark.parametrize("question", ["runs", "positions", "rejections"])
def test_a_remote_store_answers_as_the_local_one(stores, question):
    local, remote = (getattr(store, question)() for store in stores)
    assert local
    assert remote == local


@pytest.mark.parametrize("run", [*RUNS, "nope"])
@pytest.mark.parametrize("question", ["positions", "rejections", "counts", "cities", "stations"])
def test_a_remote_store_answers_about_a_run_as_the_local_one(stores, question, run):
    local, remote = (getattr(store, question)(run) for store in stores)
    assert remote == local


@pytest.mark.parametrize("run", [*RUNS, "nope", None])
def test_a_remote_store_gives_the_same_series(stores, run):
    local, remote = (store.series(run) for store in stores)
    assert remote.equals(local)
    assert remote.num_rows == {None: 10, "nope": 0}.get(run, 5)


@pytest.mark.parametrize("run", [*RUNS, "nope"])
def test_a_remote_store_gives_the_same_last_values(stores, run):
    local, remote = (store.latest(run) for store in stores)
    assert remote.equals(local)


@pytest.mark.parametrize(
    "selection",
    [
        Selection(("pm25",)),
        Selection(()),
        Selection(("pm25", "air_temperature"), ("khon-kaen",), ("haze-2",), ("mast-1",)),
        Selection(("pm25",), start=NOON + 1234, end=NOON + 9000, flagged=True),
        Selection(("pm25", "unemployment"), bucket=HALF_HOUR),
        Selection(("pm25",), bucket=86_400, local=True),
        Selection(("pm25",), bucket=86_400, local=False),
        Selection(("unemployment",), known_at=NOON + 10),
        Selection(("unemployment",), known_at=NOON + 86_400 * 2),
        Selection(("pm25",), runs=("nope",)),
        Selection(("no2",), cities=("rayong",)),
    ],
    ids=str,
)
def test_a_remote_store_reads_the_same_values(stores, selection):
    local, remote = (store.read(selection) for store in stores)
    assert remote.equals(local)
    assert remote.schema.equals(local.schema)


def test_the_promise_is_that_of_the_collectors_store(stores):
    local, remote = stores
    assert remote.promise is local.promise


def test_writing_is_refused(stores):
    with pytest.raises(StoreError, match="publish to the collector's broker"):
        stores[1].write(Batch())


def test_a_bad_question_is_the_users_error(stores):
    with pytest.raises(InputError, match="multiple of 30 minutes"):
        stores[1].read(Selection(("pm25",), bucket=7))


def test_a_collector_that_is_not_there_is_said_to_be_missing():
    with pytest.raises(StoreError, match=r"no collector answers at http://127.0.0.1:9.*start one"):
        open_store("http://127.0.0.1:9", read_only=True)


def test_a_url_without_a_host_is_refused():
    with pytest.raises(InputError, match="http://localhost:8080"):
        open_store("http://", read_only=True)


@pytest.fixture
def stranger():
    class Stranger(BaseHTTPRequestHandler):
        answer = (200, b"hello")

        def do_GET(self):
            status, body = self.answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Stranger)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Stranger, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"hello"),
        (200, b"[]"),
        (200, b'{"service": "x"}'),
        (404, b"no"),
        (500, b"{}"),
        (200, b'{"service": "nakhon", "promise": "never"}'),
    ],
)
def test_another_service_is_not_taken_for_a_collector(stranger, answer):
    handler, url = stranger
    handler.answer = answer
    with pytest.raises(StoreError, match=r"collector|this version"):
        open_store(url, read_only=True)


def test_a_broken_answer_is_an_error_of_the_store(stranger):
    handler, url = stranger
    handler.answer = (200, json.dumps({"service": "nakhon", "promise": "transactional"}).encode())
    remote = open_store(url, read_only=True)
    handler.answer = (200, b"\x00" * 40)
    with pytest.raises(StoreError, match="try again"):
        remote.latest("haze-1")
    handler.answer = (200, b'{"runs": [{"run": 1}]}')
    with pytest.raises(StoreError, match="this version"):
        remote.runs()
