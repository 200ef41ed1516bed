"""SenML and one reading in a message, on the topics of wire version 1; the examples are those of RFC 8428."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.formats.senml import SenML, records, resolve
from collector.formats.single import SingleReading
from collector.intake.decoder import Heard, decode
from collector.language.errors import PayloadError, WireError
from collector.language.messages import Readings
from collector.language.time import format_times

TOPIC = "nakhon/v1/run/chiang-mai/environment/aq-01"
NOW = 1_780_000_000.0
# RFC 8428, 5.1.2 (the second example) and what 5.1.4 resolves it to.
EXAMPLE = [
    {"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1.276020076001e09, "bu": "A", "bver": 5}
    | {"n": "voltage", "u": "V", "v": 120.1},
    {"n": "current", "t": -5, "v": 1.2},
    {"n": "current", "t": -4, "v": 1.3},
    {"n": "current", "v": 1.7},
]
RESOLVED = [
    ("urn:dev:ow:10e2073a0108006", "voltage", "V", 1.276020076001e09, 120.1),
    ("urn:dev:ow:10e2073a0108006", "current", "A", 1.276020071001e09, 1.2),
    ("urn:dev:ow:10e2073a0108006", "current", "A", 1.276020072001e09, 1.3),
    ("urn:dev:ow:10e2073a0108006", "current", "A", 1.276020076001e09, 1.7),
]


def heard(told: object, received: float | None = NOW, topic: str = TOPIC) -> Heard | None:
    return decode((SenML(), SingleReading()), topic, json.dumps(told).replace("Infinity", "1e999").encode(), received)


def readings(told: object) -> tuple[list[str], dict[str, list[float]]]:
    found = heard(told)
    assert found is not None
    (message,) = found.messages
    assert isinstance(message.body, Readings)
    return format_times(message.body.times), {name: column.tolist() for name, column in message.body.columns.items()}


def test_the_example_of_the_rfc_resolves_to_what_it_says() -> None:
    found = [(r.device, r.measure, r.unit, r.time, r.value) for r in resolve(EXAMPLE, None)]
    assert found == RESOLVED


def test_a_pack_is_the_readings_of_a_station_in_the_catalogues_units() -> None:
    told = [
        {"bn": "aq-01/", "bt": 1_772_323_200, "n": "pm25", "u": "ug/m3", "v": 83.2, "session": "9f3c", "seq": 4},
        {"n": "air_temperature", "u": "K", "v": 300.15},
        {"n": "pm25", "t": 60, "u": "mg/m3", "v": 0.09},
    ]
    times, columns = readings(told)
    assert times == ["2026-03-01T00:00:00Z", "2026-03-01T00:01:00Z"]
    assert columns["pm25"] == [83.2, 90.0]
    assert columns["air_temperature"][0] == 27.0
    found = heard(told)
    assert found is not None
    assert (found.run, found.messages[0].session, found.messages[0].seq) == ("run", "9f3c", 4)
    assert found.messages[0].address.topic == TOPIC


def test_a_time_may_be_relative_to_the_receipt_if_that_is_known() -> None:
    told = [{"n": "pm25", "v": 1, "t": -30}]
    assert readings(told)[0] == ["2026-05-28T20:26:10Z"]
    with pytest.raises(PayloadError, match="since 1970 in a retained message"):
        heard(told, received=None)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ([], "a list of records"),
        ([1], "a list of records"),
        ([{"bn": "x"}], "at least one record with a value"),
        ([{"n": "pm25", "vs": "many"}], "expected a number .v. for pm25, came vs"),
        ([{"n": "pm25", "v": "1"}], "expected a number as v"),
        ([{"n": "pm25", "v": float("inf")}], "expected a number as v"),
        ([{"n": "pm25", "v": 1, "odd_": 1}], "must be understood"),
        ([{"n": "pm25", "v": 1, "bver": 11}], "version 10 at most"),
        ([{"n": "pm25", "v": 1, "bver": 27}], "version 10 at most"),
        ([{"n": "Ünit", "v": 1}], "expected a name"),
        ([{"n": "pm25", "u": "Cel", "v": 1}], "converts to ug/m3"),
        ([{"n": "a:pm25", "v": 1}, {"n": "b:pm25", "v": 1}], "the records of one station"),
        ([{"n": "pm25", "v": 1}, {"n": "pm25", "v": 2}], "two values of pm25 in one second"),
        ([{"n": "PM", "v": 1}], "the id of an indicator"),
        ([{"n": "pm25", "v": 1, "session": "x"}], "seq"),
        ([{"n": "pm25", "v": 1, "t": 1e299}], "1900 to 2199"),
    ],
)
def test_what_is_no_pack_of_a_station_is_refused(told: object, reason: str) -> None:
    with pytest.raises(PayloadError, match=reason):
        heard(told)


def test_one_reading_in_a_message_is_a_tick() -> None:
    told = {"session": "9f3c", "seq": 4, "indicator": "air_temperature", "time": "2026-03-01T08:00:00Z", "value": 68}
    assert readings(told)[1] == {"air_temperature": [68.0]}
    times, columns = readings(told | {"unit": "[degF]"})
    assert (times, columns) == (["2026-03-01T08:00:00Z"], {"air_temperature": [20.0]})
    found = heard(told)
    assert found is not None
    assert found.messages[0].seq == 4
    assert str(readings(told | {"unit": "[degF]", "value": None})[1]["air_temperature"]) == "[nan]"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"value": "68"}, "numbers or null"),
        ({"value": float("inf")}, "expected a finite number"),
        ({"indicator": "\ud800"}, "plain text"),
        ({"unit": "m"}, "converts to Cel"),
        ({"x": 1}, "of one reading"),
        ({"time": "now"}, "expected a time"),
        ({"unit": "[degF]", "value": True}, "expected a number"),
        ({"unit": "[degF]", "value": 10**400}, "too large"),
        ({"indicator": "time"}, "of one reading"),
    ],
)
def test_a_reading_that_is_wrong_is_refused(more: dict[str, object], reason: str) -> None:
    told = {"indicator": "air_temperature", "time": "2026-03-01T08:00:00Z", "value": 68}
    with pytest.raises(PayloadError, match=reason):
        heard(told | more)


def test_other_payloads_and_topics_are_for_others() -> None:
    assert heard({"time": "2026-03-01T08:00:00Z", "pm25": 1}) is None
    assert heard([{"n": "pm25", "v": 1}], topic="a/b") is None
    assert heard([{"n": "pm25", "v": 1}], topic=f"{TOPIC}/status") is None


RECORD = st.dictionaries(
    st.sampled_from(["bn", "bt", "bu", "bv", "bver", "n", "u", "v", "vs", "t", "x_", "session", "seq"]),
    st.none() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["pm25", "a:", "Cel", "K"]),
    max_size=6,
)


@given(st.lists(RECORD, max_size=4))
def test_whatever_pack_comes_is_understood_or_refused(told: object) -> None:
    with contextlib.suppress(WireError):
        found = heard(told)
        assert found is not None
        assert found.messages[0].values >= 1


@given(st.binary(max_size=40))
def test_whatever_bytes_come_as_a_pack_are_understood_or_refused(payload: bytes) -> None:
    with contextlib.suppress(WireError):
        assert records(b"[" + payload)
