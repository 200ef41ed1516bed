"""Shell commands of a plan, and the consumer that it starts: what they say is kept, bounded; nothing outlives us."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

KEPT = 16 << 10
PIECE = 4096
AGAIN = 0.25
GOODBYE = 15.0


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a command: its exit code (None: it was stopped at its timeout), what it said last, for how long."""

    exit: int | None
    said: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Shell:
    """Where commands run: their environment, and the secrets that nothing they say may show."""

    environment: Mapping[str, str]
    hidden: Sequence[str] = ()

    def start(self, command: str) -> Running:
        """A command under way, in a group of processes of its own."""
        return Running(command, self)

    def run(self, command: str, timeout: float, over: threading.Event | None = None) -> Done:
        """Run a command to its end, at most `timeout` seconds; it is stopped when `over` is set."""
        began = time.monotonic()
        running = self.start(command)
        while running.exit is None and time.monotonic() - began < timeout and not (over is not None and over.is_set()):
            running.wait(0.05)
        code = running.exit
        if code is None:
            running.end(signal.SIGKILL)
        return Done(code, running.said, time.monotonic() - began)

    def until(self, command: str, within: float, over: threading.Event) -> Done:
        """Run a command again and again until it succeeds; the last try, as long as all took."""
        began = time.monotonic()
        while True:
            done = self.run(command, max(1.0, within - (time.monotonic() - began)), over)
            spent = time.monotonic() - began
            if done.exit == 0 or spent >= within or over.wait(AGAIN):
                return Done(done.exit, done.said, spent)


class Running:
    """A shell command under way."""

    def __init__(self, command: str, shell: Shell) -> None:
        self._hidden = shell.hidden
        self._pieces: deque[bytes] = deque(maxlen=KEPT // PIECE)
        self._process = subprocess.Popen(  # noqa: S603 - the commands of the plan that the user names
            ["/bin/sh", "-c", command],
            env=dict(shell.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            bufsize=0,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            while piece := pipe.read(PIECE):
                self._pieces.append(piece)

    @property
    def exit(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.poll()

    @property
    def said(self) -> str:
        """The end of what it said, without secrets."""
        if self.exit is not None:
            self._reader.join(0.5)
        text = b"".join(self._pieces).decode(errors="replace")
        for secret in self._hidden:
            text = text.replace(secret, "***")
        return text

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, at most so long."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def end(self, how: signal.Signals) -> int | None:
        """Send it and all it started a signal and wait for its end; whoever does not heed is killed."""
        for number in (how, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            self.wait(GOODBYE)
            if self.exit is not None:
                break
        return self.exit


class UnderTest:
    """The consumer, if the plan starts it."""

    def __init__(self, shell: Shell, command: str | None, ready: str | None, within: float) -> None:
        self._shell, self._command, self._ready, self._within = shell, command, ready, within
        self._running: Running | None = None
        self.said: list[str] = []

    def act(self, what: str, over: threading.Event) -> Done:
        """Start it (and wait until it is ready), stop it (SIGINT) or kill it (SIGKILL)."""
        began = time.monotonic()
        code, said = _ACTS[what](self, over)
        return Done(code, said, time.monotonic() - began)

    def _start(self, over: threading.Event) -> tuple[int | None, str]:
        if self._command is None or (self._running is not None and self._running.exit is None):
            return 1, "it is running already"
        self._running = self._shell.start(self._command)
        if self._ready is None:
            return 0, ""
        done = self._shell.until(self._ready, self._within, over)
        if self._running.exit is not None:
            return (
                self._running.exit or 1,
                f"the consumer has ended (exit code {self._running.exit}): {self._running.said}",
            )
        return done.exit, done.said

    def _kill(self, _over: threading.Event) -> tuple[int | None, str]:
        return self._end(signal.SIGKILL)

    def _stop(self, _over: threading.Event) -> tuple[int | None, str]:
        return self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> tuple[int | None, str]:
        if self._running is None or self._running.exit is not None:
            return 1, "it is not running"
        self._running.end(how)
        self.said.append(self._running.said)
        self._running = None
        return 0, ""

    def close(self) -> None:
        """Stop it if it runs."""
        if self._running is not None:
            self._end(signal.SIGINT)


_ACTS: Mapping[str, Callable[[UnderTest, threading.Event], tuple[int | None, str]]] = {
    "start": UnderTest._start,  # noqa: SLF001
    "stop": UnderTest._stop,  # noqa: SLF001
    "kill": UnderTest._kill,  # noqa: SLF001
}
