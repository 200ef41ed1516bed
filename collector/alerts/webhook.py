"""Posts notices to a URL, in order, until they are taken: bounded, with back-off and full jitter."""

from __future__ import annotations

import contextlib
import logging
import random
import socket
import threading
from collections import deque
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from collector.alerts.states import WAITING
from collector.language.errors import InputError

TOKEN = "NAKHON_ALERTS_TOKEN"  # noqa: S105 - the name of the variable, not what it holds
PATIENCE = 10.0
FIRST_RETRY = 0.5
LONGEST_RETRY = 60.0
QUEUE = WAITING
_TRY_AGAIN = frozenset({408, 425, 429})

log = logging.getLogger("nakhon.alerts")


def check_webhook(url: str) -> None:
    """Raise `InputError` for what is no URL to post to, or one with a password in it."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # no port, no address
        usable = False
    if not usable or not _plain(url) or " " in url:
        expected = "expected the URL of a webhook such as https://host/path, in ASCII and with no spaces"
        raise InputError(f"{expected}; what came is not shown, for it may hold a secret")
    if parts.username or parts.password:
        raise InputError(f"a password in a URL ends up in logs: put a token into {TOKEN} instead")


class Webhook:
    """A webhook: `offer` a payload, and it is posted as JSON by a thread of its own, the oldest first.

    An answer of 2xx takes it; what else it holds is not read, and redirects are not followed. Others are tried again
    with back-off; what the server refuses for good (4xx) is given up, so that it does not hold up the rest. When the
    queue is full the oldest gives way. The header `Idempotency-Key` holds the id of the notice, `Authorization` the
    token, if there is one. Raises `InputError` for a URL or a token that cannot be sent.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        check_webhook(url)
        if token and not _plain(token):
            raise InputError(f"expected {TOKEN} to be one line of ASCII; it is not shown")
        self._url = urlsplit(url)
        self._token = token
        self._queue: deque[tuple[str, bytes]] = deque()
        self._some = threading.Condition()
        self._ended = threading.Event()
        self._taken: Callable[[str], None] = lambda _: None
        self._place = self._url.netloc
        self._down = False
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)

    def start(self, taken: Callable[[str], None]) -> None:
        """Post from now on; `taken` is called with the id of what has been taken, or given up."""
        self._taken = taken
        self._thread.start()

    def offer(self, identity: str, payload: bytes) -> None:
        """Have a payload posted."""
        with self._some:
            if len(self._queue) >= QUEUE:
                lost, _ = self._queue.popleft()
                log.error("the webhook %s takes too little: %s is not posted before the next start", self._place, lost)
            self._queue.append((identity, payload))
            self._some.notify()

    def stop(self) -> None:
        """Stop; what was not taken is not lost, whoever offered it still has it."""
        self._ended.set()
        with self._some:
            self._some.notify()
        if self._thread.is_alive():
            self._thread.join(PATIENCE + 1)

    def _run(self) -> None:
        delay = FIRST_RETRY
        while not self._ended.is_set():
            with self._some:
                while not self._queue and not self._ended.is_set():
                    self._some.wait()
                head = self._queue[0] if self._queue else None
            if head is None or self._ended.is_set():
                continue
            if self._deliver(*head):
                delay = FIRST_RETRY
                with self._some:
                    if self._queue and self._queue[0] is head:
                        self._queue.popleft()
                self._taken(head[0])
            else:
                self._ended.wait(random.uniform(0, delay))
                delay = min(delay * 2, LONGEST_RETRY)

    def _deliver(self, identity: str, payload: bytes) -> bool:
        """Whether a payload needs no further try."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": identity, "User-Agent": "nakhon"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            status, reason = self._post(payload, headers)
        except (HTTPException, OSError) as error:
            return self._failed(f"{str(error) or type(error).__name__:.100}")
        if not 200 <= status < 300:
            told = f"{status} {reason:.100}"
            if status >= 500 or status in _TRY_AGAIN:
                return self._failed(told)
            log.error("the webhook %s refuses %s for good: %s", self._place, identity, told)
            return True
        if self._down:
            log.warning("the webhook %s takes notices again", self._place)
        self._down = False
        return True

    def _post(self, payload: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """What the server answers within `PATIENCE`, however slowly it speaks."""
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=PATIENCE)
        late = threading.Timer(PATIENCE, _cut, (connection,))
        late.start()
        try:
            target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
            connection.request("POST", target, payload, headers)
            answer = connection.getresponse()
        except (HTTPException, OSError):
            if late.finished.is_set():
                raise TimeoutError(f"no answer within {PATIENCE:g} s") from None
            raise
        else:
            return answer.status, answer.reason
        finally:
            late.cancel()
            connection.close()

    def _failed(self, why: str) -> bool:
        if not self._down:
            log.error("the webhook %s takes nothing: %s; trying again", self._place, why)
        self._down = True
        return False


def _cut(connection: HTTPConnection) -> None:
    if (held := connection.sock) is not None:
        with contextlib.suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable()
