"""How long an analyst waits: the same questions to a year of 29 cities in every kind of store that is there.

A year of quarter hours of four indicators at 25 stations of each city: 101.6 million readings, from rollups in Nakhon's
DuckDB file, and from one plain DuckDB table of the same readings without rollups. InfluxDB (where it is installed) gets
the last days of it, for it takes them far more slowly; its answers are set beside those of the DuckDB file for as many
days. Each question is asked once and then five times more: the first answer and the median of the others, in
milliseconds. Prints JSON, and how far it is on the way. Stores are filled a day at a time, the plain table with a bound
on its memory. With --keep a run that was stopped goes on with the first day that is not there.

    .venv/bin/python bench/questions.py [--days 365] [--influxdb-days 14] [--keep DIRECTORY]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import broker
import duckdb
import numpy as np
import servers

from collector.comparing.compare_store import compare
from collector.comparing.comparison import Request
from collector.language.indicators import Origin
from collector.language.messages import Message, Readings
from collector.language.profile import StationProfile, Status
from collector.language.topics import Address, CityAddress
from collector.stores import open_store, secrets
from collector.stores.protocol import Accepted, Batch, Fate, Selection, Store
from simulator.cities import cities, members

RUN = "bench"
INDICATORS = ("pm25", "pm10", "no2", "o3")
STATIONS = 25
CADENCE = 900
DAY = 86_400
START = 1_767_225_600  # 2026-01-01
PAIR = ("chiang-mai", "khon-kaen")
TIMES = 5
LEAST_DAYS = 3  # of which two are whole local days
READINGS_A_DAY = 29 * STATIONS * len(INDICATORS) * DAY // CADENCE
MEMORY = "2GB"  # of the plain table
SAY_EVERY = 5.0

Answer = Callable[[], object]


def main() -> None:
    """Fill the stores, ask the questions, print how long the answers took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--influxdb-days", type=int, default=14, help="0 leaves InfluxDB out")
    parser.add_argument("--keep", type=Path, help="make the DuckDB files here and leave them")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, servers.stores(Path(name)) as stores:
        folder = asked.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        secrets.provide(dict(os.environ))
        days = max(LEAST_DAYS, asked.days)
        told = filled_and_asked(folder / "year.duckdb", folder / "plain.duckdb", days)
        if asked.influxdb_days and "influxdb" in stores.make:
            few = max(LEAST_DAYS, min(asked.influxdb_days, asked.days))
            told[f"{few} days, beside InfluxDB"] = {
                "influxdb": filled(stores.make["influxdb"](), few),
                "duckdb": filled(f"duckdb://{folder}/few.duckdb", few),
            }
    told |= {"peak_memory_bytes": peak(), "not measured": stores.absent, "machine": broker.machine()}
    print(json.dumps(told, indent=1))


def filled_and_asked(path: Path, plain: Path, days: int) -> dict[str, object]:
    """Answers of a DuckDB file and of a plain table with the same readings."""
    rolled = filled(f"duckdb://{path}", days)
    with duckdb.connect(str(plain), config={"memory_limit": MEMORY, "temp_directory": str(plain.parent)}) as connection:
        copied(connection, path, days)
        table = {name: timed(partial(sql, connection, text)) for name, text in plainly(days).items()}
    return {f"{days} days": {"duckdb": rolled, "a plain table": table | {"bytes": plain.stat().st_size}}}


def copied(connection: duckdb.DuckDBPyConnection, path: Path, days: int) -> None:
    """Put the readings of a store into one plain table, a day at a time and each in the order of time."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS plain "
        "(city VARCHAR, station VARCHAR, indicator VARCHAR, time TIMESTAMP_S, value DOUBLE)"
    )
    have = connection.execute("SELECT count(*) FROM plain").fetchall()[0][0] // READINGS_A_DAY
    if have >= days:
        return
    connection.execute(f"ATTACH '{path}' AS store (READ_ONLY)")
    say = progress("plain table", have, days)
    for day in range(have, days):
        begin, end = (f"make_timestamp({START + (day + more) * DAY}000000)::TIMESTAMP_S" for more in (0, 1))
        connection.execute(
            "INSERT INTO plain SELECT city, station, indicator, time, value FROM store.readings "
            f"JOIN store.series_named USING (series) WHERE time >= {begin} AND time < {end} ORDER BY time"
        )
        say(day + 1)
    connection.execute("DETACH store")


def filled(url: str, days: int) -> dict[str, object]:
    """Fill a store with the days that are not there, and ask it."""
    began = time.perf_counter()
    store = open_store(url)
    fill(store, days)
    store.close()
    seconds = time.perf_counter() - began
    store = open_store(url, read_only=True)
    answers: dict[str, object] = {name: timed(answer) for name, answer in questions(store, days).items()}
    store.close()
    path = Path(url.removeprefix("duckdb://"))
    size = {"bytes": path.stat().st_size} if path.exists() else {}
    return answers | {"readings": READINGS_A_DAY * days, "seconds_to_fill": round(seconds)} | size


def places() -> list[str]:
    """The 29 cities of the network."""
    return sorted(members("ascn", date(2023, 12, 31)))


def fill(store: Store, days: int) -> None:
    """Write the days that are not there one by one, each station's day in a message."""
    last = next((info.last for info in store.runs() if info.run == RUN), None)
    have = 0 if last is None else (last - START) // DAY + 1
    if have < days:
        store.write(Batch([], births=births()))
    say = progress(store.url.partition("?")[0], have, days)
    for day in range(have, days):
        accepted = messages(day)
        store.write(Batch(accepted, counts={(RUN, Fate.STORED): len(accepted)}))
        if day % 7 == 6:
            store.maintain()
        say(day + 1)


def births() -> list[tuple[Address | CityAddress, Status]]:
    """What cities and stations say of themselves."""
    said: list[tuple[Address | CityAddress, Status]] = [
        (CityAddress(RUN, city), Status(True, "s", cities()[city].profile(), Origin.SIMULATED)) for city in places()
    ]
    for city in places():
        for number in range(STATIONS):
            address = Address(RUN, city, "environment", f"aq-{number}")
            said.append((address, Status(True, "s", profile(city, number), Origin.SIMULATED)))
    return said


def progress(what: str, have: int, days: int) -> Callable[[int], None]:
    """Tell, every few seconds and at the end, how far a filling is, how fast, for how long yet, in how much memory."""
    began = said = time.perf_counter()

    def say(done: int) -> None:
        nonlocal said
        now = time.perf_counter()
        if now - said < SAY_EVERY and done < days:
            return
        said, rate = now, (done - have) / (now - began)
        left = f"{(days - done) / rate / 60:.0f} min left" if done < days else f"in {(now - began) / 60:.1f} min"
        told = f"{done * READINGS_A_DAY / 1e6:,.1f} M readings, {rate * READINGS_A_DAY / 1e6:.2f} M/s, {left}"
        print(f"{what}: day {done} of {days}, {told}, at most {peak() >> 20:,} MiB", file=sys.stderr, flush=True)

    return say


def peak() -> int:
    """The most memory that this process had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def profile(city: str, number: int) -> StationProfile:
    """A mast that measures the four indicators."""
    return StationProfile(f"aq-{number}", city, "environment", "air-quality", f"mast {number}", CADENCE, INDICATORS)


def messages(day: int) -> list[Accepted]:
    """The messages of a day: values that wander, rounded as instruments round them."""
    chance, ticks = np.random.default_rng((1, day)), DAY // CADENCE
    times = (START + day * DAY + CADENCE * np.arange(ticks)).view("datetime64[s]")
    accepted = []
    for city in places():
        level = 30 + 20 * np.sin(day / 58) + chance.normal(0, 4, (STATIONS, len(INDICATORS), 1))
        values = np.round(np.abs(level + np.cumsum(chance.normal(0, 1, (STATIONS, len(INDICATORS), ticks)), -1)), 1)
        for number in range(STATIONS):
            told = Readings(times, dict(zip(INDICATORS, values[number], strict=True)))
            message = Message(Address(RUN, city, "environment", f"aq-{number}"), "s", day, told)
            accepted.append(Accepted(message, day * 1_000_003 + number, 0.0))
    return accepted


def questions(store: Store, days: int) -> dict[str, Answer]:
    """What is asked of a store."""
    end = START + days * DAY
    month = Selection(("pm25",), start=end - min(30, days) * DAY, end=end, bucket=3600)
    return {
        "two cities over all days, by day": lambda: compare(store, Request(("pm25",), PAIR, bucket=DAY)),
        "a month of one indicator in 29 cities, by hour": lambda: store.read(month),
        "the last value of every series": lambda: store.latest(RUN),
    }


def plainly(days: int) -> dict[str, str]:
    """The same in SQL on a plain table."""
    pair = ", ".join(f"'{city}'" for city in PAIR)
    since = START + (days - min(30, days)) * DAY
    return {
        "two cities over all days, by day": (
            "SELECT city, time_bucket(INTERVAL 1 day, time) AS day, avg(value), count(*) FROM plain "
            f"WHERE indicator = 'pm25' AND city IN ({pair}) GROUP BY ALL ORDER BY ALL"
        ),
        "a month of one indicator in 29 cities, by hour": "SELECT city, time_bucket(INTERVAL 1 hour, time) AS hour, "
        f"avg(value), count(*) FROM plain WHERE indicator = 'pm25' AND time >= make_timestamp({since}000000) "
        "GROUP BY ALL ORDER BY ALL",
        "the last value of every series": "SELECT city, station, indicator, max(time), arg_max(value, time) "
        "FROM plain GROUP BY ALL",
    }


def sql(connection: duckdb.DuckDBPyConnection, text: str) -> object:
    """The answer as Arrow, as the stores give it."""
    return connection.execute(text).to_arrow_table()


def timed(answer: Answer) -> dict[str, float]:
    """Milliseconds of the first answer, and the median of more."""
    spent = []
    for _ in range(TIMES + 1):
        began = time.perf_counter()
        answer()
        spent.append((time.perf_counter() - began) * 1000)
    return {"first_ms": round(spent[0], 1), "median_ms": round(statistics.median(spent[1:]), 1)}


if __name__ == "__main__":
    main()
