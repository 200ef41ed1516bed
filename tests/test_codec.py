"""The codec: identity on what we say, one error on what we do not, bounded in time and memory."""

import json
import string
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.language.codec import MAXIMUM_PAYLOAD, MAXIMUM_SEQ, decode, digest, encode
from collector.language.errors import PayloadError, WireError
from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.topics import Address, Kind

READINGS = Address("run", "chiang-mai", "environment", "aq-01")
ADDRESSES = [Address("run", "chiang-mai", "environment", "aq-01", kind) for kind in list(Kind)[:3]]

names = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True).filter(
    lambda name: name not in {"session", "seq", "time", "id", "type"}
)
epochs = st.integers(-2_000_000_000, 7_000_000_000)
finite = st.floats(allow_nan=False, allow_infinity=False)
heads = st.one_of(
    st.just((None, None)),
    st.tuples(st.from_regex(r"[A-Za-z0-9]{1,8}", fullmatch=True), st.integers(0, MAXIMUM_SEQ)),
)


@st.composite
def readings(draw: st.DrawFn) -> Readings:
    times = sorted(draw(st.sets(epochs, min_size=1, max_size=5)))
    cell = st.one_of(finite, st.just(float("nan")))
    columns = draw(st.dictionaries(names, st.lists(cell, min_size=len(times), max_size=len(times)), min_size=1))
    arrays = {name: np.array(cells, dtype=np.float64) for name, cells in columns.items()}
    return Readings(np.array(times, dtype=np.int64).view("datetime64[s]"), arrays)


fields = st.dictionaries(
    names,
    st.one_of(
        finite,
        st.booleans(),
        st.none(),
        st.integers(-(2**53) + 1, 2**53 - 1),
        st.text(max_size=20).filter(lambda text: text.isprintable()),
    ),
)
events = st.builds(
    Event,
    epochs.map(lambda t: np.datetime64(t, "s")),
    st.from_regex(r"[A-Za-z0-9]{1,9}", fullmatch=True),
    st.just("service_request.closed"),
    fields,
)
statistics = st.builds(
    Statistic,
    names,
    st.sampled_from(["2026", "2026-Q3", "2026-02", "2026-02-14"]),
    epochs.map(lambda t: np.datetime64(t, "s")),
    st.integers(0, 9),
    finite,
)
KINDS = {Readings: Kind.READINGS, Event: Kind.EVENTS, Statistic: Kind.STATISTICS}


def same(one: Message, other: Message) -> bool:
    if not isinstance(one.body, Readings) or not isinstance(other.body, Readings):
        return one == other
    head = (one.address, one.session, one.seq) == (other.address, other.session, other.seq)
    columns = one.body.columns.keys() == other.body.columns.keys() and all(
        np.array_equal(column, other.body.columns[name], equal_nan=True) for name, column in one.body.columns.items()
    )
    return head and columns and np.array_equal(one.body.times, other.body.times)


@given(body=st.one_of(readings(), events, statistics), head=heads)
def test_encode_then_decode_is_the_identity(
    body: Readings | Event | Statistic, head: tuple[str | None, int | None]
) -> None:
    address = Address("run", "chiang-mai", "environment", "aq-01", KINDS[type(body)])
    message = Message(address, *head, body)
    assert same(decode(address, encode(message)), message)


@given(payload=st.binary(max_size=200), address=st.sampled_from(ADDRESSES))
def test_no_bytes_make_the_decoder_raise_anything_but_its_own_error(payload: bytes, address: Address) -> None:
    try:
        decode(address, payload)
    except WireError:
        pass


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.printable + "\ud800é", max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
keys = st.sampled_from(
    ["session", "seq", "time", "pm25", "id", "type", "indicator", "period", "published", "revision", "value"]
)
likely = st.sampled_from(
    ["2026-03-01T08:00:00Z", "2026-02", "pm25", "a.b", 1, 0, -1, 1.5, "9f3c", ["2026-03-01T08:00:00Z"]]
)


@settings(max_examples=200)
@given(told=st.dictionaries(keys, likely | json_values), address=st.sampled_from(ADDRESSES))
def test_no_json_makes_the_decoder_raise_anything_but_its_own_error(told: dict[str, object], address: Address) -> None:
    payload = json.dumps(told).encode("utf-8", "surrogatepass")
    try:
        message = decode(address, payload)
    except WireError as error:
        str(error).encode()
    else:
        assert same(decode(address, encode(message)), message)


TICK = '"time":"2026-03-01T08:00:00Z"'
HOSTILE = {
    "ten megabytes": b'{"time":"' + b"2" * 10_000_000 + b'"}',
    "a million nested brackets": b"[" * 1_000_000,
    "nested as deep as a payload allows": b'{"a":' * 200_000,
    "a million nested brackets in a value": b'{"pm25":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "NaN": f'{{{TICK},"pm25":NaN}}'.encode(),
    "infinity": f'{{{TICK},"pm25":-Infinity}}'.encode(),
    "1e400": f'{{{TICK},"pm25":1e400}}'.encode(),
    "an integer of 400 digits": f'{{{TICK},"pm25":{"9" * 400}}}'.encode(),
    "an integer of 100,000 digits": f'{{{TICK},"pm25":{"9" * 100_000}}}'.encode(),
    "text for a number": f'{{{TICK},"pm25":"12"}}'.encode(),
    "true for a number": f'{{{TICK},"pm25":true}}'.encode(),
    "a list for a tick": f'{{{TICK},"pm25":[1]}}'.encode(),
    "an object for a number": f'{{{TICK},"pm25":{{}}}}'.encode(),
    "a year 99999": b'{"time":"99999-03-01T08:00:00Z","pm25":1}',
    "a year 0000": b'{"time":"0000-03-01T08:00:00Z","pm25":1}',
    "a year 9999 west of Greenwich": b'{"time":"9999-12-31T23:59:59-12:00","pm25":1}',
    "a 30th of February": b'{"time":"2026-02-30T08:00:00Z","pm25":1}',
    "a time without offset": b'{"time":"2026-03-01T08:00:00","pm25":1}',
    "a time in other digits": '{"time":"२०२६-03-01T08:00:00Z","pm25":1}'.encode(),
    "a number for a time": b'{"time":1772352000,"pm25":1}',
    "no time": b'{"pm25":1}',
    "no indicator": f"{{{TICK}}}".encode(),
    "an empty pack": b'{"time":[],"pm25":[]}',
    "columns of unlike length": b'{"time":["2026-03-01T08:00:00Z","2026-03-01T08:15:00Z"],"pm25":[1]}',
    "a pack out of order": b'{"time":["2026-03-01T08:15:00Z","2026-03-01T08:00:00Z"],"pm25":[1,2]}',
    "a time twice": b'{"time":["2026-03-01T08:00:00Z","2026-03-01T08:00:00Z"],"pm25":[1,2]}',
    "a key twice": f'{{{TICK},"pm25":1,"pm25":2}}'.encode(),
    "an indicator in capitals": f'{{{TICK},"PM25":1}}'.encode(),
    "an indicator of a lone surrogate": f'{{{TICK},"\\ud800":1}}'.encode(),
    "seq without session": f'{{{TICK},"seq":1,"pm25":1}}'.encode(),
    "a negative seq": f'{{{TICK},"session":"a","seq":-1,"pm25":1}}'.encode(),
    "a seq with a fraction": f'{{{TICK},"session":"a","seq":1.0,"pm25":1}}'.encode(),
    "a session with a slash": f'{{{TICK},"session":"a/b","seq":1,"pm25":1}}'.encode(),
    "UTF-16": f'{{{TICK},"pm25":1}}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + f'{{{TICK},"pm25":1}}'.encode(),
    "cut in the middle": f'{{{TICK},"pm2'.encode(),
    "too many indicators": json.dumps({"time": "2026-03-01T08:00:00Z"} | {f"i{n}": 1 for n in range(1001)}).encode(),
    "nothing": b"",
    "a list": b"[1,2]",
    "a number": b"12",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_readings_are_refused_with_a_reason_that_can_be_stored(name: str) -> None:
    with pytest.raises(PayloadError) as refusal:
        decode(READINGS, HOSTILE[name])
    assert 0 < len(str(refusal.value).encode()) < 1000


@pytest.mark.parametrize(
    "told",
    [
        {"id": "a", "type": "a.b"},
        {"time": "2026-03-01T08:00:00Z", "id": "a b", "type": "a.b"},
        {"time": "2026-03-01T08:00:00Z", "id": "a", "type": "nodot"},
        {"time": "2026-03-01T08:00:00Z", "id": "a", "type": "a.b", "note": "\ud800"},
        {"time": "2026-03-01T08:00:00Z", "id": "a", "type": "a.b", "note": "x" * 5000},
        {"time": "2026-03-01T08:00:00Z", "id": "a", "type": "a.b", "nested": {"a": 1}},
        {"time": "2026-03-01T08:00:00Z", "id": "a", "type": "a.b", "large": 2**60},
    ],
)
def test_hostile_events_are_refused(told: dict[str, object]) -> None:
    with pytest.raises(PayloadError):
        decode(ADDRESSES[1], json.dumps(told).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"period": "2026-13"},
        {"period": "26"},
        {"value": None},
        {"revision": -1},
        {"more": 1},
        {"indicator": "PM"},
        {"published": "today"},
    ],
)
def test_hostile_statistics_are_refused(change: dict[str, object]) -> None:
    told = {
        "indicator": "unemployment",
        "period": "2026-02",
        "published": "2026-03-20T00:00:00Z",
        "value": 1.1,
    } | change
    with pytest.raises(PayloadError):
        decode(ADDRESSES[2], json.dumps(told).encode())


def test_time_and_memory_stay_bounded_on_the_largest_payloads() -> None:
    reference = b'{"time":["2026-03-01T08:00:00Z"],"pm25":[' + b"1," * (MAXIMUM_PAYLOAD // 2 - 40) + b"1]}"
    tracemalloc.start()
    started = time.process_time()
    for payload in [*HOSTILE.values(), reference]:
        with pytest.raises(PayloadError):
            decode(READINGS, payload)
    spent, peak = time.process_time() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * MAXIMUM_PAYLOAD
    assert spent < 30


def test_fractions_of_a_second_are_rounded_down_and_offsets_applied() -> None:
    message = decode(READINGS, b'{"time":"2026-03-01T15:00:00.999+07:00","pm25":1}')
    assert isinstance(message.body, Readings)
    assert message.body.times[0] == np.datetime64("2026-03-01T08:00:00")


def test_digest_tells_payloads_apart_and_is_stable() -> None:
    assert digest(b"a") != digest(b"b")
    assert digest(b"nakhon") == 0xD15E78FA8FD8B49
