"""Faults of messages: lost, doubled, late, shuffled, broken; and a ledger that explains all of it."""

import json
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from fault_runs import SMALL, Harmed, Sink, place, run, scenario
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parts import entry_of

from collector.language.codec import decode, digest, encode
from collector.language.errors import PayloadError
from collector.language.ledger import Effect, Header, LedgerWriter, read_ledger
from simulator.faults import acting
from simulator.run import Simulation
from simulator.speaker import Speaker

WX = "rayong/environment/wx-01"
WINDOW = 'after = "6h"\nfor = "6h"\n'
SHORT = SMALL.replace('"1d"', '"12h"')


@pytest.fixture(scope="module")
def plain() -> Sink:
    return run(scenario())


def faulty(kind: str, more: str = "", target: str = 'station = "wx-01"', sink: Sink | None = None) -> Sink:
    return run(scenario(f'[[faults]]\nfault = "{kind}"\n{target}\n{WINDOW}{more}'), sink)


def others(sink: Sink) -> dict[str, list[int]]:
    return {station: numbers for station, numbers in sink.numbers(sent=True).items() if station != WX}


def test_without_faults_every_message_is_said_as_ever_and_nothing_is_noted(plain: Sink) -> None:
    assert plain.ledger == plain.sent
    assert not plain.notes


def test_without_faults_the_messages_are_those_that_the_speaker_says(plain: Sink) -> None:
    simulation, speaker = Simulation(scenario()), Speaker("small-1", plain.sent[0][0].session or "")
    told = [encode(one.message) for one in speaker.say(simulation.advance(scenario().end))]
    assert [payload for _, payload in plain.sent] == told


def test_a_fault_leaves_all_other_stations_alone(plain: Sink) -> None:
    for kind in ("lost", "duplicate", "late", "burst", "reorder", "malformed"):
        assert others(faulty(kind)) == others(plain)


def test_lost_messages_are_numbered_and_recorded_but_never_sent(plain: Sink) -> None:
    sink = faulty("lost", "probability = 0.5")
    assert sink.numbers() == plain.numbers()
    lost = set(sink.numbers()[WX]) - set(sink.numbers(sent=True)[WX])
    assert sink.named(Effect.MISSING) == {WX: lost}
    assert 5 < len(lost) < 19


def test_copies_are_byte_by_byte_the_same_and_recorded_once(plain: Sink) -> None:
    sink = faulty("duplicate", "copies = 2\nprobability = 0.5")
    assert sink.numbers() == plain.numbers()
    sent = Counter((message.seq, payload) for message, payload in sink.sent if place(message) == WX)
    assert set(sent.values()) == {1, 3}
    assert sink.named(Effect.DUPLICATED) == {WX: {seq for (seq, _), times in sent.items() if times == 3}}


def test_copies_may_come_later() -> None:
    sink = faulty("duplicate", 'delay = "1h"')
    order = [message.seq for message, _ in sink.sent if place(message) == WX]
    first = min(sink.named(Effect.DUPLICATED)[WX])
    assert order.index(first + 4) - order.index(first) in (4, 5)
    assert order.count(first) == 2
    assert order[order.index(first) + 1] == first + 1


@pytest.mark.parametrize("spread", ["fixed", "uniform", "exponential"])
def test_late_messages_come_after_their_time_and_all_of_them(plain: Sink, spread: str) -> None:
    sink = faulty("late", f'delay = "2h"\nspread = "{spread}"\nprobability = 0.5')
    order = sink.numbers(sent=True)[WX]
    assert sorted(order) == plain.numbers()[WX]
    overtaken = {seq for at, seq in enumerate(order) if any(later > seq for later in order[:at])}
    assert overtaken <= sink.named(Effect.LATE)[WX]
    assert overtaken


def test_a_burst_comes_at_once_when_its_time_is_over() -> None:
    sink = faulty("burst", 'every = "2h"')
    numbers = sink.numbers(sent=True)
    held = sorted(sink.named(Effect.LATE)[WX])
    told = [(place(message), message.seq) for message, _ in sink.sent]
    at = [told.index((WX, seq)) for seq in held]
    runs = [here for here, there in pairwise(at) if there != here + 1]
    assert len(runs) == 2  # three bursts in six hours, each without a gap
    assert numbers[WX] == sorted(numbers[WX])


def test_reordered_messages_change_places_within_their_window(plain: Sink) -> None:
    sink = faulty("reorder", "window = 4")
    order = sink.numbers(sent=True)[WX]
    assert sorted(order) == plain.numbers()[WX]
    moved = {seq for at, seq in enumerate(order) if plain.numbers()[WX][at] != seq}
    assert moved
    assert moved <= sink.named(Effect.REORDERED)[WX]
    assert all(abs(at - seq) < 4 for at, seq in enumerate(order))


@pytest.mark.parametrize("how", ["any", "truncated", "wrong-type", "wrong-schema", "bad-utf8", "not-json", "oversized"])
def test_a_malformed_payload_is_rejected_and_the_ledger_has_its_digest(how: str) -> None:
    sink = faulty("malformed", f'how = "{how}"')
    assert sink.ledger == sink.sent
    rejected: set[int] = set()
    for message, payload in sink.sent:
        try:
            decode(message.address, payload)
        except PayloadError:
            rejected.add(message.seq or 0)
            assert place(message) == WX
            assert entry_of(message, payload, b"{}").digest == digest(payload)
    assert sink.named(Effect.MALFORMED) == {WX: rejected}
    assert len(rejected) == 24


def test_an_oversized_payload_has_the_size_that_was_asked_for() -> None:
    sink = faulty("malformed", 'how = "oversized"\nsize = 5000')
    assert {
        len(payload) for message, payload in sink.sent if message.seq in range(30, 40) and place(message) == WX
    } == {5000}


def test_a_fault_aimed_at_an_indicator_strikes_the_messages_that_tell_of_it() -> None:
    sink = faulty("lost", 'indicator = "service_requests"', target="")
    assert set(sink.named(Effect.MISSING)) == {"rayong/governance/sd-01"}


def test_what_is_held_when_nobody_takes_more_is_noted_as_never_sent() -> None:
    sink = faulty("late", 'delay = "1d"', sink=Sink(most=400))
    held = sink.named(Effect.LATE)[WX]
    assert held
    assert sink.named(Effect.MISSING) == {WX: held}


def test_a_run_that_ends_sends_what_is_held() -> None:
    sink = faulty("late", 'delay = "9d"')
    assert sorted(sink.numbers(sent=True)[WX]) == sink.numbers()[WX]
    assert sink.named(Effect.MISSING) == {}


def test_at_full_speed_a_delay_by_the_wall_is_waited_for() -> None:
    sink = faulty("late", 'delay = "1s"\nclock = "wall"')
    assert sorted(sink.numbers(sent=True)[WX]) == sink.numbers()[WX]
    assert sink.sent[-1][0].seq in sink.named(Effect.LATE)[WX]


def test_connection_faults_strike_once_at_their_time_and_name_what_they_harmed() -> None:
    harmed = Harmed()
    names = ("kill", "reconnect-storm", "half-open", "outage", "missing-birth", "stale-status")
    faults = "".join(f'[[faults]]\nfault = "{name}"\nafter = "{at + 1}h"\n' for at, name in enumerate(names))
    sink = run(scenario(faults + '[[faults]]\nfault = "kill"\nstation = "aq-*"\n'), Sink(connections=harmed))
    assert [what for what, _, _ in harmed.done] == ["kill", *names]
    assert harmed.done[0][1].stations == (("rayong", "aq-01"), ("rayong", "aq-02"))
    assert harmed.done[1][1].cities == ("rayong",)
    assert [more for _, _, more in harmed.done[2:]] == [(10, 2.0), 60, 10, 10, False]
    assert [told.facts["connections"] for told in sink.notes] == [["rayong"]] * 7


def test_without_connections_a_connection_fault_is_noted_as_refused() -> None:
    sink = run(scenario('[[faults]]\nfault = "kill"\n'))
    assert [told.facts["refused"] for told in sink.notes] == ["there are no connections"]


message_faults = st.sampled_from(
    [
        'fault = "lost"',
        'fault = "duplicate"\ncopies = 2',
        'fault = "duplicate"\ndelay = "1h"',
        'fault = "late"\ndelay = "90min"\nspread = "exponential"',
        'fault = "burst"\nevery = "2h"',
        'fault = "reorder"\nwindow = 3',
        'fault = "malformed"',
    ]
)
entries = st.builds(
    lambda fault, target, chance, after, length: (
        f'[[faults]]\n{fault}\nstation = "{target}"\nprobability = {chance}\nafter = "{after}h"\nfor = "{length}h"\n'
    ),
    message_faults,
    st.sampled_from(["*", "wx-01", "aq-*"]),
    st.sampled_from([0.1, 0.5, 1.0]),
    st.integers(1, 6),
    st.integers(1, 12),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(entries, min_size=1, max_size=4),
    pack=st.sampled_from([1, 4]),
    most=st.sampled_from([math.inf, 200]),
)
def test_whatever_faults_act_the_ledger_has_every_number_and_names_what_was_not_sent(
    faults: list[str], pack: int, most: float
) -> None:
    sink = run(scenario("".join(faults), SHORT), Sink(most=most), pack)
    missing, doubled = sink.named(Effect.MISSING), sink.named(Effect.DUPLICATED)
    for station, numbers in sink.numbers().items():
        assert numbers == list(range(len(numbers)))
        sent = Counter(sink.numbers(sent=True).get(station, []))
        assert set(sent) | missing.get(station, set()) == set(numbers)
        assert not set(sent) & missing.get(station, set())
        assert {seq for seq, times in sent.items() if times > 1} <= doubled.get(station, set())


def test_the_ledger_file_tells_of_the_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acting, "FLUSH", math.inf)  # a line when the fault ends, however long the run takes
    path = tmp_path / "small.ledger"

    class Writing(Sink):
        def note(self, told: object) -> None:
            writer.fault(told)  # type: ignore[arg-type]

    with LedgerWriter(path, Header("small-1", "s", "simulated")) as writer:
        faulty("lost", sink=Writing())
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()[1:]]
    assert [line["id"] for line in lines] == ["f1", "f1.1", "f1"]
    assert lines[1]["seq"] == {WX: [24, 47]}
    assert lines[1]["effect"] == "missing"
    assert lines[2]["acted"] == 24
    assert (lines[2]["from"], lines[2]["until"]) == ("2026-03-01T06:00:00Z", "2026-03-01T12:00:00Z")
    assert {fault.id for fault in read_ledger(path).faults} == {"f1", "f1.1"}


def test_the_same_faults_give_the_same_messages_every_time() -> None:
    faults = "".join(
        f"[[faults]]\n{fault}\nprobability = 0.3\n"
        for fault in ('fault = "late"\nspread = "uniform"', 'fault = "lost"')
    )
    first, second = (run(scenario(faults)) for _ in range(2))
    strip = [[(place(message), message.seq) for message, _ in sink.sent] for sink in (first, second)]
    assert strip[0] == strip[1]
