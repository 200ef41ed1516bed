"""The door of the API, over real sockets: who is let in, and what everybody else is told."""

import json
import logging
import socket
import ssl
import subprocess
from http.client import HTTPConnection

import pytest
from parts import need

from collector.language.errors import InputError, StoreError
from collector.serving.access import Access, Tokens, Turns
from collector.serving.api import application
from collector.serving.guard import LARGEST_BODY, LONGEST_HEAD, LONGEST_URL
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import Certificate, serve
from collector.stores import open_store
from collector.stores.secrets import provide

READ, CONTROL = "read-0123456789abcdef", "control-0123456789abcdef"


class Door:
    def __init__(self, store, tokens, turns=None):
        self.metrics, self.missing = Metrics(), None
        access = Access(tokens, turns=turns or Turns())
        app = application(store, Live(), self.metrics, lambda: self.missing, ("collector.example",), access)
        self.server = serve(app, port=0)

    def ask(self, path, method="GET", body=None, **headers):
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        told = answer.read()
        connection.close()
        return answer.status, answer.headers, told

    def status(self, path, token=None, method="GET", **headers):
        return self.ask(path, method, **(headers | ({"Authorization": f"Bearer {token}"} if token else {})))[0]

    def refused(self, reason):
        return self.metrics.value(f"nakhon_api_refused_total{{{reason}}}")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = open_store(f"duckdb://{tmp_path_factory.mktemp('guard')}/city.duckdb")
    yield made
    made.close()


@pytest.fixture(scope="module")
def door(store):
    made = Door(store, Tokens(READ, CONTROL))
    yield made
    made.server.stop()


@pytest.fixture
def narrow(store):
    made = Door(store, Tokens(READ), Turns(rate=0.001, most=30))
    yield made
    made.server.stop()


GUARDED = ["/api/v1/runs", "/api/v1/read?indicator=pm25", "/api/v1/live", "/metrics", "/", "/nowhere", "/api/v1/counts"]


@pytest.mark.parametrize("path", GUARDED)
def test_without_a_token_nothing_is_told_but_what_to_do(door, path):
    status, headers, body = door.ask(path)
    assert (status, headers["www-authenticate"]) == (401, 'Bearer realm="nakhon"')
    assert "NAKHON_API_TOKEN" in json.loads(body)["detail"]
    status, _, body = door.ask(path, Authorization="Bearer wrong-wrong-wrong-wrong")
    assert (status, "not known" in json.loads(body)["detail"]) == (401, True)
    assert b"wrong-wrong" not in body


@pytest.mark.parametrize(
    "told", ["", "Bearer", "Bearer ", f"Basic {READ}", READ, f"Bearer {READ}x", f"bearer  {READ[:-1]}"]
)
def test_only_a_bearer_token_counts(door, told):
    assert door.ask("/api/v1/runs", Authorization=told)[0] == 401


def test_both_tokens_may_read(door):
    assert [door.status("/api/v1/runs", token) for token in (READ, CONTROL)] == [200, 200]
    assert door.status("/metrics", READ) == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_what_changes_something_needs_the_control_token(door, method):
    status, _, body = door.ask("/api/v1/runs", method, Authorization=f"Bearer {READ}")
    assert (status, "NAKHON_API_CONTROL_TOKEN" in json.loads(body)["detail"]) == (403, True)
    assert door.status("/api/v1/runs", None, method) == 401
    assert door.status("/api/v1/runs", CONTROL, method) == 405  # let in; there is nothing to change here


def test_a_token_in_a_url_is_no_token(door):
    assert door.status(f"/api/v1/runs?token={READ}") == 401
    assert door.status(f"/api/v1/runs?access_token={READ}") == 401


def test_being_alive_is_told_to_everybody_but_reasons_are_not(door):
    assert door.status("/health") == 200
    door.missing = "nothing listens at mqtts://broker.inside:8883"
    asked = [door.ask("/ready"), door.ask("/ready", Authorization=f"Bearer {READ}")]
    door.missing = None
    assert [status for status, _, _ in asked] == [503, 503]
    assert [json.loads(body)["missing"] is None for _, _, body in asked] == [True, False]


def login(door, token, **headers):
    return door.ask("/login", "POST", f"token={token}", Content_Type="application/x-www-form-urlencoded", **headers)


def test_a_browser_is_led_to_the_login_and_its_cookie_is_out_of_reach_of_scripts_and_other_sites(door):
    status, headers, _ = door.ask("/", Accept="text/html,*/*")
    assert (status, headers["location"]) == (303, "/login")
    assert b'type="password"' in door.ask("/login")[2]
    status, headers, _ = login(door, READ)
    assert (status, headers["location"]) == (303, "/")
    cookie = headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert READ not in cookie
    held = cookie.partition(";")[0]
    assert door.status("/", Cookie=held) == 200
    assert door.status("/api/v1/runs", Cookie=held) == 200
    assert door.status("/api/v1/runs", method="DELETE", Cookie=held) == 403
    assert door.ask("/logout", "POST", Cookie=held)[0] == 303
    assert door.status("/api/v1/runs", Cookie=held) == 401


@pytest.mark.parametrize("body", ["", "token=", "token=wrong", "a=1&b=2&c=3&d=4&e=5", "%ff%00", "token=" + "x" * 5000])
def test_a_wrong_login_gets_no_cookie(door, body):
    status, headers, _ = door.ask("/login", "POST", body)
    assert (status, headers["location"], headers["set-cookie"]) == (303, "/login#refused", None)


@pytest.mark.parametrize(
    "cookie", ["nakhon=x", "nakhon", "nakhon=" + "x" * 9000, '"; a="', "\x7f=;;;", f"nakhon={READ}"]
)
def test_a_cookie_that_was_not_given_is_none(door, cookie):
    assert door.status("/api/v1/runs", Cookie=cookie) == 401


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}]
)
def test_a_page_of_somebody_else_can_change_nothing(door, headers):
    assert login(door, READ, **headers)[0] == 403
    assert door.ask("/api/v1/runs", "POST", Authorization=f"Bearer {CONTROL}", **headers)[0] == 403


def test_without_tokens_a_page_of_somebody_else_can_still_change_nothing(store):
    door = Door(store, Tokens())
    foreign = door.status("/api/v1/runs", method="POST", Origin="http://evil.example")
    ours = door.status("/api/v1/runs", method="POST", Origin=f"http://127.0.0.1:{door.server.port}")
    assert (foreign, ours, door.status("/login"), door.status("/api/v1/runs")) == (403, 405, 303, 200)
    door.server.stop()


def test_what_is_too_long_is_refused_before_it_is_read(door):
    assert door.status("/api/v1/runs?" + "x" * LONGEST_URL, READ) == 414
    assert door.ask("/login", "POST", b"x" * (LARGEST_BODY + 1))[0] == 413
    assert door.ask("/login", "POST", iter([b"x" * 10]), Transfer_Encoding="chunked")[0] == 411
    assert door.status("/health", X="y" * LONGEST_HEAD) == 431
    assert door.status("/health") == 200


def test_a_head_without_end_is_cut_off(door):
    with socket.create_connection(("127.0.0.1", door.server.port), 20) as raw:
        raw.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        answered = b""
        while not answered:
            try:
                raw.sendall(b"X: " + b"y" * 8000 + b"\r\n")
                raw.settimeout(0.01)
                answered = raw.recv(100)
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert answered[:12] in (b"", b"HTTP/1.1 400")


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 30, "x"])
def test_a_nonsense_length_is_refused(door, length):
    with socket.create_connection(("127.0.0.1", door.server.port), 20) as raw:
        raw.sendall(f"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode())
        assert raw.recv(100).split()[1] in (b"400", b"413")


def test_who_asks_too_often_is_told_when_to_come_back_and_it_is_counted(narrow):
    statuses = [narrow.status("/health") for _ in range(32)]
    assert statuses == [200] * 30 + [429] * 2
    status, headers, body = narrow.ask("/health")
    assert (status, int(headers["retry-after"]) >= 1, "ask again in" in json.loads(body)["detail"]) == (429, True, True)
    assert b'nakhon_api_refused_total{reason="rate"} 3.0' in narrow.metrics.exposition()


def test_behind_a_proxy_on_this_machine_the_limit_is_that_of_the_address_it_names(narrow):
    asked = [narrow.status("/health", X_Forwarded_For=f"10.0.0.{n % 2}") for n in range(62)]
    assert asked == [200] * 60 + [429] * 2


def test_wrong_tokens_use_up_the_turns_of_who_guesses(narrow):
    assert [narrow.status("/api/v1/runs", "wrong-wrong-wrong-wrong") for _ in range(3)] == [401, 429, 429]


def test_no_token_is_logged(door, caplog):
    caplog.set_level(logging.DEBUG)
    door.status("/api/v1/runs", READ)
    door.status("/api/v1/runs", "wrong-wrong-wrong-wrong")
    login(door, READ)
    assert not any(token in caplog.text for token in (READ, "wrong-wrong"))


def test_a_remote_store_sends_its_token_and_says_what_to_do_without(door):
    try:
        provide({"NAKHON_API_TOKEN": READ})
        remote = open_store(door.server.url, read_only=True)
        assert (remote.runs(), remote.pending()) == ([], 0)
        for secrets in ({}, {"NAKHON_API_TOKEN": "wrong-wrong-wrong-wrong"}):
            provide(secrets)
            with pytest.raises(InputError, match="NAKHON_API_TOKEN"):
                remote.runs()
    finally:
        provide({})


def test_a_token_in_the_url_of_a_collector_is_refused():
    with pytest.raises(InputError, match="NAKHON_API_TOKEN"):
        open_store(f"http://me:{READ}@127.0.0.1:9", read_only=True)


def certificate(folder, name="localhost"):
    key, chain = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        [need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", chain, "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return Certificate(chain, key)


def test_with_a_certificate_the_api_speaks_tls_which_a_remote_store_verifies(store, tmp_path, monkeypatch):
    made = certificate(tmp_path)
    server = serve(application(store, Live(), Metrics(), lambda: None), port=0, certificate=made)
    assert server.url.startswith("https://127.0.0.1:")
    with pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED"):
        open_store(server.url, read_only=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.chain))
    assert open_store(server.url, read_only=True).runs() == []
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode, old.maximum_version = False, ssl.CERT_NONE, ssl.TLSVersion.TLSv1_2
    old.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", server.port), 20) as plain, old.wrap_socket(plain) as spoken:
        assert spoken.version() == "TLSv1.2"
    server.stop()


def test_a_certificate_with_the_key_of_another_is_refused(store, tmp_path):
    one, two = certificate(tmp_path, "one"), certificate(tmp_path, "two")
    app = application(store, Live(), Metrics(), lambda: None)
    for wrong in (Certificate(one.chain, two.key), Certificate(tmp_path / "none.pem", one.key)):
        with pytest.raises(InputError, match="two PEM files that belong together"):
            serve(app, port=0, certificate=wrong)
