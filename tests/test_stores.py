"""What every store promises, asked of each kind of store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from postgres import made_lake_url
from store_samples import CITY, RUN, START, accepted, address, birth, event, readings, selection, statistic, values

from collector.language.indicators import Origin
from collector.language.messages import Readings
from collector.language.profile import StationProfile, Status
from collector.language.topics import CityAddress, Kind
from collector.stores import open_store
from collector.stores.protocol import Batch, Fate, Rejection, Selection, Store, Stream

URLS: dict[str, Callable[[pytest.FixtureRequest, Path], str]] = {
    "duckdb": lambda _, folder: f"duckdb://{folder / 'city.duckdb'}",
    "ducklake": lambda _, folder: made_lake_url(folder),
    "influxdb": lambda request, _: str(request.getfixturevalue("influxd").url()),
}


RUNS = count(1)


@pytest.fixture(scope="module", params=URLS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> str:
    """Get a store that is still empty."""
    return URLS[kind](request, tmp_path)


@pytest.fixture(scope="module")
def many_runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, kind: str) -> Iterator[Store]:
    opened = open_store(URLS[kind](request, tmp_path_factory.mktemp("store")))
    yield opened
    opened.close()


@pytest.fixture
def store(many_runs: Store) -> Iterator[Store]:
    """Get a store that holds runs of other tests, of which nothing may be seen in that of this test."""
    RUN[0] = f"run-{next(RUNS)}"
    yield many_runs
    RUN[0] = "run-1"


@pytest.fixture
def empty(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


def epochs(table: pa.Table, column: str = "time") -> list[int]:
    return [int(time) for time in table[column].to_numpy().astype("datetime64[s]").astype(np.int64)]


def test_readings_come_back_as_they_were_written(store: Store) -> None:
    store.write(Batch([accepted(readings([START, START + 900], pm25=[83.2, 81.0], pm10=[120.1, 99.0]))]))
    table = store.read(selection("pm25", "pm10"))
    assert table.column_names == ["run", "city", "indicator", "origin", "time", "value", "station", "quality"]
    assert table["time"].type == pa.timestamp("s")
    assert table["indicator"].to_pylist() == ["pm10", "pm10", "pm25", "pm25"]
    assert table["value"].to_pylist() == [120.1, 99.0, 83.2, 81.0]
    assert epochs(table) == [START, START + 900] * 2


def test_missing_values_are_not_stored(store: Store) -> None:
    store.write(Batch([accepted(readings([START, START + 900], pm25=[float("nan"), 81.0]))]))
    assert values(store) == [81.0]


def test_values_outside_the_bounds_are_stored_flagged_and_left_out_unless_asked_for(store: Store) -> None:
    store.write(Batch([accepted(readings([START, START + 900], pm25=[-3.0, 81.0]))]))
    assert values(store) == [81.0]
    assert store.read(selection("pm25", flagged=True))["quality"].to_pylist() == [1, 0]
    assert values(store, bucket=3600, flagged=True) == [39.0]
    assert values(store, bucket=3600) == [81.0]


def test_an_indicator_outside_the_catalogue_is_kept_as_an_unregistered_series(store: Store) -> None:
    store.write(Batch([accepted(readings([START], radon=[1e300]))]))
    row = store.series(RUN[0]).to_pylist()[0]
    assert (row["indicator"], row["registered"], row["readings"]) == ("radon", False, 1)
    assert values(store, "radon") == [1e300]


def test_selections_choose_cities_runs_stations_and_times(empty: Store) -> None:
    batch = [
        accepted(readings([START + 900 * i], pm25=[10.0 * place + i]), i, address(station, city=city, run=run))
        for place, (run, city, station) in enumerate(
            [("run-1", "rayong", "a"), ("run-1", "rayong", "b"), ("r2", "x", "a")]
        )
        for i in range(3)
    ]
    empty.write(Batch(batch))

    def told(**selected: object) -> list[float]:
        return values(empty, **{"runs": (), **selected})  # type: ignore[arg-type]

    assert told(runs=("r2",)) == [20.0, 21.0, 22.0]
    assert told(cities=("rayong",), stations=("b",)) == [10.0, 11.0, 12.0]
    assert told(cities=("rayong",), start=START + 900, end=START + 1800) == [1.0, 11.0]
    assert sorted(empty.read(Selection(()))["value"].to_pylist()) == [0.0, 1.0, 2.0, 10.0, 11.0, 12.0, 20.0, 21.0, 22.0]
    assert told(cities=("nowhere",)) == []
    assert told(cities=("nowhere",), bucket=1800) == []


def test_events_are_readings_of_the_indicators_they_name_or_count(store: Store) -> None:
    told = [
        event("1", "service_request.opened"),
        event("2", "service_request.opened", START + 60, category="road"),
        event("3", "service_request.closed", START + 90, resolution_time=4.5, request="1"),
    ]
    store.write(Batch([accepted(body, seq) for seq, body in enumerate(told)]))
    assert values(store, "service_requests") == [1.0, 1.0]
    assert values(store, "service_requests", bucket=3600) == [2.0]
    assert values(store, "resolution_time") == [4.5]


def test_only_values_of_readings_count_as_readings(store: Store) -> None:
    bodies = [readings([START], service_backlog=[3.0]), event("1", "service_request.opened"), statistic(4.2)]
    store.write(Batch([accepted(body, seq) for seq, body in enumerate(bodies)]))
    assert sum(store.series(RUN[0])["readings"].to_pylist()) == 1
    assert [(info.readings, info.first, info.last) for info in store.runs() if info.run == RUN[0]] == [
        (1, START, START)
    ]


def test_statistics_are_answered_as_they_were_known(store: Store) -> None:
    told = [statistic(4.2), statistic(4.6, 2, START + 200), statistic(4.4, 1, START + 100)]
    store.write(Batch([accepted(body, seq) for seq, body in enumerate(told)]))
    assert values(store, "unemployment") == [4.6]
    assert values(store, "unemployment", known_at=START + 150) == [4.4]
    assert values(store, "unemployment", known_at=START) == [4.2]
    assert values(store, "unemployment", known_at=START - 1) == []


def test_a_period_starts_in_the_zone_of_its_city(store: Store) -> None:
    store.write(Batch([accepted(statistic(4.2))]))
    february = 1_769_904_000  # 2026-02-01T00:00:00Z
    assert epochs(store.read(selection("unemployment"))) == [february]
    store.write(Batch(births=[(CityAddress(RUN[0], "chiang-mai"), birth())]))
    assert epochs(store.read(selection("unemployment"))) == [february - 7 * 3600]


def test_local_buckets_start_at_the_midnight_of_the_city(store: Store) -> None:
    store.write(Batch([accepted(readings([START, START + 18 * 3600], pm25=[10.0, 20.0]))]))
    store.write(Batch(births=[(CityAddress(RUN[0], "chiang-mai"), birth())]))
    local = store.read(selection("pm25", bucket=86_400))
    assert epochs(local) == [START - 7 * 3600, START + 17 * 3600]
    utc = store.read(selection("pm25", bucket=86_400, local=False))
    assert (epochs(utc), utc["value"].to_pylist(), utc["n"].to_pylist()) == ([START], [15.0], [2])


COMBINED = {
    "business_registrations": 50 + 60 + 80,
    "electricity_demand": (50 + 60) / 2 + 80,
    "noise_laeq": 10 * np.log10((1e5 + 1e6 + 1e8) / 3),
    "open_datasets": (60 + 80) / 2,
    "pm25": (50 + 60 + 80) / 3,
    "portal_uptime": (50 + 60 + 80) / 3,
    "service_backlog": 60 + 80,
    "water_level": 8.0,
}


def test_buckets_combine_stations_and_times_by_the_rollup_of_the_indicator(store: Store) -> None:
    scales = {indicator: 0.1 if indicator == "water_level" else 1.0 for indicator in COMBINED}
    of_first = {indicator: [50 * scale, 60 * scale] for indicator, scale in scales.items()}
    first = accepted(readings([START, START + 900], **of_first), 0, address("a"))
    of_second = {indicator: [80 * scale] for indicator, scale in scales.items()}
    second = accepted(readings([START + 60], **of_second), 0, address("b"))
    store.write(Batch([first, second]))
    for _ in range(2):
        table = store.read(selection(*COMBINED, bucket=3600))
        assert table.column_names == ["run", "city", "indicator", "origin", "time", "value", "n"]
        told = dict(zip(table["indicator"].to_pylist(), table["value"].to_pylist(), strict=True))
        assert told == pytest.approx(COMBINED)
        assert table["n"].to_pylist() == [3] * len(COMBINED)
        nothing = {indicator: [float("nan")] for indicator in COMBINED}
        store.write(Batch([accepted(readings([START + 90_000], **nothing), 9)]))
        store.maintain()
    assert store.read(selection("pm25", bucket=3600))["value"].to_pylist() == pytest.approx([COMBINED["pm25"]])


def test_the_backlog_of_a_city_is_that_of_the_desks_that_spoke(store: Store) -> None:
    desks = [
        accepted(readings(times, service_backlog=told), 0, address(name))
        for name, times, told in (("a", [START, START + 3600], [3.0, 4.0]), ("b", [START], [5.0]))
    ]
    store.write(Batch(desks))
    table = store.read(selection("service_backlog", bucket=3600))
    assert (table["value"].to_pylist(), table["n"].to_pylist()) == ([8.0, 4.0], [2, 1])
    assert values(store, "service_backlog", bucket=86_400) == [9.0]


def test_buckets_keep_stations_of_different_origin_apart(store: Store) -> None:
    profile = StationProfile("b", "chiang-mai", "environment", "mast", "Mast B", 900, ("pm25",))
    measured = Status(True, "s1", profile, Origin.MEASURED)
    births = [(CityAddress(RUN[0], "chiang-mai"), birth()), (address("b", Kind.STATUS), measured)]
    told = [accepted(readings([START + i], pm25=[10.0 * i]), i, address(name)) for i, name in enumerate("abb", 1)]
    store.write(Batch(told, births=births))
    table = store.read(selection("pm25", bucket=1800))
    told_by_origin = zip(*(table[name].to_pylist() for name in ("origin", "value", "n")), strict=True)
    assert list(told_by_origin) == [("measured", 25.0, 2), ("simulated", 10.0, 1)]


def test_positions_name_gaps_and_remember_digests(store: Store) -> None:
    for seq in (0, 1, 2, 5, 6, 9):
        store.write(Batch([accepted(readings([START + seq], pm25=[1.0]), seq)]))
    store.write(Batch([accepted(readings([START + 99], pm25=[1.0]), 0, session="s2")]))
    held = {position.stream: position for position in store.positions(RUN[0])}
    first = held[Stream(RUN[0], "chiang-mai", "a", "s1")]
    assert first.ranges == ((0, 2), (5, 6), (9, 9))
    assert first.recent == {seq: seq for seq in (0, 1, 2, 5, 6, 9)}  # the low 32 bits of the digest
    assert held[Stream(RUN[0], "chiang-mai", "a", "s2")].ranges == ((0, 0),)
    assert store.positions("another") == []


def test_messages_without_a_number_have_no_position(store: Store) -> None:
    store.write(Batch([accepted(readings([START], pm25=[1.0]), None)]))
    assert store.positions(RUN[0]) == []
    assert [position for position in store.positions() if position.stream.run == RUN[0]] == []
    assert values(store) == [1.0]


def test_known_tells_what_is_stored_under_the_keys_of_a_message(store: Store) -> None:
    opened = event("7", "service_request.opened", category="road")
    told = [readings([START, START + 900], pm25=[1.0, 2.0]), opened, statistic(4.2)]
    store.write(Batch([accepted(body, None) for body in told]))
    asked = [
        readings([START + 900, START + 1800], pm25=[7.0, 8.0], pm10=[1.0, 1.0]),
        event("7", "service_request.opened", START + 5),
        statistic(9.9),
        statistic(9.9, revision=1),
        event("8", "service_request.opened"),
        readings([START + 5], pm25=[1.0]),
    ]
    held = store.known([accepted(body, None).message for body in asked])
    assert isinstance(held[0], Readings)
    assert held[0].times.tolist() == asked[0].times.tolist()  # type: ignore[union-attr]
    np.testing.assert_array_equal(held[0].columns["pm25"], [2.0, np.nan])
    np.testing.assert_array_equal(held[0].columns["pm10"], [np.nan, np.nan])
    assert held[1:] == [opened, statistic(4.2), None, None, None]


def test_counts_are_added_up_over_writes_and_reopening(url: str) -> None:
    store = open_store(url)
    for _ in range(3):
        store.write(Batch(counts={("run-1", Fate.STORED): 5, ("run-1", Fate.DUPLICATE): 1, ("", Fate.REJECTED): 2}))
    store.close()
    again = open_store(url)
    told = again.counts("run-1")
    assert (told[Fate.STORED], told[Fate.DUPLICATE], told[Fate.CONFLICT]) == (15, 3, 0)
    assert again.counts("")[Fate.REJECTED] == 6
    again.close()


def test_rejected_messages_are_kept_with_their_bytes_newest_last(empty: Store) -> None:
    kept = [
        Rejection(f"topic/{i}", bytes([i, 0, 255]), 3 + i, 2**64 - 1 - i, "bad", 1.5 + i, fate, run)
        for i, (fate, run) in enumerate([(Fate.REJECTED, ""), (Fate.CONFLICT, "run-1"), (Fate.REJECTED, "run-1")])
    ]
    empty.write(Batch(rejected=kept))
    assert empty.rejections() == kept
    assert empty.rejections("run-1") == kept[1:]
    assert empty.rejections(limit=1) == kept[2:]


def test_a_birth_tells_the_city_its_origin_and_scenario(store: Store) -> None:
    store.write(Batch([accepted(readings([START], pm25=[1.0]))]))
    assert [info.origin for info in store.runs() if info.run == RUN[0]] == ["unknown"]
    assert store.cities(RUN[0]) == []
    store.write(Batch(births=[(CityAddress(RUN[0], "chiang-mai"), birth())]))
    assert store.cities(RUN[0]) == [(CITY, birth())]
    told = [(info.run, info.origin, info.scenario) for info in store.runs() if info.run == RUN[0]]
    assert told == [(RUN[0], "simulated", "haze")]
    assert store.read(selection("pm25"))["origin"].to_pylist() == ["simulated"]


def test_a_will_of_an_older_session_is_ignored(store: Store) -> None:
    place = CityAddress(RUN[0], "chiang-mai")
    store.write(Batch(births=[(place, birth(session="old")), (place, birth(session="new"))]))
    store.write(Batch(births=[(place, birth(online=False, session="old"))]))
    assert [status.online for _, status in store.cities(RUN[0])] == [True]
    store.write(Batch(births=[(place, birth(online=False, session="new"))]))
    assert [status.online for _, status in store.cities(RUN[0])] == [False]


def test_stations_come_back_as_born(store: Store) -> None:
    mast = StationProfile(
        "a", "chiang-mai", "environment", "mast", "Mast A", 900, ("pm25",), origins={"pm25": "derived"}
    )
    status = Status(True, "s1", mast, Origin.MEASURED)
    store.write(Batch([accepted(readings([START], pm25=[1.0]))], births=[(address(kind=Kind.STATUS), status)]))
    assert store.stations(RUN[0]) == [mast]
    assert store.series(RUN[0])["origin"].to_pylist() == ["measured"]


def test_latest_tells_the_last_value_of_each_series_by_its_time(store: Store) -> None:
    bodies = [readings([START + 900], pm25=[2.0]), readings([START], pm25=[1.0]), statistic(4.2), statistic(4.4, 1)]
    bodies += [event("1", "service_request.closed", resolution_time=3.0)]
    store.write(Batch([accepted(body, seq) for seq, body in enumerate(bodies)]))
    told = {row["indicator"]: row["value"] for row in store.latest(RUN[0]).to_pylist()}
    assert told == {"pm25": 2.0, "unemployment": 4.4, "resolution_time": 3.0}
    store.write(Batch([accepted(readings([START + 1800], pm25=[-1.0]), 9)]))
    row = next(row for row in store.latest(RUN[0]).to_pylist() if row["indicator"] == "pm25")
    assert (row["value"], row["quality"]) == (-1.0, 1)


def test_everything_is_there_after_reopening(url: str) -> None:
    store = open_store(url)
    bodies = [readings([START], pm25=[1.0]), event("1", "service_request.opened"), statistic(4.2)]
    batch = Batch(
        [accepted(body, seq) for seq, body in enumerate(bodies)], births=[(CityAddress("run-1", "chiang-mai"), birth())]
    )
    store.write(batch)
    asked = [store.read(Selection(())), store.series(), store.latest("run-1")]
    told = (store.positions(), store.runs(), store.cities("run-1"))
    store.close()
    again = open_store(url, read_only=True)
    assert [again.read(Selection(())), again.series(), again.latest("run-1")] == asked
    assert (again.positions(), again.runs(), again.cities("run-1")) == told
    again.close()


def test_a_store_opened_again_goes_on_where_it_stopped(url: str) -> None:
    for seq in range(3):
        store = open_store(url)
        store.write(Batch([accepted(readings([START + 900 * seq], pm25=[float(seq)]), seq)]))
        store.close()
    store = open_store(url)
    assert values(store) == [0.0, 1.0, 2.0]
    assert store.series().num_rows == 1
    assert store.positions()[0].ranges == ((0, 2),)
    store.close()
