"""The real parts that tests use: where one is not installed, the test is skipped and says what is missing."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import Running, started

from collector.language.codec import digest
from collector.language.ledger import Entry
from collector.language.messages import Event, Message, Readings, Statistic

BUSY = 3.0


def need(program: str) -> str:
    """The path of a program; the test is skipped without it, or fails if NAKHON_REQUIRE names it."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found is None:
        required = os.environ.get("NAKHON_REQUIRE", "").split(",")
        (pytest.fail if program in required else pytest.skip)(f"{program} is not installed")
    return found


def free_port() -> int:
    """A port on loopback that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Return as soon as a condition holds; fail at the deadline, saying what was waited for.

    The deadline is of a quiet machine: a busy one has several times as long.
    """
    deadline = time.monotonic() + BUSY * seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {BUSY * seconds:g} s for {what}")
        time.sleep(0.02)


def entry_of(message: Message, payload: bytes, said: bytes | None = None) -> Entry:
    """What a ledger should tell of a message, worked out without one."""
    match message.body:
        case Readings(times):
            first, last = times[0], times[-1]
        case Event(time) | Statistic(published=time):
            first = last = time
    assert message.seq is not None
    told = (payload if said is None else said).decode()
    return Entry(message.address, message.seq, message.values, f"{first}Z", f"{last}Z", digest(payload), told)


def listening(port: int) -> bool:
    """Whether something accepts connections on a port of loopback."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


class Mosquitto:
    """A Mosquitto of the test's own: it can be killed and started again with what it kept on disk."""

    def __init__(self, folder: Path, settings: str, *, anonymous: bool = True) -> None:
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._program = need("mosquitto")
        self._configuration = folder / "mosquitto.conf"
        listener = f"listener {self.port} 127.0.0.1\nallow_anonymous {str(anonymous).lower()}\nuser root\n"
        persistence = f"persistence true\npersistence_location {folder}/\nautosave_interval 1\n"
        self._configuration.write_text(f"{listener}{persistence}{settings}\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(lambda: listening(self.port), 10, "mosquitto to listen")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


def nakhon(*arguments: str, folder: Path, **environment: str) -> Running:
    """A command under way; what it prints is in `<command>.out` and `<command>.log`."""
    with (folder / f"{arguments[0]}.out").open("w") as out, (folder / f"{arguments[0]}.log").open("a") as err:
        if "LD_PRELOAD" not in environment:
            return started(arguments, folder, os.environ | environment, out.fileno(), err.fileno())
        command = [sys.executable, "-m", "nakhon", *arguments]
        return subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=out, stderr=err)  # type: ignore[return-value]
