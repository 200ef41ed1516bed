"""Faults by command: taken at a tick, listed, stopped; a run told the same faults beforehand says the same."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from fault_runs import SMALL, Harmed, Sink, place, run, scenario

from collector.language.control import Reply, Request
from collector.language.errors import InputError
from collector.language.messages import Message
from nakhon.plays import simulated
from simulator.clock import Clock
from simulator.faults.commands import refusing
from simulator.faults.spoiling import Spoil
from simulator.scenario import Scenario, parse_scenario

START = 1_772_323_200


def test_a_recording_that_is_said_again_refuses_faults_and_says_why() -> None:
    clock, replies = Clock(START, math.inf), []
    clock.commands |= refusing()
    clock.command(Request("1", "fault.start", {"fault": "stuck"}), replies.append)
    clock.wait_until(START + 1)
    assert [(one.ok, "start them in a run of `nakhon simulate`" in one.error) for one in replies] == [(False, True)]


@dataclass
class Commanding(Sink):
    """An outlet in which commands come in after so many messages."""

    after: dict[int, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    command: Callable[[Request, Callable[[Reply], None]], None] = lambda _request, _answer: None

    def publish(self, message: Message, spoil: Spoil | None = None) -> bool:
        taken = super().publish(message, spoil)
        if (asked := self.after.pop(len(self.sent), None)) is not None:
            self.command(Request("1", *asked), self.replies.append)
        return taken


def live(
    asked: Scenario, after: dict[int, tuple[str, dict[str, Any]]], pace: float = math.inf, pack: int = 1
) -> Commanding:
    play = simulated(asked, pace, "small-1", pack)
    sink = Commanding(after=after, command=play.clock.command)
    play.perform(sink, lambda _progress: None)
    return sink


def told(sink: Sink) -> list[tuple[str, int | None, bytes]]:
    """What was sent, without the session."""
    return [
        (place(message), message.seq, payload.replace((message.session or "").encode(), b""))
        for message, payload in sink.sent
    ]


@pytest.mark.parametrize(("pace", "pack"), [(math.inf, 1), (2e6, 4)])
@pytest.mark.parametrize(
    "asked",
    [
        {"fault": "noise", "for": "3h"},
        {"fault": "stuck", "station": "wx-*", "probability": 0.5},
        {"fault": "silence", "kind": "air-quality", "after": "1h", "for": "2h"},
        {"fault": "lost", "probability": 0.3, "for": "5h"},
        {"fault": "reorder", "window": 3},
        {"fault": "late", "spread": "exponential", "delay": "1h", "for": "2h"},
    ],
)
def test_live_and_batch_say_the_same_given_the_same_commands(asked: dict[str, Any], pace: float, pack: int) -> None:
    sink = live(scenario(), {100: ("fault.start", asked)}, pace, pack)
    (reply,) = sink.replies
    assert reply.ok
    result = dict(reply.result)
    assert result.pop("stations")
    keys = "".join(f"{name} = {_toml(value)}\n" for name, value in result.items())
    batch = run(scenario(f"[[faults]]\n{keys}"), pack=pack)
    assert told(sink) == told(batch)
    assert told(sink) != told(run(scenario(), pack=pack))


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) and value[:4] != "2026" else str(value)


def test_a_fault_acts_from_the_next_tick_until_it_is_stopped() -> None:
    start = ("fault.start", {"fault": "silence", "station": "wx-01"})
    again = ("fault.start", {"fault": "silence", "id": "live-1"})
    sink = live(
        scenario(),
        {100: start, 300: ("fault.list", {}), 301: ("fault.stop", {"id": "live-1"})}
        | {500: ("fault.stop", {"id": "live-1"}), 501: again},
    )
    began, listed, ended, over, taken = sink.replies
    assert over.error == "id: the fault live-1 is over"
    assert not taken.ok
    assert [began.result[name] for name in ("id", "stations", "fault")] == ["live-1", 1, "silence"]
    assert [one["state"] for one in listed.result["faults"]] == ["acting"]
    assert (ended.result["state"], ended.result["id"]) == ("ended", "live-1")
    silent = sink.notes[-1]
    assert (silent.since, silent.until) == (began.result["from"], ended.result["until"])
    assert silent.facts["acted"] == ended.result["acted"] > 5
    wx = [at for at, (message, _) in enumerate(sink.sent) if message.address.station == "wx-01"]
    assert not [at for at in wx if 110 < at < 300]
    assert [at for at in wx if at > 310]


def test_a_fault_of_the_scenario_can_be_stopped_before_it_begins() -> None:
    asked = scenario('[[faults]]\nfault = "lost"\nafter = "20h"\nid = "gone"\n')
    sink = live(asked, {50: ("fault.list", {}), 51: ("fault.stop", {"id": "gone"})})
    assert [one["state"] for one in sink.replies[0].result["faults"]] == ["waiting"]
    assert sink.replies[1].result["state"] == "never began"
    assert told(sink) == told(run(scenario()))
    assert not sink.notes


@pytest.mark.parametrize(
    ("command", "arguments", "complaint"),
    [
        ("fault.start", {}, "fault: missing"),
        ("fault.start", {"fault": "stuk", "x": 1}, "did you mean stuck"),
        ("fault.start", {"fault": "lost", "id": "f1"}, "expected one that no other fault has"),
        ("fault.start", {"fault": "lost", "station": "aq-09"}, "such as aq-01"),
        ("fault.start", {"fault": "lost", "city": "yangon"}, "city of this run"),
        ("fault.start", {"fault": "kill"}, "no connections"),
        ("fault.stop", {"id": "f9"}, 'unknown fault "f9"'),
        ("fault.dance", {}, "fault.start, fault.stop, fault.list"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_and_changes_nothing(
    command: str, arguments: dict[str, Any], complaint: str
) -> None:
    asked = scenario('[[faults]]\nfault = "lost"\nstation = "wx-01"\nafter = "23h"\n')
    sink = live(asked, {50: (command, arguments)})
    (reply,) = sink.replies
    assert not reply.ok
    assert complaint in str(reply.error)
    assert told(sink) == told(run(asked))


def test_a_connection_fault_strikes_at_the_next_tick() -> None:
    harmed = Harmed()
    play = simulated(scenario(), math.inf, "small-1", 1)
    sink = Commanding(after={50: ("fault.start", {"fault": "kill"})}, command=play.clock.command, connections=harmed)
    play.perform(sink, lambda _progress: None)
    assert [what for what, _, _ in harmed.done] == ["kill"]
    assert sink.replies[0].ok


def test_a_scenario_whose_fault_concerns_no_station_is_refused() -> None:
    with pytest.raises(InputError, match="concerns no station"):
        simulated(parse_scenario(f'{SMALL}[[faults]]\nfault = "lost"\nstation = "zz-*"\n', "x"), math.inf, "x", 1)
