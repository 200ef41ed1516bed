"""Line protocol: what is written can be read back, and no text in a topic or payload can forge a line."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.language.indicators import Origin, indicators
from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.profile import CityProfile, Status
from collector.language.topics import Address, CityAddress, Kind
from collector.stores.influx.lines import (
    PIECE,
    birth_lines,
    count_lines,
    joined,
    receipt_lines,
    rejected_lines,
    run_lines,
    tag_text,
    tag_value,
    texts,
    value_lines,
)
from collector.stores.protocol import Accepted, Fate, Rejection

START = 1_772_323_200  # 2026-03-01T00:00:00Z
SIGNS = st.one_of(st.sampled_from(list(' ,="\\\n\r\t#%\x00\x85\u2028นคร')), st.characters(exclude_categories=["Cs"]))
NASTY = st.text(SIGNS, max_size=12)
ANYTHING = st.text(st.characters(exclude_categories=()), max_size=12)  # lone surrogates too


@dataclass(frozen=True)
class Line:
    measurement: str
    tags: dict[str, str]
    fields: dict[str, str | float]
    time: int


class Parser:
    """Line protocol as its specification has it, written for these tests alone."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def lines(self) -> list[Line]:
        found = []
        while self.at < len(self.text):
            found.append(self._line())
            assert self.at == len(self.text) or self.text[self.at] == "\n", self.text[self.at :]
            self.at += 1
        return found

    def _line(self) -> Line:
        measurement, tags = self._name(", "), {}
        while self._taken(","):
            name = self._name("=")
            assert self._taken("=")
            assert name not in tags
            tags[name] = self._name(", ")
            assert tags[name]
        assert self._taken(" ")
        fields = dict([self._field()])
        while self._taken(","):
            name, value = self._field()
            assert name not in fields
            fields[name] = value
        assert self._taken(" ")
        return Line(measurement, tags, fields, int(self._plain()))

    def _field(self) -> tuple[str, str | float]:
        name = self._name("=")
        assert self._taken("=")
        if not self._taken('"'):
            return name, self._number()
        value = ""
        while not self._taken('"'):
            if self.text[self.at] == "\\" and self.text[self.at + 1] in '\\"':
                self.at += 1
            value += self.text[self.at]
            self.at += 1
        return name, value

    def _number(self) -> float:
        text = self._plain()
        return {"true": 1.0, "false": 0.0}.get(text) if text in ("true", "false") else float(text.removesuffix("i"))  # type: ignore[return-value]

    def _plain(self) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in ", \n":
            self.at += 1
        return self.text[start : self.at]

    def _name(self, ends: str) -> str:
        """Up to a sign that no backslash stands before, as InfluxDB looks for it."""
        name = ""
        while self.text[self.at] not in ends or (name and name[-1] == "\\"):
            assert self.text[self.at] != "\n"
            name += self.text[self.at]
            self.at += 1
        for sign in ",= ":
            name = name.replace(f"\\{sign}", sign)
        return name

    def _taken(self, sign: str) -> bool:
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True


def parsed(lines: list[str]) -> list[Line]:
    return Parser("\n".join(lines)).lines()


def accepted(body: Readings | Event | Statistic, at: Address, seq: int | None = 0, session: str = "s1") -> Accepted:
    return Accepted(Message(at, None if seq is None else session, seq, body), digest=2**40 + 7, received=1.5)


def address(run: str = "run-1", city: str = "chiang-mai", station: str = "a", kind: Kind = Kind.READINGS) -> Address:
    return Address(run, city, "environment", station, kind)


def readings(times: list[int], **columns: list[float]) -> Readings:
    return Readings(np.array(times, dtype="datetime64[s]"), {n: np.array(c, dtype=float) for n, c in columns.items()})


def event(identity: str = "1", kind: str = "service_request.opened", **fields: str | float) -> Event:
    return Event(np.datetime64(START, "s"), identity, kind, dict(fields))


def key(line: Line) -> tuple[str, tuple[tuple[str, str], ...], int]:
    return line.measurement, tuple(sorted(line.tags.items())), line.time


def values(line: Line) -> dict[str, str]:
    return {name: str(value) for name, value in line.fields.items()}


@given(NASTY | ANYTHING)
def test_a_tag_holds_any_text(text: str) -> None:
    assert tag_value(tag_text(text)) == text


@given(NASTY, NASTY, NASTY, NASTY, st.dictionaries(st.sampled_from(["category", "note"]), NASTY))
def test_no_text_forges_a_line(run: str, city: str, station: str, identity: str, told: dict[str, str]) -> None:
    at = address(run, city, station)
    bodies = [readings([START], pm25=[1.5]), event(identity, identity, **told)]
    bodies += [Readings(bodies[0].times, {identity: np.array([2.5])})]  # type: ignore[union-attr]
    first, second, third = parsed(value_lines([accepted(body, at) for body in bodies]))
    for line in (first, second, third):
        assert [tag_value(line.tags[name]) for name in ("run", "city", "station")] == [run, city, station]
    assert (first.fields, first.time) == ({"value": 1.5}, START)
    assert tag_value(second.tags["id"]) == tag_value(second.tags["type"]) == identity
    assert json.loads(str(second.fields["fields"])) == told
    assert tag_value(third.tags["indicator"]) == identity


@given(ANYTHING | NASTY, st.binary(max_size=40), ANYTHING | NASTY, NASTY)
def test_a_rejected_message_is_kept_whatever_its_bytes(topic: str, payload: bytes, reason: str, run: str) -> None:
    one = Rejection(topic, payload, len(payload), 2**64 - 1, reason, 1.25, Fate.REJECTED, run)
    (line,) = parsed(rejected_lines([one], "w"))
    assert b64decode(str(line.fields["payload"])) == payload
    assert [tag_value(str(line.fields[name])) for name in ("topic", "reason")] == [topic, reason]
    assert not {"\n", "\r"} & set(str(line.fields))
    assert tag_value(line.tags["run"]) == run
    assert line.time == 1_250_000_000


@given(NASTY, NASTY, NASTY)
def test_the_accounts_hold_any_name(run: str, session: str, city: str) -> None:
    at = address(run, city)
    receipt, *_ = parsed(receipt_lines([accepted(readings([START], pm25=[1.0]), at, 41, session)]))
    assert (receipt.time, receipt.fields) == (41, {"digest": 7.0})
    profile = CityProfile("chiang-mai", city, "Thailand", 18.79, 98.98, "Asia/Bangkok")
    place = CityAddress(run, city)
    birth, will = parsed(
        birth_lines([(place, Status(True, session, profile, Origin.SIMULATED)), (place, Status(False, session))], 5)
    )
    assert key(birth) == key(will)
    assert json.loads(joined("birth", values(birth)))["city"]["name"] == city
    assert (birth.fields["online"], will.fields) == (1.0, {"online": 0.0})
    (count,) = parsed(count_lines({(run, Fate.STORED): 3}, "w"))
    (seen,) = parsed(run_lines([run], 9))
    assert tag_value(count.tags["run"]) == tag_value(seen.tags["run"]) == tag_value(receipt.tags["run"]) == run


@pytest.mark.parametrize("length", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 100_000])
def test_a_long_text_is_kept_in_pieces_of_at_most_64_kib(length: int) -> None:
    told = "น" * length
    (line,) = parsed([f"a {texts('b', told)} 0"])
    assert joined("b", values(line)) == told
    assert all(len(str(piece).encode()) <= 65_536 for piece in line.fields.values())
    left_of_before = {f"b_{i}": "old" for i in range(1, 20)}
    assert joined("b", left_of_before | values(line)) == told


@pytest.mark.parametrize("value", [0.1, -0.0, 1e300, 5e-324, 1 / 3, 123456789.123456789])
def test_values_keep_every_bit(value: float) -> None:
    (line,) = parsed(value_lines([accepted(readings([START], unheard_of=[value]), address())]))
    assert repr(line.fields["value"]) == repr(value)


def test_a_value_outside_its_bounds_has_the_same_key_and_another_field() -> None:
    good, bad = parsed(value_lines([accepted(readings([START], pm25=[value]), address()) for value in (5.0, -3.0)]))
    assert (good.fields, bad.fields) == ({"value": 5.0}, {"flagged": -3.0})
    assert key(good) == key(bad)


def test_a_missing_value_has_no_line() -> None:
    told = parsed(value_lines([accepted(readings([START, START + 60], pm25=[float("nan"), 2.0]), address())]))
    assert [(line.time, line.fields) for line in told] == [(START + 60, {"value": 2.0})]


def test_a_message_has_the_same_keys_in_every_session_and_under_every_number() -> None:
    body = readings([START], pm25=[1.0])
    one, other = (value_lines([accepted(body, address(), seq, session)]) for seq, session in ((0, "s1"), (7, "s2")))
    assert one == other


def test_a_pack_is_written_as_its_ticks() -> None:
    pack = value_lines([accepted(readings([START, START + 60], pm25=[1.0, 2.0]), address())])
    ticks = [accepted(readings([START + 60 * i], pm25=[1.0 + i]), address(), i) for i in range(2)]
    assert pack == value_lines(ticks)


def test_events_of_one_second_and_revisions_of_one_period_have_keys_of_their_own() -> None:
    bodies = [event("1"), event("2"), event("1", "service_request.closed")]
    bodies += [  # type: ignore[list-item]
        Statistic("unemployment", period, np.datetime64(START + late, "s"), revision, 4.2)
        for period, revision, late in (("2026-02", 0, 0), ("2026-02", 1, 0), ("2026-02", 1, 5), ("2026-01", 0, 0))
    ]
    told = parsed(value_lines([accepted(body, address(), seq) for seq, body in enumerate(bodies)]))
    assert len({key(line) for line in told}) == len(bodies)


def test_an_event_tells_its_numbers_beside_its_fields() -> None:
    (line,) = parsed(value_lines([accepted(event("3", "service_request.closed", resolution_time=4.5), address())]))
    assert line.fields == {"fields": '{"resolution_time":4.5}', "resolution_time": 4.5}
    taken = {"fields", "id", "type", "run", "city", "pillar", "station"}
    assert not taken & set(indicators())


def test_rejections_of_one_microsecond_have_keys_of_their_own() -> None:
    told = [Rejection("t", bytes([i]), 1, i, "bad", 1.5) for i in range(3)]
    assert len({key(line) for line in parsed(rejected_lines(told, "w"))}) == 3


def test_a_message_without_a_number_has_no_receipt() -> None:
    assert receipt_lines([accepted(readings([START], pm25=[1.0]), address(), None)]) == []
