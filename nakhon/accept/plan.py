"""The plan of an acceptance: TOML with a load, a consumer, timed steps and criteria; every error of the file at once.

[load]
scenario = "demo"
pace = 900
duration = "60s"

[consumer]
api = "http://localhost:8080"

[[steps]]
at = "20s"
run = "systemctl restart my-consumer"

[criteria]
require = ["lost = 0", "recovered < 30 s"]

`docs/accept.md` explains every key.
"""

from __future__ import annotations

import hashlib
import math
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from collector.language.broker import parse_broker
from collector.language.checking import checked
from collector.language.errors import InputError
from collector.language.gathered import LARGEST_FILE, Strict, parsed, refusal, wrong_line
from collector.language.topics import Kind
from collector.sinks.capture import is_capture
from collector.sinks.file import load_sink
from nakhon.accept.criteria import Criterion, parse_criterion
from nakhon.terminal.durations import parse_seconds
from simulator.cities import describe_unknown
from simulator.clock import parse_pace
from simulator.formats import format_of
from simulator.scenario import KINDS, Scenario, load_scenario
from simulator.scenario_faults import Place, fault_of

MOST_STEPS = 200
LONGEST = 7 * 86_400.0
_DURATION = re.compile(r"\d{1,6}(?:\.\d{1,3})?(ms|s|m|min|h|d)")


def _seconds(told: object) -> object:
    if not isinstance(told, str) or _DURATION.fullmatch(told) is None:
        raise ValueError("expected a time such as 500ms, 20s, 5min or 1h")
    seconds = float(told[:-2]) / 1000 if told.endswith("ms") else parse_seconds(told)
    if seconds > LONGEST:
        raise ValueError("expected at most 7d")
    return seconds


def _criterion(told: object) -> object:
    try:
        return parse_criterion(told) if isinstance(told, str) else told
    except InputError as error:
        raise ValueError(str(error)) from None


def _pace(told: object) -> object:
    try:
        pace = parse_pace(str(told))
    except InputError as error:
        raise ValueError(str(error)) from None
    if isinstance(told, bool) or pace == math.inf:
        raise ValueError("expected realtime or simulated seconds a second, such as 900: a plan is timed by the wall")
    return pace


def _sink(path: str) -> None:
    if not is_capture(Path(path)) and not path.endswith((".jsonl", ".jsonl.gz")):
        load_sink(Path(path))


Text = Annotated[str, Field(min_length=1, max_length=4096)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r'^[^"\x00-\x1f\x7f]+$')]
Seconds = Annotated[float, BeforeValidator(_seconds)]
Pace = Annotated[float, BeforeValidator(_pace)]


class _Strict(Strict):
    model_config = ConfigDict(arbitrary_types_allowed=True)


class Load(_Strict):
    """What is said, how fast, and for how long (seconds of the wall; the warm-up comes before)."""

    scenario: Annotated[Text, checked(load_scenario)] = "demo"
    cities: tuple[Text, ...] = ()
    start: Literal["scenario", "now"] = "scenario"
    pace: Pace = 900.0
    duration: Seconds
    warm_up: Seconds = 0.0
    format: Annotated[Text, checked(format_of)] = "wire"
    topic: Text | None = None
    payload: Text | None = None
    only: tuple[Kind, ...] = ()
    connections: Literal["city", "station", "one"] = "city"
    qos: Literal[0, 1, 2] = 1
    pack: Annotated[int, Field(ge=1, le=2000)] = 1

    def wanted(self) -> Scenario:
        """The scenario, with the cities, the start and the length that are asked for. Raises `InputError`."""
        found = load_scenario(self.scenario)
        if unknown := [city for city in self.cities if city not in found.cities]:
            raise InputError(describe_unknown("city of the scenario", unknown[0], found.cities))
        if self.start == "now":
            found = found.starting(int(time.time()) // found.cadence * found.cadence)
        span = math.ceil((self.warm_up + self.duration) * self.pace / found.cadence) * found.cadence
        return replace(found, cities=self.cities or found.cities, end=found.start + span)


class Target(_Strict):
    """The broker; user and password come from the environment."""

    url: Annotated[Text, checked(parse_broker)]
    mqtt: Literal["5", "3.1.1"] = "5"
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


class Consumer(_Strict):
    """The consumer under test: where it keeps what it received; and, if we are to start it, how."""

    title: Name | None = None
    store: Text | None = None
    api: Text | None = None
    sink: Annotated[Text, checked(_sink)] | None = None
    start: Text | None = None
    ready: Text | None = None
    version: Text | None = None
    within: Seconds = 60.0
    settle: Seconds = 30.0

    @property
    def source(self) -> str:
        """Where it keeps what it received."""
        return self.store or self.api or self.sink or ""


class Step(_Strict):
    """Something that happens at a time after the warm-up: a shell command, a fault, or something done to the consumer.

    With `until` the step is over when that command succeeds.
    """

    name: Name | None = None
    at: Seconds
    run: Text | None = None
    fault: dict[str, Any] | None = None
    consumer: Literal["kill", "stop", "start"] | None = None
    timeout: Seconds = 60.0
    until: Text | None = None
    within: Seconds = 60.0

    @property
    def title(self) -> str:
        """What it is called: its name, or what it does."""
        what = self.run or (
            f"{self.consumer} the consumer" if self.consumer else f"fault {(self.fault or {}).get('fault')}"
        )
        return self.name or what.replace('"', "'")[:100]

    def lasts(self, pace: float) -> float:
        """How many seconds of the wall a fault of a given length (`for`, simulated) lasts; 0 where it says nothing."""
        length = (self.fault or {}).get("for")
        return parse_seconds(str(length)) / pace if length is not None else 0.0


class Criteria(_Strict):
    """What must hold."""

    require: tuple[Annotated[Criterion, BeforeValidator(_criterion)], ...]


class Plan(_Strict):
    """A whole plan."""

    title: Name | None = None
    load: Load
    broker: Target | None = None
    consumer: Consumer
    steps: Annotated[tuple[Step, ...], Field(max_length=MOST_STEPS)] = ()
    criteria: Criteria

    def commands(self) -> Iterator[str]:
        """Every shell command that the plan runs."""
        consumer = self.consumer
        yield from filter(None, (consumer.version, consumer.start, consumer.ready))
        for step in self.steps:
            yield from filter(None, (step.run, step.until))


def load_plan(path: Path) -> tuple[Plan, str]:
    """The plan in a file, and the SHA-256 of the file. Raises `InputError` with every error and what may be meant."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
        text = raw.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the plan {path}: {getattr(error, 'strerror', None) or error}") from None
    if len(raw) > LARGEST_FILE:
        raise InputError(f"{path}: expected at most {LARGEST_FILE:,} bytes")
    return parse_plan(text, str(path)), hashlib.sha256(raw).hexdigest()


def parse_plan(text: str, where: str) -> Plan:
    """The plan in a text; `where` names it in errors."""
    told = parsed(text, where)
    try:
        plan = Plan.model_validate(told)
        wrong = list(_nonsense(plan))
    except ValidationError as error:
        wrong = [_line(one) for one in error.errors()]
    if wrong:
        raise refusal(where, wrong)
    return plan


def _nonsense(plan: Plan) -> Iterator[str]:
    yield from _wrong_load(plan.load)
    yield from _wrong_consumer(plan)
    names: set[str] = set()
    for number, step in enumerate(plan.steps):
        place = f"steps[{number}]"
        yield from _wrong_step(step, place, plan)
        if step.title in names:
            yield f"{place}.name: another step is called {step.title!r}: give each a name of its own"
        names.add(step.title)
    if not plan.criteria.require:
        yield 'criteria.require: expected at least one criterion, such as "lost = 0"'
    for number, one in enumerate(plan.criteria.require):
        if one.measure == "recovered" and not plan.steps:
            yield f"criteria.require[{number}]: nothing to recover from: the plan has no steps"
        elif one.step is not None and one.step not in names:
            yield f"criteria.require[{number}]: {describe_unknown('step', one.step, sorted(names))}"


def _wrong_load(load: Load) -> Iterator[str]:
    if not load.duration:
        yield "load.duration: expected more than 0s"
    try:
        load.wanted()
    except InputError as error:
        yield f"load.cities: {error}"
    try:
        format_of(load.format, topic=load.topic, payload=load.payload)
    except InputError as error:
        yield f"load.format: {error}"


def _wrong_consumer(plan: Plan) -> Iterator[str]:
    consumer = plan.consumer
    if sum(one is not None for one in (consumer.store, consumer.api, consumer.sink)) != 1:
        yield "consumer: expected exactly one of store, api and sink: where the consumer keeps what it received"
    measures = {one.measure for one in plan.criteria.require}
    if consumer.store is not None and consumer.store.startswith("duckdb:") and "recovered" in measures:
        yield (
            "consumer.store: nobody can look into a DuckDB file while the collector has it open, so recovery cannot "
            'be measured: give api = "http://HOST:PORT" of that collector instead'
        )
    if consumer.ready is not None and consumer.start is None:
        yield "consumer.ready: it is asked after consumer.start, which is missing"
    if consumer.store is not None and measures & {"p50", "p95", "p99"}:
        yield 'consumer.store: a store does not tell when readings came: give api = "http://HOST:PORT" for latency'


def _wrong_step(step: Step, place: str, plan: Plan) -> Iterator[str]:
    if sum(one is not None for one in (step.run, step.fault, step.consumer)) != 1:
        yield f"{place}: expected exactly one of run, fault and consumer"
    if step.at >= plan.load.duration:
        yield f"{place}.at: expected before the end of the load ({plan.load.duration:g} s), came {step.at:g} s"
    if step.consumer is not None and plan.consumer.start is None:
        yield f"{place}.consumer: only a consumer that the plan starts (consumer.start) can be harmed so; use run"
    if step.fault is not None:
        yield from _wrong_fault(step.fault, f"{place}.fault", plan.load)


def _wrong_fault(told: Mapping[str, Any], place: str, load: Load) -> Iterator[str]:
    try:
        scenario = load.wanted()
    except InputError:
        return  # told already
    try:
        fault_of(told, Place(scenario.start, scenario.cities, KINDS), "step")
    except InputError as error:
        yield from (f"{place}.{line}" for line in str(error).splitlines())


def _line(error: Any) -> str:
    path = ""
    for step in error["loc"]:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return wrong_line(error, path or "file", _fields(error["loc"]))


_TABLES: Mapping[str, type[_Strict]] = {
    "load": Load, "broker": Target, "consumer": Consumer, "steps": Step, "criteria": Criteria,
}  # fmt: skip


def _fields(place: tuple[int | str, ...]) -> dict[str, FieldInfo]:
    table = _TABLES.get(str(place[0]), Plan) if len(place) > 1 else Plan
    return table.model_fields
