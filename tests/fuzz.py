"""A seeded fuzzer of what comes from outside: topics and payloads, mutated from valid ones or random.

Whatever comes in, the topic parser and the decoders return or raise a `WireError`, in bounded time; what they return
can be encoded and decoded again to the same, and would be the same line in a store.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from collector.language.codec import decode, encode
from collector.language.errors import WireError
from collector.language.profile import decode_status
from collector.language.topics import CityAddress, Kind, parse_topic

SLOWEST = 1.0  # seconds of the processor that one input may take
TOPICS = (
    b"nakhon/v1/haze-1/chiang-mai/environment/mast-1",
    b"nakhon/v1/haze-1/chiang-mai/governance/desk/events",
    b"nakhon/v1/haze-1/chiang-mai/economy/office/statistics",
    b"nakhon/v1/haze-1/chiang-mai/environment/mast-1/status",
    b"nakhon/v1/haze-1/chiang-mai/status",
)
PAYLOADS = (
    b'{"session":"9f3c","seq":41,"time":"2026-03-01T08:00:00Z","pm25":83.2,"pm10":120.1}',
    b'{"session":"9f3c","seq":42,"time":["2026-03-01T08:00:00Z","2026-03-01T08:10:00Z"],"pm25":[83.2,null]}',
    b'{"time":1772352000,"air_temperature":-3.5e1}',
    b'{"session":"a","seq":0,"time":"2026-03-01T08:00:00+07:00","id":"r-1","type":"service_request.closed",'
    b'"note":"\xe0\xb8\x99"}',
    b'{"session":"a","seq":1,"indicator":"unemployment","period":"2026-02",'
    b'"published":"2026-04-01T00:00:00Z","revision":1,"value":4.2}',
    b'{"online":true,"session":"9f3c","origin":"simulated","city":{"id":"chiang-mai","name":"Chiang Mai",'
    b'"country":"TH","latitude":18.79,"longitude":98.99,"timezone":"Asia/Bangkok","population":127240}}',
    b'{"online":true,"session":"9f3c","station":{"id":"mast-1","city":"chiang-mai","pillar":"environment","kind":"air",'
    b'"name":"Mast","cadence":600,"indicators":["pm25"],"origins":{"pm25":"derived"}}}',
    b'{"online":false,"session":"9f3c"}',
)
NASTY = (
    b"'; DROP TABLE readings; --", b"<script>alert(1)</script>", b"../../etc/passwd", b"=cmd|' /C calc'!A0", b"+1",
    b"@x", b"\x00", b"\n", b"\r\n", b"\t", b"\xe2\x80\xae", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xff\xfe", b"\xc2\x85",
    b"\xed\xa0\x80", b"%00", b"\\u0000", b"\\ud800", b"NaN", b"-Infinity", b"1e999", b"-0.0", b"9" * 400, b"0x10",
    b"true", b"null", b"{}", b"[]", b"[" * 2000, b'{"a":' * 500, b'"', b"\\", b",", b"/", b"//", b"+", b"#", b"$SYS",
    b" ", b"pm25=1,x=2 3", b"9999-12-31T23:59:60Z", b"2026-02-30", b"0000-00-00T00:00:00Z", b"-1", b"1e400",
    b"18446744073709551616",
)  # fmt: skip
LENGTHS = (0, 1, 2, 8, 64, 4096)
FITTING = ((0, 0), (0, 1), (0, 2), (1, 3), (2, 4), (3, 6), (4, 5), (4, 7))  # which payload belongs to which topic


@dataclass(slots=True)
class Verdict:
    """What came of a run: how many inputs were taken and refused, the slowest (seconds), and what went wrong."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)


def mutated(chance: random.Random, valid: bytes) -> bytes:
    """A few mutations of valid bytes: cut, doubled, swapped, flipped, or something nasty put in."""
    made = bytearray(valid)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at = chance.randrange(len(made) + 1)
        until = min(len(made), at + chance.choice((1, 1, 2, 5, 20)))
        match chance.randrange(7):
            case 0:
                del made[at:until]
            case 1:
                made[at:at] = made[at:until] * chance.choice((1, 2, 50))
            case 2 | 3:
                made[at:until] = chance.choice(NASTY)
            case 4 if at < len(made):
                made[at] ^= 1 << chance.randrange(8)
            case 5:
                made[at:until] = chance.randbytes(until - at)
            case _:
                other = chance.choice(PAYLOADS)
                start = chance.randrange(len(other))
                made[at:until] = other[start : start + chance.choice((1, 5, 40))]
    return bytes(made)


def restructured(chance: random.Random, valid: bytes) -> bytes:
    """Valid JSON with another shape: a value or a key replaced, a key taken away."""
    told = json.loads(valid)
    key = chance.choice(list(told))
    value = chance.choice((None, True, -1, 1.5, 1 << 70, "", "x" * 5000, [], [[]], {}, [1, None], {"a": [0] * 9}))
    match chance.randrange(3):
        case 0:
            del told[key]
        case 1:
            told[key] = value
        case _:
            told[chance.choice(NASTY).decode(errors="replace")] = value
    return json.dumps(told).encode()


def inputs(chance: random.Random) -> tuple[bytes, bytes]:
    """A topic and a payload, each valid, mutated or random."""
    at, which = chance.choice(FITTING)
    topic, valid = TOPICS[at], PAYLOADS[which]
    if chance.random() < 0.2:
        topic = mutated(chance, topic)
    if chance.random() < 0.1:
        valid = chance.choice(PAYLOADS)
    kind = chance.random()
    if kind < 0.6:
        return topic, mutated(chance, valid)
    if kind < 0.85:
        return topic, restructured(chance, valid)
    return topic, valid if kind < 0.9 else chance.randbytes(chance.choice(LENGTHS))


def taken(topic: bytes, payload: bytes) -> str:
    """How an input is taken. Raises whatever it should not."""
    try:
        address = parse_topic(topic.decode())
    except UnicodeDecodeError:
        return "no text"  # the client library refuses it before us
    except WireError:
        return "topic refused"
    assert address.topic.encode() == topic, "another topic came back"
    try:
        if isinstance(address, CityAddress) or address.kind is Kind.STATUS:
            decode_status(payload)
            return "status taken"
        message = decode(address, payload)
    except WireError as error:
        str(error).encode()
        return "payload refused"
    again = encode(message)
    assert encode(decode(address, again)) == again, "what was taken does not come back"
    return f"{address.kind.value} taken"


def fuzz(count: int, seed: int) -> Verdict:
    """Feed so many inputs; the same seed gives the same ones."""
    chance, verdict = random.Random(seed), Verdict()
    for _ in range(count):
        topic, payload = inputs(chance)
        started = time.thread_time()
        try:
            verdict.outcomes[taken(topic, payload)] += 1
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            verdict.wrong.append(f"{type(error).__name__}: {error}: {topic!r} {payload[:2000]!r}")
        seconds = time.thread_time() - started
        verdict.slowest = max(verdict.slowest, seconds)
        if seconds > SLOWEST:
            verdict.wrong.append(f"took {seconds:.2f} s: {topic!r} {payload[:2000]!r}")
    return verdict


def main() -> int:
    """Run as a program; 0 if nothing went wrong."""
    parser = argparse.ArgumentParser(description="feeds the topic parser and the decoders with bad input")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    started = time.perf_counter()
    verdict = fuzz(asked.inputs, asked.seed)
    seconds = time.perf_counter() - started
    told = {"inputs": asked.inputs, "seed": asked.seed, "outcomes": dict(verdict.outcomes.most_common())}
    told |= {"seconds": round(seconds, 1), "slowest_ms": round(1e3 * verdict.slowest, 1), "wrong": len(verdict.wrong)}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.write("".join(f"{line}\n" for line in verdict.wrong[:20]))
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
