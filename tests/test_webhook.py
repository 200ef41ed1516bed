"""The webhook, against a real HTTP server: in order, until taken, bounded, and the token to nobody else."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from parts import free_port, wait_for

from collector.alerts import webhook
from collector.alerts.webhook import Webhook, check_webhook
from collector.language.errors import InputError


class Desk:
    """A server that answers what it is set to, in turn, the last for ever."""

    def __init__(self, *answers: int, port: int = 0) -> None:
        self.bodies: list[bytes] = []
        self.tokens: list[str | None] = []
        left, desk = list(answers), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                desk.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                desk.tokens.append(self.headers["Authorization"])
                self.send_response(left.pop(0) if len(left) > 1 else left[0])
                self.send_header("Location", f"http://127.0.0.1:{desk.port}/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/x"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    monkeypatch.setattr(webhook, "FIRST_RETRY", 0.01)
    monkeypatch.setattr(webhook, "LONGEST_RETRY", 0.02)
    return []


def post(url: str, taken: list[str], *identities: str, token: str | None = "secret") -> Webhook:
    hook = Webhook(url, token)
    for one in identities:
        hook.offer(one, one.encode())
    hook.start(taken.append)
    return hook


def test_what_fails_is_tried_again_in_order_until_it_is_taken(taken: list[str]) -> None:
    desk = Desk(503, 429, 204)
    hook = post(desk.url, taken, "a", "b")
    wait_for(lambda: taken == ["a", "b"], 10, "both")
    hook.stop()
    desk.close()
    assert desk.bodies == [b"a", b"a", b"a", b"b"]
    assert set(desk.tokens) == {"Bearer secret"}


def test_what_is_refused_for_good_does_not_hold_up_the_rest(taken: list[str]) -> None:
    desk = Desk(400, 204)
    hook = post(desk.url, taken, "a", "b", token=None)
    wait_for(lambda: taken == ["a", "b"], 10, "both")
    hook.stop()
    desk.close()
    assert desk.bodies == [b"a", b"b"]
    assert desk.tokens == [None, None]


def test_a_redirect_is_not_followed(taken: list[str]) -> None:
    desk = Desk(302)
    hook = post(desk.url, taken, "a")
    wait_for(lambda: taken == ["a"], 10, "the notice to be given up")
    hook.stop()
    desk.close()
    assert len(desk.bodies) == 1


def test_a_server_that_comes_late_gets_all(taken: list[str]) -> None:
    port = free_port()
    hook = post(f"http://127.0.0.1:{port}/x", taken, "a")
    desk = Desk(204, port=port)
    wait_for(lambda: taken == ["a"], 10, "the notice")
    hook.stop()
    desk.close()


def test_a_full_queue_gives_up_the_oldest_and_the_end_does_not_wait(
    taken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "QUEUE", 2)
    hook = Webhook(f"http://127.0.0.1:{free_port()}/x")
    for one in ("a", "b", "c"):
        hook.offer(one, b"")
    assert [one for one, _ in hook._queue] == ["b", "c"]
    hook.start(taken.append)
    hook.stop()
    assert taken == []


def test_a_server_that_answers_for_ever_is_left_alone(taken: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as desk:

        def drip() -> None:
            first, _ = desk.accept()
            with first, contextlib.suppress(OSError):
                while True:  # each byte comes in time
                    first.sendall(b"x")
                    ended.wait(0.05)
            second, _ = desk.accept()
            with second:
                second.sendall(b"HTTP/1.1 204 " + b"y" * 10_000 + b"\r\n\r\n")

        ended = threading.Event()
        server = threading.Thread(target=drip)
        server.start()
        hook = post(f"http://127.0.0.1:{desk.getsockname()[1]}", taken, "a")
        wait_for(lambda: taken == ["a"], 10, "the notice")
        hook.stop()
        server.join()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/secret", "file:///secret", "https://", "host/secret", "https://me:secret@host/x", "https://[secret",
        "https://host:99999/secret", "https://host/ความลับ/secret", "https://host/a secret", "https://host/secret\x00",
    ],
)  # fmt: skip
def test_only_a_plain_http_url_is_a_webhook_and_no_other_is_shown(url: str) -> None:
    with pytest.raises(InputError) as caught:
        check_webhook(url)
    assert "secret@" not in str(caught.value)
    assert "/secret" not in str(caught.value)


@pytest.mark.parametrize("token", ["sec\nret", "ความลับ"])
def test_a_token_that_no_header_can_hold_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(InputError, match=webhook.TOKEN) as caught:
        Webhook("https://host/x", token)
    assert token not in str(caught.value)
