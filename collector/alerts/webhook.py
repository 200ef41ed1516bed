"""Posts notices to a URL, in order, until they are taken: bounded, with back-off and full jitter."""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from collector.language.errors import InputError

TOKEN = "NAKHON_ALERTS_TOKEN"  # noqa: S105 - the name of the variable, not what it holds
PATIENCE = 10.0
FIRST_RETRY = 0.5
LONGEST_RETRY = 60.0
QUEUE = 1_000
_TRY_AGAIN = frozenset({408, 425, 429})

log = logging.getLogger("nakhon.alerts")


class _NoRedirect(HTTPRedirectHandler):
    """Another address is not followed: it would get the token."""

    def redirect_request(self, *_: Any) -> None:
        return None


def check_webhook(url: str) -> None:
    """Raise `InputError` for what is no URL to post to, or one with a password in it."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"expected the URL of a webhook such as https://host/path, came {url[:80]!r}")
    if parts.username or parts.password:
        raise InputError(f"a password in a URL ends up in logs: put a token into {TOKEN} instead")


class Webhook:
    """A webhook: `offer` a payload, and it is posted as JSON by a thread of its own, the oldest first.

    An answer of 2xx takes it. Others are tried again with back-off; what the server refuses for good (4xx) is given up,
    so that it does not hold up the rest. When the queue is full the oldest gives way. The header `Idempotency-Key`
    holds the id of the notice, `Authorization` the token, if there is one.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        check_webhook(url)
        self._url = url
        self._token = token
        self._opener = build_opener(ProxyHandler({}), _NoRedirect())
        self._queue: deque[tuple[str, bytes]] = deque()
        self._some = threading.Condition()
        self._ended = threading.Event()
        self._taken: Callable[[str], None] = lambda _: None
        self._place = urlsplit(url).netloc
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
        request = Request(self._url, payload, headers)  # noqa: S310 - http or https
        if self._token:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with self._opener.open(request, timeout=PATIENCE):
                pass
        except HTTPError as error:
            error.close()
            if error.code < 500 and error.code not in _TRY_AGAIN:
                log.error("the webhook %s refuses %s for good: %d %s", self._place, identity, error.code, error.reason)
                return True
            return self._failed(f"{error.code} {error.reason}")
        except (URLError, HTTPException, OSError) as error:
            return self._failed(str(getattr(error, "reason", error)))
        if self._down:
            log.warning("the webhook %s takes notices again", self._place)
        self._down = False
        return True

    def _failed(self, why: str) -> bool:
        if not self._down:
            log.error("the webhook %s takes nothing: %s; trying again", self._place, why)
        self._down = True
        return False
