"""Faults from outside: what there is, and requests to a run that is being simulated."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table

from collector.language.broker import Broker
from collector.language.codec import load
from collector.language.connection import Connection, Network, Session
from collector.language.control import Request, encode_request
from collector.language.errors import InputError, PayloadError
from collector.language.topics import control_topic, is_segment
from nakhon.terminal.console import shown
from simulator.faults.kinds import KINDS, Parameter
from simulator.scenario import Scenario
from simulator.scenario_faults import TARGET, WINDOW, lines_of

FIRST = ("id", "fault", "state", "acted", "stations", *TARGET, *WINDOW, "probability")


class NoAnswer(Exception):  # noqa: N818 - what there is, not what went wrong
    """Nobody answered a request in time."""


def ask(broker: Broker, run: str, command: str, arguments: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """The result of a command to a run that is being simulated.

    Raises `BrokerError` if the broker cannot be reached, `NoAnswer` after `timeout` seconds, `InputError` with what
    the run says where it refuses.
    """
    if not is_segment(run):
        raise InputError(f"expected --run as the run is called, such as demo-20260301t080000z-1a2b3c, came {run!r}")
    request = Request(f"fault-{secrets.token_hex(6)}", command, dict(arguments))
    answers = _Answers(request.id)
    network = Network("fault")
    topic = control_topic(run)
    connection = Connection(
        network,
        broker,
        Session(f"nakhon-{request.id}"),
        on_up=lambda _remembered: _subscribe(connection, f"{topic}/replies"),
        on_message=lambda message: answers.hear(bytes(message.payload)),
    )
    connection.client.on_subscribe = lambda *_: _send(connection, topic, request)
    network.start().add(connection)
    try:
        connection.wait_up(timeout)
        told = answers.wait(timeout)
    finally:
        network.stop()
    if told is None:
        raise NoAnswer(
            f"nobody answered for the run {run!r} at {broker.url} within {timeout:g} s: is it being simulated there, "
            "under that name? (a run that waits for its broker or its collector answers later: --timeout)"
        )
    if told.get("ok") is not True:
        raise InputError(str(told.get("error", "the run refused without a reason")))
    result = told.get("result")
    return result if isinstance(result, dict) else {}


class _Answers:
    """Waits for the reply to one request among others."""

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self._heard = threading.Event()
        self._told: dict[str, Any] | None = None

    def hear(self, payload: bytes) -> None:
        try:
            told = load(payload)
        except PayloadError:
            return
        if told.get("id") == self._identity:
            self._told = told
            self._heard.set()

    def wait(self, timeout: float) -> dict[str, Any] | None:
        self._heard.wait(timeout)
        return self._told


def _subscribe(connection: Connection, topic: str) -> None:
    connection.client.subscribe(topic, qos=1)


def _send(connection: Connection, topic: str, request: Request) -> None:
    connection.client.publish(topic, encode_request(request), qos=1)


def parameters_of(given: Sequence[str]) -> dict[str, object]:
    """The parameters in arguments such as percent=20 or how=truncated. Raises `InputError`."""
    told: dict[str, object] = {}
    for text in given:
        name, mark, value = text.partition("=")
        if not mark or not name:
            raise InputError(f"expected parameters as NAME=VALUE, such as percent=20, came {text!r}")
        told[name] = _value(value)
    return told


def _value(text: str) -> object:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text


def show_fault(told: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a fault as a run tells of it."""
    if as_json:
        print(json.dumps(told, indent=1))
        return
    names = [*(name for name in FIRST if name in told), *(name for name in told if name not in FIRST)]
    shown.print(", ".join(f"{name} {told[name]}" for name in names), markup=False, soft_wrap=True)


def show_faults(told: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the faults of a run."""
    if as_json:
        print(json.dumps(told, indent=1))
        return
    faults = told.get("faults", [])
    for fault in faults:
        show_fault(fault, as_json=False)
    if not faults:
        shown.print("no fault acts or waits")


def show_kinds(*, as_json: bool) -> None:
    """Print every kind of fault with its parameters."""
    if as_json:
        print(json.dumps(kinds(), indent=1, ensure_ascii=False))
        return
    table = Table("kind", "what it does", "parameters (default, unit)", title="Kinds of faults", title_justify="left")
    family = ""
    for kind in KINDS.values():
        if kind.family != family:
            table.add_section()
            family = kind.family
        table.add_row(kind.name, f"{kind.explanation}", "\n".join(map(_parameter, kind.parameters)))
    shown.print(table, markup=False)


def kinds() -> list[dict[str, Any]]:
    """Every kind of fault as plain data."""
    return [
        {
            "fault": kind.name,
            "family": kind.family.value,
            "effect": kind.effect.value,
            "explanation": kind.explanation,
            "probability": kind.probability,
            "indicator": kind.indicators,
            "parameters": [
                {"name": one.name, "default": one.default, "unit": one.unit, "expected": one.expected.phrase,
                 "explanation": one.explanation}
                for one in kind.parameters
            ],
        }
        for kind in KINDS.values()
    ]  # fmt: skip


def _parameter(one: Parameter) -> str:
    known = ", ".join(filter(None, ("" if one.default is None else str(one.default), one.unit)))
    return f"{one.name}{f' ({known})' if known else ''}: {one.explanation}"


def faults_in(scenario: Scenario) -> Iterator[str]:
    """The faults of a scenario, a line each, for people."""
    yield from lines_of(scenario.faults)
