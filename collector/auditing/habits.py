"""What a consumer does to a whole series: keeps only its newest reading, or every reading several times."""

from __future__ import annotations

import numpy as np

from collector.auditing.diagnosis import FEWEST, Diagnosis, part
from collector.auditing.expected import Mask
from collector.auditing.matching import Comparison, Pairing

NEARLY_ALL = 0.9
SOME = 0.01


def diagnose_habits(asked: Comparison, pairing: Pairing) -> tuple[Diagnosis, ...]:
    """The habits that show in what is missing and in what is there several times."""
    held = pairing.holder(asked.expected.count) >= 0
    return (*_last_only(asked, held), *_doubled(asked, pairing, held))


def _last_only(asked: Comparison, held: Mask) -> tuple[Diagnosis, ...]:
    """One reading a series (of several), and it is the newest."""
    expected = asked.expected
    _, series = np.unique(asked.key_of(np.arange(expected.count)), return_inverse=True)
    said, kept = np.bincount(series), np.bincount(series, held)
    newest = np.full(len(said), np.iinfo(np.int64).min)
    np.maximum.at(newest, series, expected.time)
    last_held = np.bincount(series, held & (expected.time == newest[series])) == 1
    several = said > 1
    only = several & (kept == 1) & last_held
    if only.sum() < max(1.0, NEARLY_ALL * several.sum()):
        return ()
    lost = int((said - kept)[only].sum())
    if lost < FEWEST:
        return ()
    all_lost, series_kept, series_said = int((~held).sum()), int(only.sum()), int(several.sum())
    text = (
        f"only the last value is kept: of {part(series_kept, series_said)} of the {series_said:,} series the newest "
        f"reading is there and nothing else, which explains {part(lost, all_lost)} of the losses"
    )
    return (Diagnosis("last_value_only", text, lost, all_lost, lost / expected.count, {"series": series_kept}),)


def _doubled(asked: Comparison, pairing: Pairing, held: Mask) -> tuple[Diagnosis, ...]:
    again = int(pairing.again.sum())
    if again < max(FEWEST, SOME * held.sum()):
        return ()
    copies = np.bincount(pairing.row[pairing.row >= 0], minlength=asked.expected.count)
    several = copies > 1
    usual = int(np.bincount(copies[several]).argmax())
    times = {2: "twice", 3: "three times"}.get(usual, f"{usual} times")
    text = f"{part(int(several.sum()), int(held.sum()))} of the readings found are there more than once, mostly {times}"
    facts = {"copies": usual, "readings": int(several.sum())}
    return (Diagnosis("doubled", text, again, asked.found.count, again / asked.found.count, facts),)
