"""Comparing what a store holds: what its births say, spans by the clock of each city, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from comparisons import HOUR, START, noise

from collector.comparing.compare_store import compare
from collector.comparing.comparison import Request, Verdict, rows
from collector.language.errors import InputError
from collector.language.indicators import Origin
from collector.language.messages import Event, Message, Readings
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.topics import Address, CityAddress
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import serve
from collector.stores import open_store
from collector.stores.protocol import Accepted, Batch, Store

TIMES = (START + 1800 * np.arange(96)).astype("datetime64[s]")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path: Path = tmp_path_factory.mktemp("compare") / "city.duckdb"
    opened = open_store(f"duckdb://{path}")
    opened.write(filled())
    yield opened
    opened.close()


def filled() -> Batch:
    """Two days of a simulated run of two cities and a measured one of one; the desk has one request in Chiang Mai."""
    births: list[tuple[Address | CityAddress, Status]] = []
    accepted: list[Accepted] = []
    for run, city, zone, level, origin in (
        ("haze", "chiang-mai", "Asia/Bangkok", 40.0, Origin.SIMULATED),
        ("haze", "yangon", "Asia/Yangon", 30.0, Origin.SIMULATED),
        ("pcd", "chiang-mai", "Asia/Bangkok", 35.0, Origin.MEASURED),
    ):
        profile = CityProfile(city, city.title(), "Asia", 18, 98, zone, 100_000, "municipality")
        told = Status(True, "s1", profile, origin, scenario=run)
        births.append((CityAddress(run, city), told))
        mast = StationProfile("mast", city, "environment", "air", "Mast", 1800, ("pm25",), origins={"pm25": "derived"})
        births.append((Address(run, city, "environment", "mast"), told.for_station(mast)))
        accepted.append(
            message(Address(run, city, "environment", "mast"), 0, Readings(TIMES, {"pm25": level + 0 * noise(0, 96)}))
        )
    desk = Address("haze", "chiang-mai", "governance", "desk")
    opened = Event(np.datetime64(START + 5 * HOUR, "s"), "r1", "service_request.opened", {"category": "road"})
    backlog = Readings(TIMES, {"service_backlog": np.ones(96)})
    accepted += [message(desk, 0, opened), message(desk, 1, backlog)]
    return Batch(accepted=accepted, births=births)


def message(address: Address, seq: int, body: Readings | Event) -> Accepted:
    return Accepted(Message(address, "s1", seq, body), digest=seq, received=0.0)


def test_a_backlog_of_which_one_of_two_desks_was_silent_is_not_compared(tmp_path: Path) -> None:
    times = (START + HOUR * np.arange(4)).astype("datetime64[s]")
    desks = [Address("run", "chiang-mai", "governance", name) for name in ("sd-01", "sd-02")]
    births = [
        (desk, Status(True, "s1", StationProfile(desk.station, "chiang-mai", "governance", "desk", "Desk", HOUR, ())))
        for desk in desks
    ]
    told = [np.array([3.0, 3, 3, 3]), np.array([5.0, 5, np.nan, 5])]
    bodies = [Readings(times, {"service_backlog": values}) for values in told]
    opened = open_store(f"duckdb://{tmp_path}/city.duckdb")
    opened.write(Batch([message(desk, 0, body) for desk, body in zip(desks, bodies, strict=True)], births=births))
    part = compare(opened, Request(("service_backlog",), local=False)).sections[0]
    opened.close()
    assert (part.entries[0].values.tolist(), part.entries[0].sparse) == ([8.0, 8.0, 8.0], 1)
    assert any("the sum of its stations' values" in note for note in part.notices)


def test_runs_and_cities_of_a_store_are_compared_with_what_their_births_say(store: Store) -> None:
    told = compare(store, Request(("pm25",), runs=("haze", "pcd")))
    first, yangon, measured = told.sections[0].entries
    assert first.label == "Chiang-Mai, haze (simulated, parameters derived)"
    assert (measured.label, measured.verdict) == ("Chiang-Mai, pcd (measured)", Verdict.UNJUDGED)
    assert yangon.difference is not None
    assert yangon.difference.mean == pytest.approx(-10)
    assert (first.column.population, first.column.scenario) == (100_000, "haze")


def test_a_span_is_by_the_clock_of_each_city(store: Store) -> None:
    request = Request(("pm25",), runs=("haze",), start=START + 12 * HOUR, end=START + 36 * HOUR)
    told = compare(store, request)
    assert [entry.figures.n for entry in told.sections[0].entries] == [24, 24]
    assert [entry.figures.coverage for entry in told.sections[0].entries] == [1, 1]


def test_quiet_hours_of_a_service_desk_are_read_from_what_else_it_says(store: Store) -> None:
    told = compare(store, Request(("service_requests",), runs=("haze",), cities=("chiang-mai",)))
    (desk,) = told.sections[0].entries
    assert (desk.figures.n, desk.quiet, desk.figures.mean) == (48, 47, 1 / 48)


def test_cities_come_in_the_order_asked_for(store: Store) -> None:
    told = compare(store, Request(("pm25",), cities=("yangon", "chiang-mai")))
    assert [(column.run, column.city) for column in told.columns] == [
        ("haze", "yangon"),
        ("haze", "chiang-mai"),
        ("pcd", "chiang-mai"),
    ]


def test_the_baseline_comes_first(store: Store) -> None:
    for baseline in ("pcd", "pcd/chiang-mai"):
        told = compare(store, Request(("pm25",), baseline=baseline))
        assert told.columns[0].run == "pcd"


def test_through_a_running_collector_the_outcome_is_the_same(store: Store) -> None:
    server = serve(application(store, Live(), Metrics(), lambda: None), port=0)
    remote = open_store(server.url, read_only=True)
    try:
        request = Request(("pm25", "service_requests"), start=START, rank=True, mixed_origins=True)
        assert rows(compare(remote, request)) == rows(compare(store, request))
    finally:
        remote.close()
        server.stop()


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request(("pm52",)), "did you mean pm25"),
        (Request(("pm25",), runs=("hase",)), "did you mean haze"),
        (Request(("pm25",), cities=("chiang-may",)), "did you mean chiang-mai"),
        (Request(("pm25",), baseline="yangoon"), "did you mean yangon"),
        (Request(("pm25",), bucket=1000), "multiple of 30 minutes"),
        (Request(("pm25",), start=START, end=START), "end"),
        (Request(()), "at least one indicator"),
        (Request(("rain",)), r"no values of rain.*run haze \(simulated, 2025-01-01.*chiang-mai, yangon"),
    ],
)
def test_what_is_not_there_is_refused_with_a_suggestion(store: Store, request_: Request, said: str) -> None:
    with pytest.raises(InputError, match=said):
        compare(store, request_)


def test_an_empty_store_says_that_it_is_empty(tmp_path: Path) -> None:
    empty = open_store(f"duckdb://{tmp_path}/city.duckdb")
    with pytest.raises(InputError, match="no run yet"):
        compare(empty, Request(("pm25",)))
    empty.close()


def test_a_city_with_an_unknown_zone_is_on_utc_and_it_is_said(tmp_path: Path) -> None:
    odd = open_store(f"duckdb://{tmp_path}/city.duckdb")
    address = CityAddress("run", "mars")
    profile = CityProfile("mars", "Mars", "-", 0, 0, "../../Mars/Olympus")
    readings = Readings(np.array([START], "datetime64[s]"), {"pm25": np.array([1.0])})
    body = message(Address("run", "mars", "environment", "mast"), 0, readings)
    odd.write(Batch([body], births=[(address, Status(True, "s1", profile, Origin.SIMULATED))]))
    told = compare(odd, Request(("pm25",)))
    assert "not known here" in told.notes[0]
    assert told.first == START
    odd.close()
