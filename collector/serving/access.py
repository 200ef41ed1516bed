"""Who may ask a collector what: tokens and their rights, sessions of browsers, and how often one address may ask.

Nothing here knows of HTTP. Tokens are compared by their digests in constant time; everything remembered is bounded.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256

from collector.language.errors import InputError

SHORTEST_TOKEN = 16
LONGEST_TOKEN = 512
SESSION = 12 * 3600.0
SESSIONS = 1000
REQUESTS_A_SECOND = 50.0
REQUESTS_AT_ONCE = 500.0
ADDRESSES = 10_000
_ADVICE = "make one with `openssl rand -hex 32`"


class Right(IntEnum):
    """What a request may do; the higher includes the lower."""

    NOTHING = 0
    READ = 1
    CONTROL = 2


@dataclass(frozen=True, slots=True)
class Tokens:
    """The secrets that give rights: one to read, one to read and control. Without any, everybody has every right."""

    read: str | None = field(default=None, repr=False)
    control: str | None = field(default=None, repr=False)

    @property
    def asked(self) -> bool:
        """Whether a token is needed at all."""
        return bool(self.read or self.control)

    def right(self, told: str) -> Right:
        """The right that a token gives; how long this takes says nothing about the tokens."""
        control, read = _same(told, self.control), _same(told, self.read)
        return Right.CONTROL if control else Right.READ if read else Right.NOTHING


def check_tokens(tokens: Tokens, host: str, names: Iterable[str] = ()) -> None:
    """Return if a collector may answer at an address under these names with these tokens.

    Raises
    ------
    InputError
        For a token that is easily guessed, two equal ones, or none where others than this machine may ask.
    """
    for name, token in (("NAKHON_API_TOKEN", tokens.read), ("NAKHON_API_CONTROL_TOKEN", tokens.control)):
        if token is not None and not SHORTEST_TOKEN <= len(token) <= LONGEST_TOKEN:
            raise InputError(f"expected {SHORTEST_TOKEN} to {LONGEST_TOKEN} characters in {name}: {_ADVICE}")
        if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
            raise InputError(f"expected letters, digits and signs without blanks in {name}: {_ADVICE}")
    if tokens.read is not None and tokens.read == tokens.control:
        raise InputError("expected two different tokens in NAKHON_API_TOKEN and NAKHON_API_CONTROL_TOKEN")
    if tokens.asked:
        return
    told = ", ".join(names)
    if told or not is_loopback(host):
        raise InputError(
            f"others than this machine could read the collector ({f'as {told}' if told else f'at {host}'}): put a "
            f"token into the environment as NAKHON_API_TOKEN ({_ADVICE}), or listen on 127.0.0.1 under no other name"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    with suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    return host.lower() == "localhost"


class Sessions:
    """Browsers that showed a token: each has a cookie of its own, for `SESSION` seconds; the oldest give way."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: OrderedDict[bytes, tuple[Right, float]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, right: Right) -> str:
        """The cookie of a new session."""
        cookie = secrets.token_urlsafe(32)
        with self._lock:
            self._held[_digest(cookie)] = (right, self._clock() + SESSION)
            while len(self._held) > SESSIONS:
                self._held.popitem(last=False)
        return cookie

    def right(self, cookie: str) -> Right:
        """The right of a session, nothing if it is not known or over."""
        with self._lock:
            right, until = self._held.get(_digest(cookie), (Right.NOTHING, 0.0))
            return right if self._clock() < until else Right.NOTHING

    def end(self, cookie: str) -> None:
        """Forget a session."""
        with self._lock:
            self._held.pop(_digest(cookie), None)


class Turns:
    """How often each address may ask: a bucket of turns that refills; the addresses quiet longest give way."""

    def __init__(
        self,
        rate: float = REQUESTS_A_SECOND,
        most: float = REQUESTS_AT_ONCE,
        addresses: int = ADDRESSES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate, self._most, self._addresses, self._clock = rate, most, addresses, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, address: str, turns: float = 1.0) -> float:
        """Seconds until an address may ask again: 0 if it may now, and then its turns are taken."""
        now = self._clock()
        with self._lock:
            held, since = self._buckets.pop(address, (self._most, now))
            held = min(self._most, held + (now - since) * self._rate)
            granted = held >= turns
            self._buckets[address] = (held - turns if granted else held, now)
            while len(self._buckets) > self._addresses:
                self._buckets.popitem(last=False)
        return 0.0 if granted else (turns - held) / self._rate


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask: the tokens, the sessions they opened, and how often each address may."""

    tokens: Tokens = field(default_factory=Tokens)
    sessions: Sessions = field(default_factory=Sessions)
    turns: Turns = field(default_factory=Turns)


def _same(told: str, token: str | None) -> bool:
    same = hmac.compare_digest(_digest(told), _digest(token or ""))
    return same and bool(token)


def _digest(text: str) -> bytes:
    return sha256(text.encode(errors="surrogatepass")).digest()
