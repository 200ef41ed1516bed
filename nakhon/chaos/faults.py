"""What fails, when and for how long: drawn from a seed."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from collector.language.errors import InputError
from nakhon.chaos.account import ready
from nakhon.chaos.part import listening
from nakhon.chaos.stage import START, Stage
from nakhon.fault_proxy import FaultProxy

BETWEEN = (0.5, 4.0)
LASTING = (0.3, 5.0)


def disturb(stage: Stage, tell: Callable[[str], None], stopped: threading.Event) -> None:
    """Let one thing after another fail until the time is over. Raises `InputError` if the publisher ends meanwhile."""
    chance = random.Random(stage.plan.seed)
    end = time.monotonic() + stage.plan.seconds
    faults = _faults(stage, chance, stopped)
    while time.monotonic() < end and not stopped.wait(chance.uniform(*BETWEEN)):
        if not stage.publisher.alive:
            raise InputError(f"the publisher has ended: {stage.publisher.last_words()}")
        stage.supervise()
        name = chance.choice(sorted(faults))
        tell(f"{max(0.0, end - time.monotonic()):4.0f} s left: {name}")
        faults[name]()
        stage.faults[name] += 1


def _faults(stage: Stage, chance: random.Random, stopped: threading.Event) -> dict[str, Callable[[], None]]:
    """What may fail, by its name; each returns when it is over."""

    def last() -> None:
        stopped.wait(chance.uniform(*LASTING))

    def kill() -> None:
        victim = chance.choice(stage.collectors)
        victim.end(signal.SIGKILL)
        last()
        victim.start()

    def freeze() -> None:
        victim = chance.choice([*stage.collectors, stage.publisher])
        victim.send(signal.SIGSTOP)
        last()
        victim.send(signal.SIGCONT)

    def disturb(how: str, proxies: Sequence[FaultProxy]) -> None:
        proxy = chance.choice(proxies)
        proxy.delay(chance.uniform(0.05, 0.5)) if how == "delay" else getattr(proxy, how)()
        last()
        proxy.heal()

    def refuse() -> None:
        if stage.behind is not None:
            disturb(chance.choice(["cut", "stall"]), [stage.behind])
            return
        victim = chance.choice(stage.collectors)
        victim.refuse(on=True)
        last()
        victim.refuse(on=False)

    sides = (stage.speakers, stage.listeners)
    faults: dict[str, Callable[[], None]] = {
        f"network {how}": partial(disturb, how, sides) for how in ("cut", "stall", "half_open", "delay")
    }
    faults["collector killed"], faults["process frozen"], faults["store refuses"] = kill, freeze, refuse
    faults["broker restarted"] = partial(_restart, stage, last)
    return faults


def _restart(stage: Stage, last: Callable[[], None]) -> None:
    """End the broker in order, let that last, start it again.

    A Mosquitto that was restarted (2.0.11) knows a shared subscription again only when a member has returned, and drops
    meanwhile what it acknowledges: so publishers of a group are kept away until all are back.
    """
    shared = len(stage.collectors) > 1
    if shared:
        stage.speakers.cut()
    stage.broker.end()
    last()
    stage.broker.start()
    stage.broker.wait_for(partial(listening, stage.broker.port), START)
    if shared:
        stage.supervise()
        for one in stage.collectors:
            one.wait_for(partial(ready, one), START)
        stage.speakers.heal()
