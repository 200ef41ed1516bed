"""What `nakhon record` and `nakhon replay capture` do."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rich.console import Console

from collector.language.broker import Broker
from nakhon.captures.capture import NONE, Captured, CaptureReader, CaptureWriter
from nakhon.captures.capture_replay import Mouth, say_again
from nakhon.captures.recording import Ear, Recorder, matches
from nakhon.captures.rewriting import UNCHANGED, Rewriter, Rewriting
from nakhon.terminal.interrupt import after, on_interrupt
from simulator.clock import Clock

A_LINE_EVERY = 5.0
FLUSH = 0.5
COMMANDS = ("nakhon/v1/+/control", "nakhon/v1/+/control/replies", "nakhon/v1/+/committed", "nakhon/v1/+/alerts/#")


@dataclass(frozen=True, slots=True)
class Recording:
    """What to record into which file, at most for a time (seconds) or a size (bytes, before compression).

    With `each` a message is acknowledged only when its line is with the system, so that a kill loses nothing that the
    broker would not send again; else lines are handed over twice a second. With `whole` to have reached the size is a
    failure, for what came after is missing.
    """

    ear: Ear
    out: Path
    limit: float | None = None
    most: int | None = None
    each: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Replaying:
    """Which capture to say again: how fast, made new in what, with Nakhon's commands or without, for how long."""

    file: Path
    pace: float = 1.0
    rewriting: Rewriting = UNCHANGED
    commands: bool = False
    limit: float | None = None


def record(asked: Recording, broker: Broker, console: Console) -> bool:
    """Record until a limit or Ctrl-C; whether everything that was said is in the file.

    Raises `InputError` for a file that cannot be, `BrokerError` if the broker refuses.
    """
    ear = asked.ear
    facts = {"broker": broker.url, "topics": list(ear.topics), "qos": ear.qos, "started": round(time.time(), 3)}
    with CaptureWriter(asked.out, **facts) as writer:
        desk = _Desk(writer, asked.most, each=asked.each)
        recorder = Recorder(broker, ear, desk.take, tell=desk.told(console))
        try:
            recorder.start()
        except BaseException:
            asked.out.unlink(missing_ok=True)
            raise
        console.print(f"listening to {', '.join(ear.topics)} at {broker.url}, into {asked.out}", markup=False)
        try:
            spent = _wait(desk, recorder, asked.limit, console)
        finally:
            recorder.stop()
    console.print(
        f"{writer.messages:,} messages in {asked.out} ({writer.size:,} bytes), in {spent:.1f} s", markup=False
    )
    trouble = _trouble(asked, desk, recorder)
    if trouble:
        console.print(f"{trouble}: what came after is not in the file", style="red", markup=False)
    return not desk.missed and not trouble


def _trouble(asked: Recording, desk: _Desk, recorder: Recorder) -> str:
    """Why the recording ended before it should."""
    if recorder.failed is not None:
        told = recorder.failed.strerror if isinstance(recorder.failed, OSError) else recorder.failed
        return f"cannot write any more: {told}"
    return f"{asked.out} has reached its limit of {asked.most:,} bytes" if desk.full and asked.whole else ""


def replay(asked: Replaying, broker: Broker, console: Console) -> bool:
    """Say a capture again; whether the broker took all of it. Raises `InputError` before anything is said."""
    about = _survey(asked)
    rewriter, mouth = Rewriter(asked.rewriting), Mouth(broker, tell=lambda text: console.print(text, style="yellow"))
    mouth.start()
    console.print(f"saying {about.messages:,} messages of {about.span:.1f} s again, to {broker.url}")
    if broker.protocol != 5 and about.with_properties:
        console.print(f"[yellow]MQTT 3.1.1 has no properties: those of {about.with_properties:,} messages are not said")
    wanted = (rewriter(one) for one in CaptureReader(asked.file) if _wanted(one, asked))
    messages = islice(wanted, about.messages)  # of a file that grows meanwhile, what was there
    with _pulse(console) as pulse:
        began, clock = time.monotonic(), Clock(0, asked.pace)

        def end() -> None:
            clock.stop()
            mouth.stop()

        with on_interrupt(end), after(asked.limit, end):
            whole = say_again(
                messages, mouth, clock, lambda: pulse(lambda: f"{mouth.said:,} of {about.messages:,} messages")
            )
    mouth.finish()
    _report(mouth, rewriter, clock, about, time.monotonic() - began, console)
    return whole and not mouth.under_way and not mouth.refused


@dataclass(slots=True)
class _Survey:
    messages: int = 0
    left_out: int = 0
    with_properties: int = 0
    span: float = 0.0
    torn: bool = False


def _survey(asked: Replaying) -> _Survey:
    """Read the whole file first: nothing is said of a file that is wrong somewhere."""
    about, reader, first = _Survey(), CaptureReader(asked.file), math.inf
    check = Rewriter(asked.rewriting)
    for one in reader:
        if not _wanted(one, asked):
            about.left_out += 1
            continue
        check(one)
        first = min(first, one.at)
        about.span = max(about.span, one.at - first)
        about.messages += 1
        about.with_properties += one.properties != NONE
    about.torn = reader.torn
    return about


def _wanted(one: Captured, asked: Replaying) -> bool:
    if one.topic.startswith("$"):
        return False
    return asked.commands or not any(matches(topic, one.topic) for topic in COMMANDS)


def _report(mouth: Mouth, rewriter: Rewriter, clock: Clock, about: _Survey, spent: float, console: Console) -> None:
    late = clock.lateness
    console.print(f"said {mouth.said:,} messages in {spent:.1f} s; the broker took {mouth.taken:,}")
    if clock.pace < math.inf:
        console.print(f"at most {late.largest * 1000:.1f} ms late; {late.overruns:,} messages over 1 s late")
    notes = {
        "messages on topics of the broker, or commands and their answers, were left out (--commands)": about.left_out,
        "messages of Nakhon were not in its own JSON: their session and times are as they were": rewriter.unknown,
        "messages were refused by the broker": mouth.refused,
        "messages were not taken in time": mouth.under_way,
        "line at the end was cut off and left out": int(about.torn),
    }
    for text, count in notes.items():
        if count:
            console.print(f"[yellow]{count:,} {text}")


class _Desk:
    """Writes what is heard, until there is enough."""

    def __init__(self, writer: CaptureWriter, most: int | None, *, each: bool) -> None:
        self.writer = writer
        self.missed = False
        self.full = False
        self._each = each
        self._most = math.inf if most is None else most
        self._lock = threading.Lock()

    def take(self, captured: Captured) -> None:
        with self._lock:
            if not self.full:
                self.writer.write(captured)
                self.full = self.writer.size >= self._most
                if self._each:
                    self.writer.flush()

    def flush(self, recorder: Recorder) -> None:
        """Hand over what was heard; a recorder whose words cannot be kept has failed."""
        try:
            with self._lock:
                self.writer.flush()
        except OSError as error:
            recorder.failed = error

    def told(self, console: Console) -> Callable[[str], None]:
        def tell(text: str) -> None:
            self.missed = self.missed or "forgotten" in text
            console.print(text, style="yellow", markup=False)

        return tell


def _wait(desk: _Desk, recorder: Recorder, limit: float | None, console: Console) -> float:
    """Wait for an end of the recording, and keep what is there safe; the seconds it took."""
    ended = threading.Event()
    began = time.monotonic()
    with on_interrupt(ended.set), after(limit, ended.set), _pulse(console) as pulse:
        while not (ended.wait(FLUSH) or desk.full or recorder.failed):
            desk.flush(recorder)
            pulse(lambda: f"{desk.writer.messages:,} messages, {desk.writer.size:,} bytes")
    return time.monotonic() - began


@contextlib.contextmanager
def _pulse(console: Console) -> Iterator[Callable[[Callable[[], str]], None]]:
    """Yield what to call often with a text: it is shown twice a second in a terminal, now and then elsewhere."""
    every = FLUSH if console.is_terminal else A_LINE_EVERY
    told = time.monotonic()
    with console.status("") as status:

        def pulse(text: Callable[[], str]) -> None:
            nonlocal told
            if (now := time.monotonic()) - told < every:
                return
            told = now
            if console.is_terminal:
                status.update(text())
            else:
                console.print(text(), markup=False)

        yield pulse
