"""Everything fails, at random, under load; at the end an audit asks for every message.

A real Mosquitto with its state on disk, a publisher with a ledger, and collectors, each in its own process, with a
proxy on either side of the broker. What fails, when and for how long is drawn from a seed.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from nakhon.chaos.account import conclude
from nakhon.chaos.faults import disturb
from nakhon.chaos.plan import Outcome, Plan, new_seed
from nakhon.chaos.stage import staged

__all__ = ["Outcome", "Plan", "chaos", "new_seed"]


def chaos(plan: Plan, tell: Callable[[str], None], stopped: threading.Event, keep: Path | None = None) -> Outcome:
    """What came of a plan.

    `tell` is told what happens, `stopped` ends the load early. Everything is made in a temporary folder, or in `keep`,
    which stays. Raises `InputError` without a Mosquitto, or if a part does not start, or the publisher ends too early.
    """
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(tempfile.TemporaryDirectory(prefix="nakhon-chaos-"))
        stage = stack.enter_context(staged(plan, (keep or Path(made)).resolve()))
        began = time.monotonic()
        disturb(stage, tell, stopped)
        seconds = time.monotonic() - began
        shares, verdict = conclude(stage, tell)
        return Outcome(plan, stage.faults, shares, verdict, seconds)
