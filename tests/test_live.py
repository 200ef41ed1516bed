import math
from threading import Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.language.indicators import Origin, Rollup
from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.topics import Address, CityAddress, Kind
from collector.serving.live import Live, combine
from collector.stores import open_store
from collector.stores.protocol import Accepted, Batch, Fate

NOON = 1_772_366_400  # 2026-03-01T12:00:00Z
CHIANG_MAI = CityProfile("chiang-mai", "Chiang Mai", "TH", 18.79, 98.99, "Asia/Bangkok", 127_240, "municipality")
BIRTH = Status(True, "one", CHIANG_MAI, Origin.SIMULATED, "haze")


def said(columns, time=NOON, station="mast-1", city="chiang-mai", run="haze-1"):
    lists = {name: value if isinstance(value, list) else [value] for name, value in columns.items()}
    length = len(next(iter(lists.values())))
    times = (time + 60 * np.arange(length)).astype("datetime64[s]")
    body = Readings(times, {name: np.array(column, dtype=float) for name, column in lists.items()})
    return accepted(body, station, city, run)


def accepted(body, station="mast-1", city="chiang-mai", run="haze-1", kind=Kind.READINGS):
    message = Message(Address(run, city, "environment", station, kind), "one", 0, body)
    return Accepted(message, 7, 1.0)


def heard(*messages, live=None):
    live = live or Live()
    live.update(Batch(messages))
    return live


def last(live, indicator="pm25", city="chiang-mai", run="haze-1"):
    (found,) = [one for one in live.view(run).values if (one.city, one.indicator) == (city, indicator)]
    return found


def city(live, run="haze-1"):
    (found,) = live.view(run).cities
    return found


def announce(live, *statuses, address=None):
    live.update(Batch(births=[(address or CityAddress("haze-1", "chiang-mai"), status) for status in statuses]))


def test_the_last_value_of_a_series_is_that_of_the_newest_reading_time():
    live = heard(said({"pm25": 40.0}), said({"pm25": 42.0}, NOON + 60), said({"pm25": 7.0}, NOON - 60))
    assert (last(live).value, last(live).time) == (42.0, NOON + 60)
    assert live.view("haze-1").runs[0].time == NOON + 60


@given(st.lists(st.one_of(st.none(), st.floats(0, 1000), st.just(5000.0)), min_size=1, max_size=20))
def test_a_pack_counts_by_its_last_value_that_is_there_and_plausible(cells):
    live = heard(said({"pm25": [math.nan if cell is None else cell for cell in cells]}))
    sound = [(place, cell) for place, cell in enumerate(cells) if cell is not None and cell <= 1000]
    shown = [(one.time, one.value) for one in live.view("haze-1").values]
    assert shown == [(NOON + 60 * place, cell) for place, cell in sound[-1:]]


def test_a_missing_value_leaves_the_last_one_standing():
    live = heard(said({"pm25": 40.0, "pm10": 60.0}), said({"pm25": math.nan, "pm10": 61.0}, NOON + 60))
    assert (last(live).value, last(live, "pm10").value) == (40.0, 61.0)


def test_stations_of_a_city_combine_as_the_indicator_says():
    live = heard(
        *(
            said(
                {"pm25": value, "service_requests": value, "service_backlog": value, "noise_laeq": 10 * value},
                station=f"mast-{value}",
            )
            for value in (4.0, 5.0, 6.0)
        )
    )
    assert last(live).value == 5.0
    assert (last(live).stations, last(live).known) == (3, 3)
    assert last(live, "service_requests").value == 15.0
    assert last(live, "service_backlog").value == 15.0
    assert last(live, "noise_laeq").value == pytest.approx(10 * math.log10((1e4 + 1e5 + 1e6) / 3))


def test_a_station_silent_for_a_day_no_longer_counts_in_its_city():
    live = heard(said({"pm25": 400.0}, NOON - 86_400, "dead"), said({"pm25": 20.0}, NOON, "alive"))
    assert (last(live).value, last(live).stations, last(live).known) == (20.0, 1, 2)


@given(st.lists(st.floats(-50, 150), min_size=1, max_size=9))
def test_a_combined_mean_or_maximum_lies_among_its_values(values):
    for across in (Rollup.MEAN, Rollup.MAX, Rollup.ENERGETIC_MEAN, Rollup.SHARE):
        assert min(values) - 1e-9 <= combine(values, across) <= max(values) + 1e-9


def test_events_and_statistics_give_values_of_the_indicators_they_name():
    time = np.datetime64(NOON, "s")
    closed = Event(time, "r-1", "service_request.closed", {"resolution_time": 5, "road": True, "note": "x", "other": 3})
    rate = Statistic("unemployment", "2026-02", time, 0, 1.1)
    live = heard(accepted(closed, kind=Kind.EVENTS), accepted(rate, kind=Kind.STATISTICS))
    assert {one.indicator: one.value for one in live.view("haze-1").values} == {
        "resolution_time": 5.0,
        "unemployment": 1.1,
    }
    assert last(live, "unemployment").time == np.datetime64("2026-02-01", "s").astype(int)


def test_a_city_goes_online_with_its_birth_and_offline_with_its_will():
    live = heard(said({"pm25": 1.0}))
    assert (city(live).online, city(live).profile) == (None, None)
    announce(live, BIRTH)
    assert (city(live).online, city(live).profile) == (True, CHIANG_MAI)
    assert live.view("haze-1").runs[0].origin == "simulated"
    announce(live, BIRTH.offline())
    assert (city(live).online, city(live).profile) == (False, CHIANG_MAI)


def test_the_will_of_a_superseded_session_is_ignored():
    live = Live()
    announce(live, BIRTH, Status(True, "two", CHIANG_MAI), BIRTH.offline())
    assert city(live).online is True
    announce(live, Status(False, "two"))
    assert city(live).online is False


def test_the_birth_of_a_superseded_session_is_ignored():
    live = Live()
    announce(live, BIRTH, Status(True, "two", CHIANG_MAI), Status(False, "two"), BIRTH)
    assert city(live).online is False


def test_a_will_before_any_birth_says_nothing():
    live = heard(said({"pm25": 1.0}))
    announce(live, BIRTH.offline())
    assert city(live).online is None


def test_stations_have_their_own_births_and_wills():
    live = Live()
    for station in ("mast-1", "mast-2"):
        profile = StationProfile(station, "chiang-mai", "environment", "air", station, 60, ("pm25",))
        announce(live, BIRTH.for_station(profile), address=Address("haze-1", "chiang-mai", "environment", station))
    assert city(live).stations == (2, 2)
    announce(live, Status(False, "one"), address=Address("haze-1", "chiang-mai", "environment", "mast-2"))
    assert city(live).stations == (1, 2)


def test_a_city_that_goes_offline_takes_the_stations_of_its_connection_with_it():
    live = Live()
    announce(live, BIRTH)
    for station, session in (("shared", "one"), ("own", "other")):
        profile = StationProfile(station, "chiang-mai", "environment", "air", station, 60, ("pm25",))
        address = Address("haze-1", "chiang-mai", "environment", station)
        announce(live, Status(True, session, profile), address=address)
    announce(live, BIRTH.offline())
    assert city(live).stations == (1, 2)


def test_a_view_since_a_version_holds_only_what_changed_after_it():
    live = heard(said({"pm25": 1.0}), said({"pm25": 2.0}, city="rayong"))
    first = live.view("haze-1")
    assert len(first.values) == len(first.cities) == 2
    assert live.view("haze-1", first.version).values == ()
    heard(said({"pm25": 3.0}, NOON + 60, city="rayong"), live=live)
    assert [(one.city, one.value) for one in live.view("haze-1", first.version).values] == [("rayong", 3.0)]


def test_the_run_that_was_quiet_longest_gives_way():
    live = Live(runs=2)
    for run in ("one", "two", "one", "three"):
        heard(said({"pm25": 1.0}, run=run), live=live)
    assert [run.run for run in live.view(None).runs] == ["one", "three"]
    assert live.newest() == "three"
    assert live.view("two").values == ()


def test_series_beyond_the_cap_are_counted_not_held():
    live = Live(series=3)
    heard(*(said({"pm25": 1.0}, station=f"mast-{place}") for place in range(5)), live=live)
    view = live.view("haze-1")
    assert (view.values[0].known, view.hidden) == (2, 3)  # the city itself takes a place


def test_births_beyond_the_cap_are_counted_not_held():
    live = Live(series=2)
    for name in ("one", "two", "three"):
        announce(live, BIRTH, address=CityAddress("haze-1", name))
    view = live.view("haze-1")
    assert (len(view.cities), view.hidden) == (2, 1)


def test_deliveries_of_every_fate_are_counted_without_making_runs():
    live = Live()
    live.update(Batch(counts={("", Fate.REJECTED): 2, ("haze-1", Fate.STORED): 5, ("gone", Fate.DUPLICATE): 1}))
    assert live.view(None).deliveries == {
        Fate.STORED: 5,
        Fate.REJECTED: 2,
        Fate.DUPLICATE: 1,
        Fate.CONFLICT: 0,
    }
    assert live.view(None).runs == ()


def test_readers_and_a_writer_in_threads_agree_in_the_end():
    live = Live()
    times = range(NOON, NOON + 300)
    reader = Thread(target=lambda: [live.view("haze-1") for _ in range(200)])
    reader.start()
    for time in times:
        heard(said({"pm25": float(time - NOON)}, time), live=live)
    reader.join()
    assert last(live).value == 299.0
    assert live.view("haze-1").runs[0].messages == 300


def test_a_restart_restores_the_last_values_and_cities_from_the_store(tmp_path):
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    messages = (said({"pm25": 40.0, "pm10": 60.0}), said({"pm25": 5000.0}, NOON + 60, station="mast-2"))
    store.write(Batch(messages, births=[(CityAddress("haze-1", "chiang-mai"), BIRTH)]))
    before, after = Live(), Live()
    before.update(Batch(messages, births=[(CityAddress("haze-1", "chiang-mai"), BIRTH)]))
    after.restore(store)
    store.close()
    assert set(after.view("haze-1").values) == set(before.view("haze-1").values)
    assert city(after) == city(before)
    assert after.restored("haze-1")


def test_what_was_heard_is_not_overwritten_by_what_is_restored(tmp_path):
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    store.write(Batch((said({"pm25": 40.0}),), births=[(CityAddress("haze-1", "chiang-mai"), BIRTH)]))
    live = heard(said({"pm25": 50.0}, NOON + 60))
    announce(live, Status(True, "two", CHIANG_MAI), Status(False, "two"))
    live.restore(store, "haze-1")
    store.close()
    assert last(live).value == 50.0
    assert city(live).online is False


def test_a_run_with_stations_of_two_origins_is_mixed_also_after_a_restart(tmp_path):
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    mast = Address("haze-1", "chiang-mai", "environment", "mast-2")
    profile = StationProfile("mast-2", "chiang-mai", "environment", "air", "Mast 2", 600, ("pm25",))
    measured = Status(True, "two", profile, Origin.MEASURED)
    births = [(CityAddress("haze-1", "chiang-mai"), BIRTH), (mast, measured)]
    told = Batch((said({"pm25": 40.0}), said({"pm25": 41.0}, station="mast-2")), births=births)
    store.write(told)
    before, after = Live(), Live()
    before.update(told)
    after.restore(store)
    store.close()
    assert before.view("haze-1").runs[0].origin == after.view("haze-1").runs[0].origin == "mixed"
    announce(before, Status(True, "three", CHIANG_MAI, Origin.MEASURED, "haze"))
    assert before.view("haze-1").runs[0].origin == "measured"


def test_an_empty_store_restores_nothing(tmp_path):
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    live = Live()
    live.restore(store)
    store.close()
    assert live.newest() is None
