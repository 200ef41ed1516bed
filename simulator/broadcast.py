"""A run said aloud: the clock paces its messages, whoever publishes them takes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from collector.language.messages import Message
from simulator.clock import Clock
from simulator.faults.acting import Faults
from simulator.run import Simulation
from simulator.speaker import Planned, Said, Speaker

DAY = 86_400

Publish = Callable[[Message], bool]
"""Takes a message; False when no more are taken."""


@dataclass(slots=True)
class Progress:
    """How far a run has come: simulated time (seconds since 1970), messages and values said."""

    start: int
    end: int
    now: int
    messages: int = 0
    values: int = 0


Tell = Callable[[Progress], None]


def utter(said: Iterable[Said], publish: Publish, clock: Clock, progress: Progress) -> bool:
    """Say messages when they are due; False if the clock was stopped or no more are taken."""
    for one in said:
        if not clock.wait_until(one.time) or not publish(one.message):
            return False
        progress.now = max(progress.now, one.time)
        progress.messages += 1
        progress.values += one.message.values
    return True


def perform(planned: Iterable[Planned], speaker: Speaker, faults: Faults, clock: Clock, progress: Progress) -> bool:
    """Say what is planned when it is due, through faults while there are any; False as for `utter`."""
    publish = faults.outlet.publish
    for time, station, body in planned:
        if not (clock.wait_until(time) if faults.quiet else _wait_until(time, faults, clock)):
            return False
        if faults.quiet:
            message = speaker.number(station, body)
            if not publish(message):
                return False
            faults.said, said = time, [message]
        elif (told := faults.say(time, station, body, speaker.number)) is None:
            return False
        else:
            said = told
        progress.now = max(progress.now, time)
        for message in said:
            progress.messages += 1
            progress.values += message.values
    return True


def _wait_until(time: int, faults: Faults, clock: Clock) -> bool:
    """Wait until a time, sending meanwhile what faults have held back until then; False if the clock was stopped."""
    while (due := faults.due) <= time:
        if not clock.wait_until(due) or not faults.move(due):
            return False
    return clock.wait_until(time)


def broadcast(
    simulation: Simulation, speaker: Speaker, faults: Faults, clock: Clock, progress: Progress, tell: Tell, pack: int
) -> None:
    """Say everything until the end of `progress`, with `pack` ticks in a message, or until the clock is stopped.

    What is not waited for is rendered a day at a time, the rest a pack at a time; the values are the same.
    """
    cadence = simulation.scenario.cadence
    while simulation.now < progress.end and not clock.stopped:
        free = clock.pace == math.inf or simulation.now + DAY <= clock.free_until
        step = max(pack * cadence, DAY) if free else pack * cadence
        blocks = simulation.advance(min(progress.end, simulation.now + step))
        if not perform(speaker.plan(blocks, pack), speaker, faults, clock, progress):
            break
        progress.now = simulation.now
        tell(progress)
    faults.finish()


def rebroadcast(said: Iterable[Said], publish: Publish, clock: Clock, progress: Progress, tell: Tell) -> None:
    """Say recorded messages until they end, or until the clock is stopped."""
    for one in said:
        if not utter([one], publish, clock, progress):
            return
        tell(progress)
