"""Two modes of `nakhon bench`: latency at a fixed rate, and the rate at which a target falls behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from collector.language.broker import Broker
from nakhon.benchmark.figures import Bucket, histogram, percentiles
from nakhon.benchmark.rig import Rig, Setting, Trial

ALLOWED = 0.5
ALLOWED_STORE = 2.5  # a collector says only every second what it has
WARM_UP = 1.0
A_WORD = 1.5  # until a collector that is there has spoken
HALVINGS = 3
FASTEST = 200_000.0

Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Latency:
    """What a fixed rate showed."""

    trial: Trial
    complete: bool
    losses: int

    @property
    def answer(self) -> bool:
        """Whether the figures stand: all was heard, and we ourselves kept to the schedule."""
        return self.complete and not self.trial.offer_limited and not self.trial.lost

    @property
    def buckets(self) -> list[Bucket]:
        """The histogram."""
        return histogram(self.trial.latencies)

    def told(self) -> dict[str, Any]:
        """The same as plain data, for JSON (times in seconds)."""
        return {
            "mode": "latency",
            "complete": self.complete,
            "latency": percentiles(self.trial.latencies),
            "latency_uncorrected": percentiles(self.trial.uncorrected),
            "connections_lost": self.losses,
            "histogram": [{"from": one.low, "count": one.count} for one in self.buckets],
            **told(self.trial),
        }


@dataclass(frozen=True, slots=True)
class Step:
    """A rate that was tried, and whether the target kept up."""

    trial: Trial
    sustained: bool


@dataclass(frozen=True, slots=True)
class Capacity:
    """The rates that were tried, in their order; whether a collector was measured too."""

    steps: list[Step]
    allowed: float
    complete: bool
    losses: int

    @property
    def knee(self) -> float | None:
        """The highest rate that was kept up with."""
        return max((one.trial.rate for one in self.steps if one.sustained), default=None)

    @property
    def lowest_failed(self) -> Step | None:
        """The lowest rate that was not."""
        return min((one for one in self.steps if not one.sustained), key=lambda one: one.trial.rate, default=None)

    @property
    def limit(self) -> str:
        """What set the limit: the target, the offer (we ourselves), or nothing that was tried."""
        failed = self.lowest_failed
        if failed is None:
            return "none"
        return "offer" if failed.trial.offer_limited else "target"

    @property
    def slack(self) -> float:
        """By which share the knee may be too high: who catches up in the time allowed was behind at the end."""
        held = max((float(one.trial.due[-1]) for one in self.steps), default=0.0)
        return self.allowed / held if held else 0.0

    def told(self) -> dict[str, Any]:
        """The same as plain data, for JSON."""
        return {
            "mode": "capacity",
            "complete": self.complete,
            "knee": self.knee,
            "slack": round(self.slack, 3),
            "limit": self.limit,
            "allowed": self.allowed,
            "connections_lost": self.losses,
            "steps": [told(one.trial) | {"sustained": one.sustained} for one in self.steps],
        }


def told(trial: Trial) -> dict[str, Any]:
    """A trial as plain data."""
    return {
        "rate": trial.rate,
        "offered": trial.offered,
        "heard": trial.offered - trial.lost,
        "lost": trial.lost,
        "copies": trial.copies,
        "stored_by_a_collector": trial.stored,
        "caught_up": trial.caught_up,
        "schedule_lag": percentiles(trial.schedule),
        "latency_p99": percentiles(trial.latencies).get("p99"),
        "acknowledgement": percentiles((trial.acknowledged - trial.due)[trial.acknowledged == trial.acknowledged]),
        "cpu": round(trial.cpu, 3),
        "offer_limited": trial.offer_limited,
        "qos": trial.qos,
    }


def latency(
    broker: Broker, setting: Setting, rate: float, seconds: float, over: threading.Event, tell: Tell
) -> Latency:  # fmt: skip
    """Latency at a fixed rate. Raises `BrokerError` if the broker cannot be reached."""
    with Rig(broker, setting) as rig:
        rig.trial(rate, min(WARM_UP, seconds), over, lambda share: tell("warming up", share))
        trial = rig.trial(rate, seconds, over, lambda share: tell(f"{rate:,.0f} messages/s", share))
        return Latency(trial, not over.is_set(), rig.losses)


def capacity(
    broker: Broker, setting: Setting, rates: tuple[float, float], seconds: float, over: threading.Event, tell: Tell,
    show: Callable[[Step], None] = lambda _step: None,
) -> Capacity:  # fmt: skip
    """The rate at which the broker, its subscriber or a collector falls behind, between two rates.

    The rate is doubled until a step is not kept up with (and not at a second try either), then the interval is halved.
    """
    steps: list[Step] = []
    lowest, highest = rates
    with Rig(broker, setting) as rig:

        def kept_up(rate: float) -> bool:
            for _ in range(2):
                trial = rig.trial(rate, seconds, over, lambda share: tell(f"{rate:,.0f} messages/s", share))
                allowed = ALLOWED if trial.stored is None else ALLOWED_STORE
                step = Step(trial, trial.sustained(allowed))
                if over.is_set():
                    return False
                if step.sustained:
                    break
            steps.append(step)
            show(step)
            return step.sustained

        rig.trial(lowest, min(WARM_UP, seconds), over, lambda share: tell("warming up", share))
        over.wait(A_WORD)
        good, bad = 0.0, 0.0
        rate = lowest
        while not over.is_set() and not bad and rate <= highest:
            good, bad = (rate, bad) if kept_up(rate) else (good, rate)
            rate *= 2
        for _ in range(HALVINGS if good and bad else 0):
            middle = round((good + bad) / 2, -1)
            if over.is_set():
                break
            good, bad = (middle, bad) if kept_up(middle) else (good, middle)
        stored = rig.stored
        losses = rig.losses
    return Capacity(steps, ALLOWED if stored is None else ALLOWED_STORE, not over.is_set(), losses)
