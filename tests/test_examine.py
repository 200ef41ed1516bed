"""The examination of consumers that keep readings without numbers: each habit is named, and nothing else is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import entry_of

from collector.auditing.examine import examine
from collector.auditing.expected import Expected, expected_readings
from collector.auditing.findings import STATES, Findings
from collector.auditing.found import Found, Tolerance
from collector.language.codec import encode
from collector.language.errors import InputError, LedgerError
from collector.language.ledger import Effect, Fault, Header, Ledger
from collector.language.messages import Message, Readings
from collector.language.topics import Address

START = 1_772_352_000
INDICATORS = {
    "pm25": (40.0, 9.0, 1),
    "pm10": (70.0, 15.0, 1),
    "air_temperature": (28.0, 4.0, 2),
    "wind_speed": (3, 1, 2),
}
HOUR = 3_600_000


def made(stations: int = 4, ticks: int = 400, *, cadence: int = 900, pack: int = 1, jitter: bool = False) -> Ledger:
    """The ledger of a small city whose readings vary as readings do."""
    chance = np.random.default_rng(7)
    entries = []
    for station in range(stations):
        address = Address("run", "chiang-mai", "environment", f"aq-{station:02d}")
        for seq in range(ticks // pack):
            times = START + cadence * np.arange(seq * pack, (seq + 1) * pack)
            times = times + chance.integers(1, 59, pack) if jitter else times
            columns = {
                name: np.round(chance.normal(mean, spread, pack), digits)
                for name, (mean, spread, digits) in INDICATORS.items()
            }
            body = Readings(times.astype(np.int64).view("datetime64[s]"), columns)
            message = Message(address, "9f3c", seq, body)
            entries.append(replace(entry_of(message, encode(message)), at=1.8e9 + seq))
    return Ledger(Header("run", "9f3c", "simulated"), entries, closed=True, torn=False)


LEDGER = made()
EXPECTED = expected_readings(LEDGER)


def station_name(station: str) -> str:
    return station.rpartition("/")[2]


def kept(expected: Expected = EXPECTED) -> Found:
    """What a faultless consumer holds."""
    return Found(
        [station_name(name) for name in expected.stations], list(expected.indicators), expected.station,
        expected.indicator, expected.time, expected.value, expected.at + 0.25,
    )  # fmt: skip


def audited(found: Found, ledger: Ledger = LEDGER, **tolerance: float) -> Findings:
    return examine(ledger, found, station_name, Tolerance(**tolerance), "a table")  # type: ignore[arg-type]


def named(findings: Findings) -> list[str]:
    return sorted({one.name for one in findings.diagnoses})


def changed(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Found:
    """The consumer does something to the values of an indicator."""
    found = kept()
    mine = found.indicator == found.indicators.index(name)
    return replace(found, value=np.where(mine, change(found.value), found.value))


def swapped() -> Found:
    found = kept()
    one, two = found.indicators.index("pm25"), found.indicators.index("pm10")
    other = np.where(found.indicator == one, two, np.where(found.indicator == two, one, found.indicator))
    return replace(found, indicator=other)


def newest() -> Found:
    return kept().where(EXPECTED.time == EXPECTED.time.max())


def twice(found: Found, rows: np.ndarray) -> Found:
    columns = ("station", "indicator", "time", "value", "received")
    return replace(found, **{name: np.r_[getattr(found, name), getattr(found, name)[rows]] for name in columns})


def half_shifted(hours: float) -> Found:
    found = kept()
    late = found.time > np.median(found.time)
    return replace(found, time=np.where(late, found.time + int(hours * HOUR), found.time))


def test_a_faultless_consumer_is_faultless() -> None:
    findings = audited(kept())
    assert findings.accounted_for
    assert findings.total.right == findings.total.published == EXPECTED.count == 6400
    assert not findings.diagnoses
    assert not findings.gaps
    assert findings.total.latency == (0.25, 0.25, 0.25)
    assert findings.total.reordered == 0


@pytest.mark.parametrize(
    ("found", "expected", "share"),
    [
        (replace(kept(), time=EXPECTED.time + 7 * HOUR), "time_zone_shifted", 1.0),
        (replace(kept(), time=EXPECTED.time - 5 * HOUR - HOUR // 2), "time_zone_shifted", 1.0),
        (half_shifted(6.5), "time_zone_shifted", 0.5),
        (replace(kept(), time=EXPECTED.time // HOUR * HOUR), "time_truncated", 0.75),
        (changed("air_temperature", lambda v: v * 1.8 + 32), "unit_swapped", 0.25),
        (changed("air_temperature", lambda v: np.round(v * 1.8 + 32, 1)), "unit_swapped", 0.25),
        (changed("air_temperature", lambda v: (v - 32) / 1.8), "unit_swapped", 0.25),
        (changed("pm25", lambda v: v / 1000), "unit_swapped", 0.25),
        (changed("wind_speed", lambda v: np.round(v * 3.6, 2)), "unit_swapped", 0.25),
        (changed("air_temperature", lambda v: np.round(v, 1)), "rounded", 0.22),
        (changed("pm25", np.round), "rounded", 0.22),
        (changed("pm10", lambda v: np.round(v, -1)), "rounded", 0.25),
        (changed("pm10", np.trunc), "truncated_values", 0.22),
        (changed("pm25", lambda v: v.astype(np.float32).astype(np.float64)), "float32", 0.2),
        (swapped(), "indicators_swapped", 0.5),
        (newest(), "last_value_only", 0.99),
        (twice(kept(), np.arange(EXPECTED.count)), "doubled", 0.5),
        (replace(kept(), stations=["AQ_00", "AQ_01", "AQ_02", "AQ_03"]), "station_names_altered", 1.0),
        (replace(kept(), indicators=["PM2.5", "PM10", "AirTemperature", "wind speed"]), "indicator_names_altered", 1.0),
    ],
)  # fmt: skip
def test_what_was_done_to_readings_is_named_and_nothing_else_is(found: Found, expected: str, share: float) -> None:
    findings = audited(found)
    assert named(findings) == [expected], [one.text for one in findings.diagnoses]
    assert sum(one.share for one in findings.diagnoses) == pytest.approx(share, abs=0.05)
    if expected != "last_value_only":
        assert findings.total.lost == 0
        assert findings.total.corrupted == 0
        assert findings.total.strangers == 0
    if not expected.endswith("names_altered"):
        assert not findings.accounted_for


def test_the_figures_of_a_diagnosis_are_told() -> None:
    (zone,) = audited(replace(kept(), time=EXPECTED.time + 7 * HOUR)).diagnoses
    assert zone.facts == {"offset_seconds": 25_200}
    assert zone.text == "times are 7:00 h ahead of the truth for all of the readings found: a shifted time zone"
    (unit,) = audited(changed("air_temperature", lambda v: v * 1.8 + 32)).diagnoses
    assert unit.text.startswith("values are in °F, not °C: air_temperature")
    (rounded,) = audited(changed("air_temperature", lambda v: np.round(v, 1))).diagnoses
    assert rounded.facts["digits"] == 1


def test_a_zone_is_named_even_where_nothing_but_times_is_kept() -> None:
    found = replace(kept(), time=EXPECTED.time + 7 * HOUR, value=np.full(EXPECTED.count, np.nan), valued=False)
    findings = audited(found)
    assert named(findings) == ["time_zone_shifted"]
    assert "no values" in findings.doubts[0]


def test_seconds_that_were_cut_off_are_named() -> None:
    ledger = made(jitter=True)
    expected = expected_readings(ledger)
    findings = audited(replace(kept(expected), time=expected.time // 60_000 * 60_000), ledger)
    assert named(findings) == ["time_truncated"]
    assert findings.diagnoses[0].text.startswith("the seconds of the times were cut off")
    assert findings.total.lost == findings.total.duplicated == 0


def test_constant_values_do_not_hide_a_shift_of_half_the_readings() -> None:
    ledger = made()
    calm = [replace(entry, said=_without_wind(entry.said or "")) for entry in ledger.entries]
    ledger = replace(ledger, entries=calm)
    expected = expected_readings(ledger)
    late = expected.time > np.median(expected.time)
    found = replace(kept(expected), time=np.where(late, expected.time + 7 * HOUR, expected.time))
    findings = audited(found, ledger)
    assert named(findings) == ["time_zone_shifted"]
    assert (findings.total.lost, findings.total.duplicated, findings.total.corrupted) == (0, 0, 0)


def _without_wind(said: str) -> str:
    head, _, _ = said.partition(',"wind_speed":')
    return f'{head},"wind_speed":0.0}}'


def test_a_loss_is_named_by_station_and_numbers_and_a_fault_explains_it() -> None:
    gone = (EXPECTED.station == 1) & (EXPECTED.seq >= 10) & (EXPECTED.seq < 20)
    findings = audited(kept().where(~gone))
    assert findings.total.lost == 40
    (gap,) = findings.gaps
    assert (gap.station, gap.first, gap.last, gap.missing) == ("chiang-mai/environment/aq-01", 10, 19, 40)
    assert (gap.since, gap.until) == ("2026-03-01T10:30:00Z", "2026-03-01T12:45:00Z")
    assert sum(findings.timeline.lost) == 40
    fault = Fault("silence", "f1", ("*/aq-01",), Effect.MISSING, seq={"chiang-mai/environment/aq-01": (10, 19)})
    explained = audited(kept().where(~gone), replace(LEDGER, faults=(fault,)))
    assert explained.accounted_for
    assert (explained.total.lost, explained.total.injected) == (0, 40)
    assert explained.gaps[0].cause == "silence (f1)"
    assert explained.faults == {"f1": 40}


def test_a_fault_by_pattern_and_time_explains_only_what_it_names() -> None:
    gone = np.isin(EXPECTED.station, (0, 1)) & (EXPECTED.seq < 4)
    fault = Fault("silence", "f1", ("*/aq-01",), Effect.MISSING, "2026-03-01T08:00:00Z", "2026-03-01T08:30:00Z")
    findings = audited(kept().where(~gone), replace(LEDGER, faults=(fault,)))
    assert (findings.total.injected, findings.total.lost) == (12, 20)
    assert not findings.accounted_for


def test_a_malformed_message_is_rejected_as_it_should_be_and_one_that_is_there_is_told() -> None:
    fault = Fault("malformed", "f2", ("*",), Effect.MALFORMED, seq={"chiang-mai/environment/aq-00": (0, 1)})
    ledger = replace(LEDGER, faults=(fault,))
    rejected = (EXPECTED.station == 0) & (EXPECTED.seq < 2)
    findings = audited(kept().where(~rejected), ledger)
    assert findings.accounted_for
    assert findings.total.rejected == 8
    accepting = audited(kept(), ledger)
    assert accepting.total.accepted == 8
    assert not accepting.accounted_for


def test_single_spikes_are_corrupted_and_explained_by_nothing() -> None:
    found = kept()
    spikes = np.random.default_rng(1).choice(found.count, 60, replace=False)
    value = found.value.copy()
    value[spikes] += np.random.default_rng(2).uniform(20, 400, 60)
    findings = audited(replace(found, value=value))
    assert findings.total.corrupted == 60
    assert not findings.diagnoses
    assert not findings.accounted_for


def test_rows_too_many_are_duplicates_unless_a_fault_sent_them_twice() -> None:
    again = np.flatnonzero((EXPECTED.station == 2) & (EXPECTED.seq == 5))
    assert audited(twice(kept(), again)).total.duplicated == 4
    fault = Fault("duplicate", "f3", ("*",), Effect.DUPLICATED, seq={"chiang-mai/environment/aq-02": (5, 5)})
    findings = audited(twice(kept(), again), replace(LEDGER, faults=(fault,)))
    assert findings.accounted_for
    assert findings.total.duplicates_injected == 4


def test_late_and_reordered_readings_are_counted() -> None:
    found = kept()
    slow = (EXPECTED.station == 0) & (EXPECTED.seq == 7)
    findings = audited(replace(found, received=np.where(slow, found.received + 100.0, found.received)), late=60.0)
    assert (findings.total.late, findings.total.reordered) == (4, 4)
    assert findings.stations["chiang-mai/environment/aq-00"].late == 4
    assert not findings.accounted_for


def test_what_differs_within_the_tolerance_is_right() -> None:
    found = kept()
    moved = replace(found, time=found.time + 400, value=found.value + 0.04)
    assert audited(moved, time=500, absolute=0.05).accounted_for
    assert audited(moved, time=500).total.right == 0


def test_rows_of_other_times_and_stations_are_ignored_and_those_among_ours_are_strangers() -> None:
    found = kept()
    other = replace(found.where(EXPECTED.seq == 0), time=np.full(16, EXPECTED.time.min() - 30 * 24 * HOUR))
    ours = replace(found.where(EXPECTED.seq == 0), time=np.full(16, EXPECTED.time.min() + 60_000))
    both = twice(found, np.arange(0))
    for part in (other, ours):
        columns = ("station", "indicator", "time", "value", "received")
        both = replace(both, **{name: np.r_[getattr(both, name), getattr(part, name)] for name in columns})
    findings = audited(both)
    assert (findings.ignored, findings.total.strangers, findings.total.lost) == (16, 16, 0)


def test_readings_of_one_time_are_paired_by_value() -> None:
    still = [
        replace(entry, said=(entry.said or "").replace(f'"time":"{entry.first}"', '"time":"2026-03-01T08:00:00Z"'))
        for entry in made(1, 6).entries
    ]
    ledger = replace(LEDGER, entries=still)
    expected = expected_readings(ledger)
    shuffled = kept(expected).where(np.ones(expected.count, dtype=np.bool_))
    order = np.random.default_rng(3).permutation(expected.count)
    columns = ("station", "indicator", "time", "value", "received")
    findings = audited(replace(shuffled, **{name: getattr(shuffled, name)[order] for name in columns}), ledger)
    assert findings.total.right == expected.count


def test_a_sink_of_others_and_a_ledger_without_values_are_refused() -> None:
    with pytest.raises(InputError, match="knows none of the stations"):
        audited(replace(kept(), stations=["x1", "x2", "x3", "x4"]))
    with pytest.raises(InputError, match="the same name"):
        examine(LEDGER, kept(), lambda _station: "one", Tolerance(), "a table")
    bare = replace(LEDGER, entries=[replace(entry, said=None) for entry in LEDGER.entries])
    with pytest.raises(LedgerError, match="does not hold what the messages said"):
        audited(kept(), bare)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_every_reading_has_one_state_and_losses_are_never_invented(data: st.DataObject) -> None:
    ledger = made(2, 60)
    expected = expected_readings(ledger)
    gone = np.array(data.draw(st.lists(st.booleans(), min_size=expected.count, max_size=expected.count)))
    order = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(int((~gone).sum()))
    found = kept(expected).where(~gone)
    columns = ("station", "indicator", "time", "value", "received")
    findings = audited(replace(found, **{name: getattr(found, name)[order] for name in columns}), ledger)
    terms: Sequence[int] = [getattr(findings.total, name) for name in STATES]
    assert sum(terms) == findings.total.published
    assert findings.total.lost == int(gone.sum())
    assert findings.total.right == int((~gone).sum())
    assert sum(gap.missing for gap in findings.gaps) == findings.total.lost


def test_no_false_loss_among_a_million_readings() -> None:
    ledger = made(25, 10_000, cadence=300, pack=100)
    expected = expected_readings(ledger)
    assert expected.count == 1_000_000
    order = np.random.default_rng(5).permutation(expected.count)
    found = kept(expected)
    columns = ("station", "indicator", "time", "value", "received")
    found = replace(found, **{name: getattr(found, name)[order] for name in columns})
    began = time.monotonic()
    findings = audited(found, ledger)
    assert (findings.total.right, findings.total.lost, findings.total.duplicated) == (1_000_000, 0, 0)
    assert time.monotonic() - began < 120  # measured: 4 s of one core
    lost = audited(found.where(np.arange(1_000_000) != 123_456), ledger)
    assert lost.total.lost == 1
    (gap,) = lost.gaps
    assert gap.first == expected.seq[order[123_456]]
