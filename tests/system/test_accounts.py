"""A collector at work: its metrics account for every message, whatever it found at its start."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import paho.mqtt.publish as publish
import pytest
from parts import Mosquitto, wait_for

from collector.intake.ingest import Delivery
from collector.intake.spool import Spool
from collector.language.broker import parse_broker
from collector.language.errors import InputError
from collector.serving.access import Tokens
from collector.stores.protocol import Fate
from nakhon.collect import Collector, Duty, collecting

pytestmark = pytest.mark.system

MAST = "nakhon/v1/haze-1/rayong/environment/mast-1"
TERMS = ("stored", "rejected", "duplicate", "conflict")


def reading(seq: int, value: float = 40.0) -> bytes:
    return b'{"session":"one","seq":%d,"time":"2026-03-01T12:%02d:00Z","pm25":%.1f}' % (seq, seq, value)


def figures(collector: Collector) -> dict[str, float]:
    names = {name: f"nakhon_messages_{name}_total" for name in ("received", *TERMS)}
    names |= {name: f"nakhon_messages_{name}" for name in ("pending", "unaccounted")}
    return {name: collector.metrics.value(exported) for name, exported in names.items()}


def test_every_delivery_has_one_fate_in_the_metrics_those_of_an_old_spool_too(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    spool = tmp_path / "spool"
    with Spool(spool) as before:
        before.append([Delivery(MAST, reading(seq), time.time()) for seq in range(3)])
    duty = Duty(f"duckdb://{tmp_path}/city.duckdb", port=0, spool=spool)
    with collecting(duty, parse_broker(broker.url)) as collector:
        said = [reading(2), reading(3), reading(3, 99.0), b"no JSON", b"no JSON"]
        publish.multiple([(MAST, one, 1, False) for one in said], "127.0.0.1", broker.port)
        wait_for(lambda: figures(collector)["received"] == 8 and not figures(collector)["pending"], 30, "all of them")
        wait_for(lambda: figures(collector)["unaccounted"] == 0, 10, "the last commit to be counted")
        told = figures(collector)
        assert [told[term] for term in TERMS] == [4, 1, 2, 1]
        with urlopen(f"{collector.server.url}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        assert "nakhon_messages_unaccounted 0.0" in text
        assert 'nakhon_newest_reading_timestamp_seconds{run="haze-1"} 1.77236658e+09' in text
        assert "nakhon_ready 1.0" in text
        assert collector.metrics.value("nakhon_store_bytes") > 10_000
        assert collector.store.counts("haze-1")[Fate.STORED] == 4


def test_a_collector_that_others_could_read_without_a_token_does_not_start_and_leaves_nothing(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    store = tmp_path / "city.duckdb"
    for duty in (Duty(f"duckdb://{store}", host="0.0.0.0"), Duty(f"duckdb://{store}", names=["collector.example"])):
        with pytest.raises(InputError, match="NAKHON_API_TOKEN"), collecting(duty, parse_broker(broker.url)):
            pass
    assert not store.exists()
    duty = Duty(f"duckdb://{store}", host="0.0.0.0", port=0, tokens=Tokens("a-token-of-this-test"))
    with collecting(duty, parse_broker(broker.url)) as collector:
        assert collector.server.url.startswith("http://127.0.0.1:")
