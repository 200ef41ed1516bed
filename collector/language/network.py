"""One thread that drives any number of connections from one selector loop."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import queue
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

PACKETS_A_TURN = 200
TICK = 0.5
ROUND = 10  # ticks in which every connection is looked at once
OPENERS = 4

log = logging.getLogger("nakhon.connection")


class Driven(Protocol):
    """What a network drives."""

    @property
    def socket(self) -> Any:
        """Its socket, or None."""

    @property
    def events(self) -> int:
        """What to watch its socket for, as selectors count it."""

    def connect(self) -> None:
        """Connect, or plan to try again."""

    def read(self) -> bool:
        """Take a packet; whether there may be more at once."""

    def write(self) -> None:
        """Write what is queued, as far as the socket takes it."""

    def look(self) -> None:
        """Send a sign of life when one is due, find out that the other side is gone."""

    def broken(self, error: Exception) -> None:
        """What was read made no sense."""

    def close(self) -> None:
        """Leave in order."""


@dataclass(order=True, slots=True)
class _Timer:
    due: float
    number: int
    call: Callable[[], None] = field(compare=False)


class Network:
    """The thread that drives connections. Use `start`, `add` and `stop`."""

    def __init__(self, name: str = "network") -> None:
        self._name = name
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._calls: deque[Callable[[], None]] = deque()
        self._timers: list[_Timer] = []
        self._numbers = itertools.count()
        self._connections: list[Driven] = []
        self._watched: dict[Driven, tuple[Any, int]] = {}
        self._writing: set[Driven] = set()
        self._turn = 0
        self._stopping = False
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._openers = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> Network:
        """Start the thread."""
        self._thread.start()
        return self

    def add(self, connection: Driven) -> None:
        """Drive a connection: connect it now and again whenever it breaks."""
        self._connections.append(connection)
        self.call(connection.connect)

    def call(self, function: Callable[[], None]) -> None:
        """Run a function in the network thread, soon."""
        self._calls.append(function)
        self.wake()

    def later(self, delay: float, function: Callable[[], None]) -> None:
        """Run a function in the network thread after a delay in seconds (network thread only)."""
        heapq.heappush(self._timers, _Timer(time.monotonic() + delay, next(self._numbers), function))

    def aside(self, job: Callable[[], None]) -> None:
        """Run what has to wait, in another thread, a few at a time (network thread only)."""
        if self._openers < OPENERS:
            self._openers += 1
            threading.Thread(target=self._open, name=f"{self._name}-opener", daemon=True).start()
        self._jobs.put(job)

    def _open(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def stop(self, timeout: float = 5.0) -> None:
        """Disconnect in order and end the thread."""
        for connection in self._connections:
            self.call(connection.close)
        self.call(self._finish)
        self._thread.join(timeout)
        for _ in range(self._openers):
            self._jobs.put(None)

    def _finish(self) -> None:
        self._stopping = True

    def wake(self) -> None:
        """Interrupt the wait of the network thread."""
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_write.send(b"\0")

    def watch(self, connection: Driven) -> None:
        """Watch the socket of a connection for what it wants to know of it (network thread)."""
        sock, events = connection.socket, connection.events
        before = self._watched.get(connection)
        if before is not None and (sock is None or not events or before[0] is not sock):
            self.unwatch(connection)
            before = None
        if sock is None or not events or before == (sock, events):
            return
        (self._selector.register if before is None else self._selector.modify)(sock, events, connection)
        self._watched[connection] = sock, events

    def unwatch(self, connection: Driven) -> None:
        """Watch the socket of a connection no more (network thread)."""
        sock, _ = self._watched.pop(connection, (None, 0))
        if sock is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(sock)

    def want_write(self, connection: Driven) -> None:
        """Write what a connection has queued (any thread)."""
        self._writing.add(connection)
        if threading.current_thread() is not self._thread:
            self.wake()

    def _run(self) -> None:
        next_tick = time.monotonic()
        while not self._stopping:
            for key, mask in self._selector.select(self._patience(next_tick)):
                if key.data is None:
                    self._drain_wake()
                    continue
                if mask & selectors.EVENT_WRITE:
                    self._writing.add(key.data)
                if mask & selectors.EVENT_READ:
                    self.read(key.data)
            self._run_calls()
            now = time.monotonic()
            if now >= next_tick:
                next_tick = now + TICK
                self._look_around()
            self._write()
        self._write()
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()

    def _patience(self, next_tick: float) -> float:
        if self._writing or self._calls:
            return 0.0
        due = min(next_tick, self._timers[0].due) if self._timers else next_tick
        return max(0.0, due - time.monotonic())

    def _drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake_read.recv(4096):
                pass

    def read(self, connection: Driven) -> None:
        """Take what has arrived on a connection, a turn's worth (network thread)."""
        try:
            for _ in range(PACKETS_A_TURN):
                if not connection.read():
                    return
        except Exception as error:  # whatever a broker says must not end the thread that all connections need
            log.debug("what was read made no sense", exc_info=True)
            connection.broken(error)
            return
        self.call(lambda: self.read(connection))  # what TLS holds back, the selector does not see

    def _run_calls(self) -> None:
        for _ in range(len(self._calls)):
            self._calls.popleft()()
        now = time.monotonic()
        while self._timers and self._timers[0].due <= now:
            heapq.heappop(self._timers).call()

    def _look_around(self) -> None:
        self._turn = (self._turn + 1) % ROUND
        for connection in self._connections[self._turn :: ROUND]:
            connection.look()

    def _write(self) -> None:
        for connection in list(self._writing):
            self._writing.discard(connection)  # before looking: another thread may add to it meanwhile
            connection.write()
            self.watch(connection)
