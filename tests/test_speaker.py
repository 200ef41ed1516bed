"""The speaker: blocks become messages in time order, numbered without gaps, silent stations say nothing."""

from collections import defaultdict
from functools import cache

import numpy as np
import pytest

from collector.language.messages import Event, Message, Readings, Statistic
from simulator.run import Simulation
from simulator.scenario import parse_scenario
from simulator.speaker import Said, Speaker

SCENARIO = parse_scenario(
    'name = "talk"\nstart = 2026-03-01T00:00:00Z\nduration = "3d"\ncadence = "15min"\n'
    '[cities]\ninclude = ["chiang-mai", "yangon"]\n',
    "talk.toml",
)


@cache
def said(pack: int, days: int = 3) -> list[Said]:
    simulation, speaker = Simulation(SCENARIO), Speaker("run", "s")
    told: list[Said] = []
    for day in range(days):
        told += speaker.say(simulation.advance(SCENARIO.start + (day + 1) * 86_400), pack)
    return told


def observed(messages: list[Said]) -> dict[tuple[str, str, str, int], float]:
    values = {}
    for one in messages:
        at, body = one.message.address, one.message.body
        if isinstance(body, Readings):
            for name, column in body.columns.items():
                for time, value in zip(body.times.astype(np.int64).tolist(), column.tolist(), strict=True):
                    if value == value:
                        values[at.city, at.station, name, time] = value
    return values


def test_messages_come_in_time_order_and_numbers_have_no_gaps() -> None:
    told = said(1)
    assert [one.time for one in told] == sorted(one.time for one in told)
    numbers: defaultdict[tuple[str, str], list[int | None]] = defaultdict(list)
    for one in told:
        numbers[one.message.address.city, one.message.address.station].append(one.message.seq)
    assert all(seqs == list(range(len(seqs))) for seqs in numbers.values())


def test_all_three_kinds_of_bodies_are_said() -> None:
    assert {type(one.message.body) for one in said(1)} == {Readings, Event, Statistic}


@pytest.mark.parametrize("pack", [4, 96])
def test_packs_carry_the_same_values_as_ticks(pack: int) -> None:
    assert observed(said(pack)) == observed(said(1))


def test_a_tick_without_any_value_is_not_said() -> None:
    def silent(message: Message) -> bool:
        body = message.body
        return isinstance(body, Readings) and all(np.isnan(column).all() for column in body.columns.values())

    assert not any(silent(one.message) for one in said(1))
