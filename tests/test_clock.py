"""The clock: paces, obeys commands while it waits, says how late it is."""

import math
import threading
import time

import pytest

from collector.language.control import Reply, Request
from collector.language.errors import InputError
from simulator.clock import Clock, parse_pace


@pytest.mark.parametrize(("text", "pace"), [("max", math.inf), ("realtime", 1.0), ("60", 60.0), ("0.5", 0.5)])
def test_paces_that_are_understood(text: str, pace: float) -> None:
    assert parse_pace(text) == pace


@pytest.mark.parametrize("text", ["", "fast", "0", "-1", "nan", "inf", "1e9"])
def test_other_paces_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected a pace"):
        parse_pace(text)


def test_at_full_speed_nothing_waits() -> None:
    clock = Clock(0, math.inf)
    assert all(clock.wait_until(t) for t in (10, 1e9, 5))


def test_simulated_time_keeps_an_absolute_schedule() -> None:
    clock = Clock(1000, 100.0)
    began = time.monotonic()
    for due in range(1000, 1031):
        assert clock.wait_until(due)
    assert time.monotonic() - began >= 0.29
    assert clock.lateness.waits == 31


def answers(clock: Clock, *commands: Request) -> list[Reply]:
    replies: list[Reply] = []
    for command in commands:
        clock.command(command, replies.append)
    return replies


def test_a_stop_ends_the_wait_at_once() -> None:
    clock = Clock(0, 1.0)
    threading.Timer(0.05, clock.stop).start()
    assert clock.wait_until(1000) is False


@pytest.mark.parametrize("pace", [math.inf, 1000.0])
def test_a_pause_holds_until_it_is_resumed(pace: float) -> None:
    clock = Clock(0, pace)
    replies = answers(clock, Request("1", "pause"))
    resume = threading.Timer(0.2, lambda: clock.command(Request("2", "resume"), replies.append))
    began = time.monotonic()
    resume.start()
    assert clock.wait_until(1)
    assert time.monotonic() - began >= 0.19
    assert [reply.ok for reply in replies] == [True, True]
    assert replies[0].result["paused"] is True
    assert replies[1].result["paused"] is False


def test_the_pace_can_be_changed_while_waiting() -> None:
    clock = Clock(0, 0.001)
    replies = answers(clock, Request("1", "pace", {"factor": "max"}))
    assert clock.wait_until(1_000_000)
    assert replies[0].result["pace"] == "max"


@pytest.mark.parametrize(
    "request_", [Request("1", "dance"), Request("1", "pace"), Request("1", "pace", {"factor": -1})]
)
def test_a_command_that_makes_no_sense_is_answered_and_changes_nothing(request_: Request) -> None:
    clock = Clock(0, math.inf)
    replies = answers(clock, request_)
    assert clock.wait_until(1)
    assert not replies[0].ok
    assert replies[0].error
    assert clock.pace == math.inf


def test_lateness_is_told() -> None:
    clock = Clock(0, 1.0)
    clock._wall -= 3.0
    clock.wait_until(0)
    assert clock.lateness.overruns == 1
    assert clock.lateness.largest >= 3.0
