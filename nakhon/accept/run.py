"""`nakhon accept`: the consumer started, the load said, the steps taken in time, the criteria judged."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from collector.language.broker import Broker
from collector.language.errors import InputError, NakhonError
from collector.language.ledger import Ledger, LedgerWriter, read_ledger
from nakhon.accept.commands import Done, Shell, UnderTest
from nakhon.accept.criteria import Judged, judge
from nakhon.accept.load import UNHINDERED, Manner, Said, say
from nakhon.accept.plan import Plan, Step
from nakhon.accept.watch import Held, Look, Watch, held, percentiles
from nakhon.fault import NoAnswer, ask
from nakhon.plays import simulated
from nakhon.stage import Play, Words, words_of
from nakhon.terminal.interrupt import on_interrupt
from nakhon.terminal.plain import plain
from nakhon.terminal.progress import showing
from simulator.fleet import Fleet
from simulator.service import Service
from simulator.spread import Spread

SHOWN = 200
LEDGER = "run.ledger"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be done: the plan with the hash of its file, the broker, the folder for evidence, how commands run."""

    plan: Plan
    digest: str
    broker: Broker
    folder: Path
    shell: Shell
    run: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken: planned, begun and over in seconds after the warm-up; its exit code, what it said."""

    name: str
    what: str
    planned: float
    began: float
    over: float
    exit: int | None
    said: str


@dataclass(slots=True)
class Course:
    """How an acceptance went. Moments are seconds since 1970 by the wall; `began` is the end of the warm-up."""

    run: str
    session: str
    scenario: str
    began: float = 0.0
    said: Said | None = None
    steps: list[Taken] = field(default_factory=list)
    looks: Sequence[Look] = ()
    recovered: Mapping[str, float | None] = field(default_factory=dict)
    held: Held | None = None
    measures: dict[str, float | None] = field(default_factory=dict)
    ledger: Ledger | None = None
    judged: Sequence[Judged] = ()
    interrupted: bool = False
    trouble: list[str] = field(default_factory=list)
    version: str = ""
    resolution: float | None = None

    @property
    def complete(self) -> bool:
        """Whether the plan was carried out to its end."""
        return not self.interrupted and self.said is not None and self.held is not None

    @property
    def accepted(self) -> bool:
        """Whether it was carried out, every step succeeded, and every criterion is met."""
        return self.complete and not self.trouble and all(one.met for one in self.judged)

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        if not self.complete:
            return "INCOMPLETE"
        return "ACCEPTED" if self.accepted else "NOT ACCEPTED"


def accept(asked: Asked, console: Console) -> Course:
    """Carry out a plan. Raises `NakhonError` where it cannot even begin."""
    plan = asked.plan
    load = plan.load
    words = words_of(load.format, load.topic, load.payload, load.only)
    run = asked.run
    play = simulated(load.wanted(), load.pace, run, load.pack, words=words)
    consumer = plan.consumer
    shell = Shell(
        {
            **asked.shell.environment,
            "NAKHON_RUN": run,
            "NAKHON_BROKER": asked.broker.url,
            "NAKHON_FOLDER": str(asked.folder),
        },
        asked.shell.hidden,
    )
    for command in plan.commands():
        console.print(f"this plan runs: {plain(command, SHOWN)}", style="dim", markup=False)
    tested = UnderTest(shell, consumer.start, consumer.ready, consumer.within)
    course = Course(run, play.session, play.facts["digest"])
    over = threading.Event()
    if consumer.version is not None:
        course.version = shell.run(consumer.version, 10.0).said.strip()[:SHOWN]
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: _keep(asked.folder, tested))
        stack.callback(tested.close)
        stack.enter_context(on_interrupt(lambda: _interrupt(course, play, over, console)))
        stack.callback(over.set)
        if consumer.start is not None:
            done = tested.act("start", over)
            if done.exit != 0 and not over.is_set():
                raise InputError(
                    f"the consumer is not ready after {done.seconds:.0f} s: {plain(done.said.strip(), 500)}"
                )
        _carry_out(asked, play, words, course, _Director(asked, course, shell, tested, play, over, console), console)
    return course


def _interrupt(course: Course, play: Play, over: threading.Event, console: Console) -> None:
    console.print("ending: no more is said; what came of it so far is written down ...")
    course.interrupted = True
    over.set()
    play.clock.stop()


def _carry_out(
    asked: Asked, play: Play, words: Words, course: Course, director: _Director, console: Console
) -> None:  # fmt: skip
    load, consumer = asked.plan.load, asked.plan.consumer
    if course.interrupted:
        return
    file = asked.folder / LEDGER
    is_open = not (consumer.store or "").startswith("duckdb:")
    watch = Watch(
        file, (course.run, course.session), consumer.source, is_sink=consumer.sink is not None, is_open=is_open
    )
    manner = Manner(
        words.make, Service(qos=load.qos, window=UNHINDERED, patience=60.0), Fleet(Spread(load.connections))
    )

    def begun(ledger: LedgerWriter) -> Callable[[], None]:
        course.began = time.time() + load.warm_up
        watch.start()
        director.start(ledger, watch)
        return director.join

    console.print(f"run [bold]{course.run}[/] to {asked.broker.url}, evidence in {asked.folder}")
    complain = lambda text: console.print(text, style="yellow", markup=False)  # noqa: E731
    with showing(play.progress, play.clock, console) as tell:
        course.said = say(play, manner, asked.broker, file, (complain, tell), begun)
    if not course.said.whole:
        course.trouble.append(_untaken(course.said))
    console.print(f"said {course.said.messages:,} messages; waiting for the consumer, at most {consumer.settle:g} s")
    watch.settle(consumer.settle, lambda: course.interrupted)
    watch.stop()
    if not is_open:
        director.consumer.close()
    course.looks, course.recovered = watch.looks, watch.recovered
    _judge(asked, course, watch)


def _untaken(said: Said) -> str:
    return f"the load was not said in full: {said.left:,} messages not taken; " + "; ".join(said.account.lines)


def _judge(asked: Asked, course: Course, watch: Watch) -> None:
    consumer = asked.plan.consumer
    course.ledger = ledger = read_ledger(asked.folder / LEDGER)
    try:
        course.held = held(ledger, consumer.source, is_sink=consumer.sink is not None)
    except NakhonError as error:
        course.trouble.append(f"the consumer cannot be asked: {error}")
        return
    course.measures = dict(course.held.measures)
    if watch.arrivals is not None:
        course.measures |= percentiles(watch.arrivals.latencies(ledger, course.began))
        course.resolution = watch.arrivals.resolution
    course.judged = judge(asked.plan.criteria.require, course.measures, course.recovered)


class _Director:
    """Takes the steps of a plan when they are due, in a thread of its own."""

    def __init__(
        self, asked: Asked, course: Course, shell: Shell, consumer: UnderTest, play: Play, over: threading.Event,
        console: Console,
    ) -> None:  # fmt: skip
        self._asked, self._course, self._shell, self.consumer = asked, course, shell, consumer
        self._play, self._over, self._console = play, over, console
        self._thread: threading.Thread | None = None

    def start(self, ledger: LedgerWriter, watch: Watch) -> None:
        """Begin to wait for the first step."""
        self._thread = threading.Thread(target=self._run, args=(ledger, watch), name="steps", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until the last step is over."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(0.2)

    def _run(self, ledger: LedgerWriter, watch: Watch) -> None:
        for step in sorted(self._asked.plan.steps, key=lambda one: one.at):
            if self._over.wait(max(0.0, self._course.began + step.at - time.time())):
                return
            self._take(step, ledger, watch)

    def _take(self, step: Step, ledger: LedgerWriter, watch: Watch) -> None:
        began = time.time()
        self._console.print(f"step {plain(step.title)}", markup=False)
        done = self._do(step)
        if done.exit == 0 and step.until is not None:
            done = self._shell.until(step.until, step.within, self._over)
        if done.exit == 0 and self._over.wait(step.lasts(self._play.clock.pace)):
            return
        over = time.time()
        said = plain(done.said.strip(), 2000)
        what = step.run or (f"consumer: {step.consumer}" if step.consumer else f"fault: {step.fault}")
        begun = began - self._course.began
        self._course.steps.append(Taken(step.title, what, step.at, begun, over - self._course.began, done.exit, said))
        ledger.step(step.title, began=round(began, 3), exit=done.exit, said=said)
        if done.exit == 0:
            watch.after(step.title, over)
        else:
            code = "stopped at its timeout" if done.exit is None else f"exit code {done.exit}"
            self._course.trouble.append(f"the step {step.title!r} failed: {code}: {plain(done.said.strip(), SHOWN)}")
            self._console.print(f"step {plain(step.title)} FAILED ({code})", style="red", markup=False)

    def _do(self, step: Step) -> Done:
        if step.run is not None:
            return self._shell.run(step.run, step.timeout, self._over)
        if step.consumer is not None:
            return self.consumer.act(step.consumer, self._over)
        began = time.monotonic()
        try:
            told = ask(self._asked.broker, self._course.run, "fault.start", step.fault or {}, step.timeout)
        except (NoAnswer, NakhonError) as error:
            return Done(1, str(error), time.monotonic() - began)
        return Done(0, ", ".join(f"{name} {value}" for name, value in told.items()), time.monotonic() - began)


def _keep(folder: Path, tested: UnderTest) -> None:
    if tested.said:
        (folder / "consumer.log").write_text("\n--- ended ---\n".join(tested.said), "utf-8")


def facts(asked: Asked, course: Course) -> Iterator[tuple[str, Any]]:
    """What the load was, by name."""
    load, said = asked.plan.load, course.said
    yield "run", course.run
    yield "session", course.session
    yield "scenario", f"{load.scenario}, digest {course.scenario}"
    yield "cities", ", ".join(load.wanted().cities)
    yield (
        "pace",
        f"{load.pace:g} simulated seconds a second, for {load.duration:g} s after {load.warm_up:g} s of warm-up",
    )
    yield "broker", f"{asked.broker.url}, MQTT {'5' if asked.broker.protocol == 5 else '3.1.1'}, QoS {load.qos}"
    yield (
        "format",
        f"{load.format}, a connection for each {load.connections}" if load.connections != "one" else load.format,
    )
    if said is not None and said.seconds:
        yield (
            "said",
            f"{said.messages:,} messages with {said.values:,} values, {said.messages / said.seconds:,.0f} a second",
        )
        yield "behind schedule", f"p99 {said.late * 1000:,.0f} ms"
    if course.resolution is not None:
        yield "latency", f"at most what is told: the collector was looked at every {course.resolution:.2g} s"
