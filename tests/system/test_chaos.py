"""A short chaos: everything fails at random under load, and the audit finds every message once."""

from __future__ import annotations

import random
import signal
import sys
import threading
from pathlib import Path

import pytest
from parts import need

from collector.language.errors import InputError
from nakhon.chaos import Plan, chaos
from nakhon.chaos.part import Part

pytestmark = pytest.mark.system

NEVER = threading.Event()
FAULTS = 3


def test_nothing_is_lost_and_nothing_doubled_whatever_fails_until_it_is_told_to_stop(tmp_path: Path) -> None:
    need("mosquitto")
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    stopped = threading.Event()
    told: list[str] = []

    def tell(text: str) -> None:
        print(text)
        told.append(text)
        if sum("left" in line for line in told) == FAULTS:
            stopped.set()  # it ends with the fault that has just begun, though there were ten minutes left

    outcome = chaos(Plan(600.0, seed, spool=seed % 2 == 1), tell, stopped, tmp_path / "chaos")
    print(*outcome.lines, sep="\n")
    assert outcome.verdict.accounted_for
    assert outcome.verdict.total.stored == outcome.verdict.total.published > 100
    assert outcome.verdict.total.values_stored == outcome.verdict.total.values_published
    assert outcome.faults.total() == FAULTS
    assert outcome.seconds < 300


def test_a_publisher_that_dies_at_its_start_is_noticed_at_once_and_its_last_words_are_told(tmp_path: Path) -> None:
    need("mosquitto")
    (tmp_path / "chaos.ledger").write_text("a ledger of another day\n")
    with pytest.raises(InputError, match=r"the publisher ended at its start: .*chaos\.ledger.*publisher\.log"):
        chaos(Plan(600.0, 1), print, NEVER, tmp_path)


def test_a_part_that_says_nothing_in_time_is_given_up(tmp_path: Path) -> None:
    part = Part([sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"], tmp_path, "sleeper")
    part.start()
    part.wait_for(lambda: part.said("here"), 30)
    with pytest.raises(InputError, match=r"waited 0.1 s for the sleeper, which said last: here"):
        part.wait_for(lambda: part.said("there"), 0.1)
    assert part.end(signal.SIGKILL) == -signal.SIGKILL
