"""Mosquitto to DuckDB, acknowledged after the commit, against a paho subscriber that only counts, in the same run.

Each message is published once and queued for both (QoS 1, persistent sessions, no publisher running any more); then
each takes its queue, alone, in a process of its own. Prints JSON: messages and readings a second, and the ratio.

    .venv/bin/python bench/delivery.py            needs mosquitto
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import broker

CASES = {1: (30_000, 3), 10: (10_000, 1), 100: (5_000, 1)}  # readings a message: messages, rounds


def main() -> None:
    """Run every case and print the figures."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    told: dict[str, object] = {}
    for readings, (messages, times) in CASES.items():
        rounds = [one_round(readings, messages) for _ in range(times)]
        best = {who: max(rate[who] for rate in rounds) for who in ("counting", "collecting")}
        told[f"{readings} readings a message"] = {
            "counting_messages_per_second": round(best["counting"]),
            "collecting_messages_per_second": round(best["collecting"]),
            "collecting_readings_per_second": round(best["collecting"] * readings),
            "ratio": round(best["collecting"] / best["counting"], 3),
            "ratio_of_each_round": [round(rate["collecting"] / rate["counting"], 3) for rate in rounds],
        }
    print(json.dumps(told | {"machine": broker.machine()}, indent=1))


def one_round(readings: int, messages: int) -> dict[str, float]:
    """Messages a second of both consumers, each draining the same queue."""
    with tempfile.TemporaryDirectory() as folder, broker.mosquitto(Path(folder)) as (url, _):
        store = f"duckdb://{folder}/bench.duckdb"
        broker.taken("count", url, 0)
        broker.taken("collect", url, 0, store, "collecting")
        broker.publish(url, readings, messages)
        return {
            "counting": messages / broker.taken("count", url, messages),
            "collecting": messages / broker.taken("collect", url, messages, store, "collecting"),
        }


if __name__ == "__main__":
    main()
