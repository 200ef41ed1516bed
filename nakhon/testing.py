"""What the fixtures of `pytest-nakhon` hand out: a broker, cities that speak, messages that are waited for."""

from __future__ import annotations

import contextlib
import queue
import secrets
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from collector.language.broker import parse_broker
from collector.language.control import Reply, Request
from collector.language.errors import BrokerError, NakhonError
from nakhon.captures.capture import Captured
from nakhon.captures.recording import Ear, Recorder, matches
from nakhon.embedded_broker import embedded_broker
from nakhon.plays import simulated
from nakhon.stage import Play, Words
from nakhon.terminal.durations import parse_length
from simulator.clock import parse_pace
from simulator.formats import format_of
from simulator.publisher import Publisher
from simulator.scenario import Scenario, load_scenario, parse_scenario

HOST = "127.0.0.1"
MOST_KEPT = 200_000
SHOWN = 5
PATIENCE = 30.0
CONFIGURATION = """\
listener {port} {host}
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages 0
"""

Where = Callable[[Captured], bool]


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[str]:
    """The URL of a broker that runs as long as the block, on a port of its own."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        with embedded_broker() as (own, _older):
            yield own.url
        return
    port = _free_port()
    configuration = folder / "mosquitto.conf"
    configuration.write_text(CONFIGURATION.format(port=port, host=HOST), "utf-8")
    with (folder / "mosquitto.log").open("wb") as log:
        process = subprocess.Popen([program, "-c", str(configuration)], stdout=log, stderr=log)  # noqa: S603
        try:
            _wait_for_port(port, process)
            yield f"mqtt://{HOST}:{port}"
        finally:
            process.terminate()
            process.wait(10)


class Expect:
    """Everything that is said on a broker from now on; call it to wait for messages."""

    def __init__(self, url: str) -> None:
        self._heard: list[Captured] = []
        self._arrived = threading.Condition()
        self._marker = f"nakhon-expect/{secrets.token_hex(4)}"
        self._marks = 0
        self._closed = False
        self._recorder = Recorder(parse_broker(url), Ear(), self._take)
        self._recorder.start()

    def __call__(
        self, topic: str, count: int = 1, *, within: float = 5.0, where: Where | None = None, exactly: bool = False
    ) -> list[Captured]:
        """Return the messages on a topic (with + and #) as soon as `count` have come; fail after `within` seconds.

        Counted is what came since the test began. `where` takes a message and says whether it counts. With `exactly`,
        one too many is a failure as well: all that was published before the call is heard first.
        """
        __tracebackhide__ = True
        deadline = time.monotonic() + within
        if exactly:
            self._hear_all(deadline)
        found = self._wait(topic, count, where, deadline)
        if len(found) < count or (exactly and len(found) > count):
            pytest.fail(self._explain(topic, count, within, where, exactly=exactly))
        return found

    def heard(self, topic: str = "#", *, where: Where | None = None, within: float = 5.0) -> list[Captured]:
        """Everything on a topic that the broker had acknowledged before the call; fails after `within` seconds."""
        __tracebackhide__ = True
        if not self._closed:
            self._hear_all(time.monotonic() + within)
        with self._arrived:
            return self._fitting(topic, where)

    def close(self) -> None:
        """Hear no more; what was heard stays."""
        self._closed = True
        self._recorder.stop()

    def _take(self, captured: Captured) -> None:
        with self._arrived:
            if captured.topic == self._marker:
                self._marks += 1
            elif len(self._heard) < MOST_KEPT:
                self._heard.append(captured)
            self._arrived.notify_all()

    def _wait(self, topic: str, count: int, where: Where | None, deadline: float) -> list[Captured]:
        found: list[Captured] = []
        looked_at = 0

        def enough() -> bool:
            nonlocal looked_at
            newest = self._heard[looked_at:]
            looked_at += len(newest)
            found.extend(one for one in newest if _fits(one, topic, where))
            return len(found) >= count

        with self._arrived:
            self._arrived.wait_for(enough, max(0.0, deadline - time.monotonic()))
        return found

    def _fitting(self, topic: str, where: Where | None) -> list[Captured]:
        return [one for one in self._heard if _fits(one, topic, where)]

    def _hear_all(self, deadline: float) -> None:
        """Say something and wait until it comes back: what was published before is then here."""
        __tracebackhide__ = True
        with self._arrived:
            wanted = self._marks + 1
        self._recorder.say(self._marker, b"")
        with self._arrived:
            if not self._arrived.wait_for(lambda: self._marks >= wanted, max(0.0, deadline - time.monotonic())):
                pytest.fail("the broker did not bring back our own message in time; is it overloaded?")

    def _explain(self, topic: str, count: int, within: float, where: Where | None, *, exactly: bool) -> str:
        with self._arrived:
            on_topic, found = self._fitting(topic, None), self._fitting(topic, where)
            anything = self._heard[-SHOWN:]
            others = len(self._heard) - len(on_topic)
            full = len(self._heard) >= MOST_KEPT
        wanted = f"{'exactly' if exactly else 'at least'} {count} message{'s' * (count != 1)} on {topic!r}"
        lines = [f"expected {wanted}{' where it holds' if where else ''} within {within:g} s; {len(found)} came"]
        if where is not None:
            lines.append(f"on the topic came {len(on_topic)}, of which it holds for {len(found)}")
        lines += [f"  {_shown(one)}" for one in (on_topic if where else found)[-SHOWN:]]
        if not on_topic:
            lines.append(f"on other topics came {others}" + (":" if others else ""))
            lines += [f"  {_shown(one)}" for one in anything]
        if full:
            lines.append(f"only the first {MOST_KEPT:,} messages of the test were kept")
        return "\n".join(lines)


@dataclass
class City:
    """Cities that are speaking. `run` is the name in their topics; `wait` until they have said everything."""

    play: Play
    publisher: Publisher
    _done: threading.Event = field(default_factory=threading.Event)
    _failed: list[BaseException] = field(default_factory=list)

    @property
    def run(self) -> str:
        """The name of the run."""
        return self.play.cast.run

    @property
    def messages(self) -> int:
        """How many messages have been said."""
        return self.play.progress.messages

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait until everything is said and the broker has taken it; how many messages. Fails at the deadline."""
        __tracebackhide__ = True
        if not self._done.wait(seconds):
            pytest.fail(f"the cities of {self.run} were still speaking after {seconds:g} s: {self.messages:,} messages")
        if self._failed:
            raise self._failed[0]
        return self.messages

    def stop(self) -> int:
        """Have them end in order; how many messages they said."""
        self.play.clock.stop()
        self.publisher.flow.close()
        return self.wait()

    def command(self, command: str, seconds: float = PATIENCE, **arguments: Any) -> dict[str, Any]:
        """Have them obey a command of the control topic, such as `pause`; what came of it. Fails if they refuse."""
        __tracebackhide__ = True
        replies: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        self.play.clock.command(Request(secrets.token_hex(4), command, arguments), replies.put)
        try:
            reply = replies.get(timeout=seconds)
        except queue.Empty:
            pytest.fail(f"the cities of {self.run} did not obey {command!r} within {seconds:g} s; do they still speak?")
        if not reply.ok:
            pytest.fail(f"{command}: {reply.error}")
        return reply.result

    def speak(self) -> None:
        """Say everything (in a thread of its own)."""
        try:
            self.play.perform(self.publisher, lambda _progress: None)
            if left := self.publisher.finish():
                raise BrokerError(f"the broker did not take {left} messages in time")
        except NakhonError as error:
            self._failed.append(error)
        finally:
            self._done.set()


def start_fault(city: City, fault: str, **more: Any) -> dict[str, Any]:
    """Start a fault in cities that are speaking: what the simulation understood, with its `id`."""
    __tracebackhide__ = True
    return city.command("fault.start", fault=fault, **more)


class StartFault(Protocol):
    """Starts a fault."""

    def __call__(self, city: City, fault: str, **more: Any) -> dict[str, Any]:
        """See `start_fault`."""


class Cities:
    """Starts cities; what is still speaking at the end is stopped."""

    def __init__(self, url: str) -> None:
        self._broker = parse_broker(url)
        self._started: list[City] = []

    def __call__(
        self,
        scenario: str | Path = "demo",
        *,
        cities: Sequence[str] = (),
        duration: str | None = None,
        pace: str | float = "max",
        seed: int | None = None,
        payload_format: str = "wire",
    ) -> City:
        """Cities that have begun to speak: births are said, readings follow at the pace.

        Parameters
        ----------
        scenario
            The name of a shipped scenario, a file, or the text of one.
        cities
            Which of its cities; all by default.
        duration
            How much is simulated, such as `"12h"`; the scenario's own by default.
        pace
            `"max"`, `"realtime"`, or simulated seconds a second.
        seed
            What is drawn; the scenario's own by default.
        payload_format
            What they say it in: `wire`, `reading`, `senml-json`, ...

        Raises
        ------
        NakhonError
            With what is wrong with the scenario or the broker.
        """
        asked = _asked(scenario, cities, duration, seed)
        words = Words(payload_format, format_of(payload_format))
        play = simulated(asked, parse_pace(str(pace)), None, 1, words=words)
        publisher = Publisher(self._broker, play.cast, play.session, make=words.make, obey=play.clock.command)
        publisher.start()
        city = City(play, publisher)
        self._started.append(city)
        threading.Thread(target=city.speak, name=f"city-{city.run}", daemon=True).start()
        return city

    def close(self) -> None:
        """Stop all that speak."""
        with contextlib.ExitStack() as stack:
            for one in self._started:
                stack.callback(one.stop)


def _asked(scenario: str | Path, cities: Sequence[str], duration: str | None, seed: int | None) -> Scenario:
    text = str(scenario)
    found = parse_scenario(text, "test") if "\n" in text else load_scenario(text)
    if unknown := set(cities) - set(found.cities):
        raise ValueError(f"{', '.join(sorted(unknown))}: not in the scenario; it has {', '.join(found.cities)}")
    length = found.end - found.start if duration is None else parse_length(duration)
    return replace(
        found,
        cities=tuple(cities) or found.cities,
        end=found.start + length,
        seed=found.seed if seed is None else seed,
    )


def _fits(one: Captured, topic: str, where: Where | None) -> bool:
    return matches(topic, one.topic) and (where is None or where(one))


def _shown(one: Captured) -> str:
    text = one.payload.decode(errors="replace")
    kept = " (retained)" if one.retain else ""
    return f"{one.topic}{kept}: {text if len(text) <= 200 else text[:197] + '...'}"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as one:
            if one.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.01)
    raise BrokerError(f"mosquitto does not listen on {HOST}:{port} (exit code {process.poll()})")
