"""The door of the API: who asks under which name, how much and how often, and with which right.

What is refused here never reaches the store. No answer, log line or URL holds a token.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.serving.access import Access, Right
from collector.serving.metrics import Metrics, Refusal
from collector.serving.problems import problem

COOKIE = "nakhon"
LONGEST_URL = 8192
LONGEST_HEAD = 16 << 10
LARGEST_BODY = 64 << 10
WRONG_TOKEN = 25.0  # turns that a wrong token costs
RIGHT = "nakhon.right"  # where a request carries its right
OPEN = frozenset({"/health", "/ready", "/login", "/plotly.js"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SECURITY = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class _Refused:
    """An answer at the door, and why."""

    reason: Refusal
    answer: Response


class Guard:
    """Lets through what may pass, refuses the rest with what to do, and adds the security headers to every answer."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str], access: Access, metrics: Metrics) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts) | {"localhost"}
        self._access = access
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        headers = Headers(scope=scope)
        refused = self._looked_at(scope, headers) or self._asked_for(scope, headers)
        if refused is None:
            await self._app(scope, _bounded(receive), guarded)
            return
        self._metrics.turned_away(refused.reason)
        await refused.answer(scope, receive, guarded)

    def _looked_at(self, scope: Scope, headers: Headers) -> _Refused | None:
        """What is wrong with a request whoever asks: its host, its size, its number."""
        host = headers.get("host", "")
        if not self._known(host):
            told = f"expected localhost or the collector's own name as host, came {host[:80]!r}; "
            return _refused(Refusal.HOST, 400, f"{told}start the collector with --host-name and that name")
        wait = self._access.turns.take(_client(scope))
        if wait:
            return _too_often(wait)
        if len(scope.get("raw_path") or b"") + len(scope.get("query_string", b"")) > LONGEST_URL:
            return _refused(Refusal.SIZE, 414, f"expected at most {LONGEST_URL} bytes of URL; ask for less at once")
        if sum(len(name) + len(value) for name, value in headers.raw) > LONGEST_HEAD:
            return _refused(Refusal.SIZE, 431, f"expected at most {LONGEST_HEAD} bytes of headers")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 9 or int(length) > LARGEST_BODY:
            return _refused(Refusal.SIZE, 413, f"expected a body of at most {LARGEST_BODY} bytes")
        if "transfer-encoding" in headers:
            return _refused(Refusal.SIZE, 411, "expected a body with its content-length")
        return None

    def _asked_for(self, scope: Scope, headers: Headers) -> _Refused | None:
        """What is wrong with a request of this asker: where it comes from, its token, its right."""
        method, path = scope["method"], scope["path"]
        if method not in SAFE and _is_foreign(headers):
            return _refused(Refusal.ORIGIN, 403, "expected a request from the collector's own page; open that page")
        if not self._access.tokens.asked:
            scope[RIGHT] = Right.CONTROL
            return None
        token = _bearer(headers)
        right = scope[RIGHT] = self._right(token, headers)
        if token is not None and right is Right.NOTHING:
            wait = wrong_token(self._access, scope)
            return _too_often(wait) if wait else _wants_token("this token is not known")
        if path in OPEN or path == "/logout" or path.startswith("/static/"):
            return None
        if right is Right.NOTHING:
            if method in SAFE and "text/html" in headers.get("accept", ""):
                return _Refused(Refusal.TOKEN, RedirectResponse("/login", 303))
            return _wants_token("a token is needed")
        if method not in SAFE and right < Right.CONTROL:
            told = "expected the control token (NAKHON_API_CONTROL_TOKEN): the one given may only read"
            return _refused(Refusal.RIGHT, 403, told)
        return None

    def _right(self, token: str | None, headers: Headers) -> Right:
        if token is not None:
            return self._access.tokens.right(token)
        return self._access.sessions.right(cookie_of(headers))

    def _known(self, host: str) -> bool:
        name = host.lower()
        name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        with suppress(ValueError):
            return bool(ipaddress.ip_address(name))
        return name in self._hosts


def cookie_of(headers: Headers) -> str:
    """The session of a browser, empty without one."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")[:4096]).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def wrong_token(access: Access, scope: Scope) -> float:
    """Seconds until an address that named a wrong token may ask again; 0 if it may now."""
    return access.turns.take(_client(scope), WRONG_TOKEN)


def _bearer(headers: Headers) -> str | None:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def _is_foreign(headers: Headers) -> bool:
    """Whether a page of somebody else made a browser send this."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def _bounded(receive: Receive) -> Receive:
    """The body of a request; what is longer than it said, or than it may be, ends it."""
    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        return {"type": "http.disconnect"} if size > LARGEST_BODY else message

    return bounded


def _client(scope: Scope) -> str:
    """The address that asks; of IPv6 the network, for one host has as many addresses as it likes."""
    client = str((scope.get("client") or ("unknown",))[0])
    return client if ":" not in client else ":".join(client.split(":")[:4])


def _refused(reason: Refusal, status: int, told: str) -> _Refused:
    return _Refused(reason, problem(status, told))


def _too_often(wait: float) -> _Refused:
    seconds = math.ceil(wait)
    told = f"too many requests from this address; ask again in {seconds} s"
    return _Refused(Refusal.RATE, problem(429, told, {"retry-after": str(seconds)}))


def _wants_token(what: str) -> _Refused:
    told = f"{what}: send `Authorization: Bearer TOKEN` (nakhon takes it from NAKHON_API_TOKEN), or log in at /login"
    return _Refused(Refusal.TOKEN, problem(401, told, {"www-authenticate": 'Bearer realm="nakhon"'}))
