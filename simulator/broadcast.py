"""A run said aloud: the clock paces its messages, whoever publishes them takes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from collector.language.messages import Message
from simulator.clock import Clock
from simulator.run import Simulation
from simulator.speaker import Said, Speaker

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


def broadcast(
    simulation: Simulation, speaker: Speaker, publish: Publish, clock: Clock, progress: Progress, tell: Tell, pack: int
) -> None:
    """Say everything until the end of `progress`, with `pack` ticks in a message, or until the clock is stopped.

    What is not waited for is rendered a day at a time, the rest a pack at a time; the values are the same.
    """
    cadence = simulation.scenario.cadence
    while simulation.now < progress.end and not clock.stopped:
        free = clock.pace == math.inf or simulation.now + DAY <= clock.free_until
        step = max(pack * cadence, DAY) if free else pack * cadence
        blocks = simulation.advance(min(progress.end, simulation.now + step))
        if not utter(speaker.say(blocks, pack), publish, clock, progress):
            return
        progress.now = simulation.now
        tell(progress)


def rebroadcast(said: Iterable[Said], publish: Publish, clock: Clock, progress: Progress, tell: Tell) -> None:
    """Say recorded messages until they end, or until the clock is stopped."""
    for one in said:
        if not utter([one], publish, clock, progress):
            return
        tell(progress)
