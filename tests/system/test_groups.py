"""Collectors that share the readings: what a dead one holds back, and how one leaves without loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from outages import Mouth, stored
from parts import Mosquitto, wait_for

from collector.language.broker import parse_broker
from collector.stores import open_store
from nakhon.collect import Collector, Duty, collecting

pytestmark = pytest.mark.system


@contextmanager
def member(name: str, url: str, folder: Path, **more: object) -> Iterator[Collector]:
    """A collector of a group, with a store of its own: so that it shows who stored what."""
    duty = Duty(f"duckdb://{folder}/{name}.duckdb", client_id=name, group="g", port=0, **more)  # type: ignore[arg-type]
    with collecting(duty, parse_broker(url)) as collector:
        yield collector


def numbers(folder: Path, name: str) -> dict[str, set[int]]:
    """The numbers of each station in the store of a member."""
    store = open_store(f"duckdb://{folder}/{name}.duckdb", read_only=True)
    held = {one.stream.station: {n for a, b in one.ranges for n in range(a, b + 1)} for one in store.positions()}
    store.close()
    return held


def test_what_a_member_that_stopped_holds_back_comes_when_it_retires_and_everything_is_stored_once(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    with Mouth(broker.url, tmp_path / "run.ledger") as mouth, ExitStack() as others:
        one = others.enter_context(member("one", broker.url, tmp_path))
        with member("two", broker.url, tmp_path) as two:
            mouth.say(300)
            mouth.wait()
            wait_for(lambda: stored(one) + stored(two) == 300, 30, "both")
        mouth.say(300)  # the broker goes on to keep a share for the one that is away
        mouth.wait()
        wait_for(lambda: stored(one) >= 300, 30, "the one that is there")
        assert stored(one) < 400
        with member("two", broker.url, tmp_path, retire=True) as two:
            wait_for(lambda: two.subscriber.retired, 40, "the other to have taken its share")
            mouth.say(300)
            mouth.wait()
        wait_for(lambda: stored(one) >= 600, 30, "the last one, which gets all now")
    first, second = numbers(tmp_path, "one"), numbers(tmp_path, "two")
    for station in ("aq-1", "aq-2", "aq-3"):
        assert first[station] | second[station] == set(range(300))
        assert not first[station] & second[station]


def test_the_words_of_a_group_add_up_to_what_it_stored_also_after_a_restart(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    with Mouth(broker.url, tmp_path / "run.ledger") as mouth:
        with member("one", broker.url, tmp_path) as one:
            mouth.say(30)
            wait_for(lambda: stored(one) == 30, 30, "the store")
            session = next(iter(one.store.positions())).stream.session
            assert one.subscriber._ingest.committed("outage", session) == 30
        with member("one", broker.url, tmp_path) as one:
            assert one.subscriber._ingest.committed("outage", session) == 0
            mouth.say(6)
            wait_for(lambda: stored(one) == 6, 30, "the store")
            assert one.subscriber._ingest.committed("outage", session) == 6
