"""One replication as columns: what the store would say of the same run, on the city's own days, whatever the blocks."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.language.indicators import indicator, indicators
from collector.stores import open_store
from collector.stores.protocol import Selection
from simulator import experiment
from simulator.experiment import DAY, Series, edges, gathered, measured
from simulator.scenario import Policies, Scenario, parse_scenario

TEXT = """
name = "few-days"
start = 2026-02-26T00:00:00Z
duration = "4d"
cadence = "1h"
[cities]
include = ["chiang-mai", "rayong", "yangon"]
[stations]
feeder = 3
service_desk = 2
"""


def scenario(text: str = TEXT) -> Scenario:
    return parse_scenario(text, "test")


def series(made: Scenario, **options: int) -> dict[tuple[str, str], Series]:
    return {(one.city, one.indicator): one for one in gathered(made, 0, (), **options)}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run, said into a store."""
    folder = tmp_path_factory.mktemp("stored")
    (folder / "few-days.toml").write_text(TEXT)
    said = "simulate few-days.toml --broker none --store duckdb://city.duckdb --run a"
    subprocess.run([sys.executable, "-m", "nakhon", *said.split()], cwd=folder, check=True, timeout=120)
    return folder / "city.duckdb"


@pytest.mark.parametrize("bucket", [DAY, 3_600])
def test_values_are_those_that_a_store_tells_of_the_same_run(stored: Path, bucket: int) -> None:
    made = scenario()
    store = open_store(f"duckdb://{stored}", read_only=True)
    try:
        told = store.read(Selection(tuple(indicators()), runs=("a",), bucket=bucket, flagged=True))
    finally:
        store.close()
    times = told["time"].to_numpy().astype("datetime64[s]").astype(np.int64).tolist()
    columns = (told[name].to_pylist() for name in ("city", "indicator", "value", "n"))
    theirs = {
        (city, name, time): (value, n)
        for time, city, name, value, n in zip(times, *columns, strict=True)
        if made.start <= time and time + bucket <= made.end
    }
    ours = {
        (one.city, one.indicator, time): (value, n)
        for one in gathered(made, 0, tuple(indicators()), bucket)
        for time, value, n in zip(one.times.tolist(), one.values.tolist(), one.n.tolist(), strict=True)
        if n
    }
    assert len(theirs) > 200
    assert ours.keys() == theirs.keys()
    assert {key: n for key, (_, n) in ours.items()} == {key: n for key, (_, n) in theirs.items()}
    assert np.allclose([ours[key][0] for key in ours], [theirs[key][0] for key in ours], rtol=1e-9)


def test_hours_without_power_are_the_minutes_that_ended_outages_tell() -> None:
    rolling = experiment._Rolling(indicator("outage_hours"), 2)
    slots, minutes = np.array([0, 0, 1, -1]), np.array([90.0, 30.0, 6.0, 60.0])
    rolling.add(slots, rolling.of_events(minutes)[None, :], ["grid-control"])
    assert rolling.values() == pytest.approx([2.0, 0.1]) and rolling.n.tolist() == [2, 1]


def test_a_demand_is_the_sum_of_the_means_of_the_feeders_that_spoke() -> None:
    """What the contract of stores says of a gap; the run above has none."""
    rolling = experiment._Rolling(indicator("electricity_demand"), 3)
    rolling.add(np.array([0, 0, 1, -1]), np.array([[1.0, 3.0, np.nan, 9.0], [10.0, np.nan, 7.0, 9.0]]), ["a", "b"])
    assert np.array_equal(rolling.values(), [2.0 + 10.0, 7.0, np.nan], equal_nan=True)
    assert rolling.n.tolist() == [3, 1, 0]


def test_days_begin_at_midnight_of_the_city_and_those_in_part_are_left_out() -> None:
    made = scenario()
    found = series(made)
    assert found["chiang-mai", "pm25"].times.tolist() == [made.start + 17 * 3_600 + day * DAY for day in range(3)]
    assert found["yangon", "pm25"].times.tolist() == [made.start + 63_000 + day * DAY for day in range(3)]
    assert found["yangon", "pm25"].n.tolist() == [2 * 24] * 3


def test_days_of_a_zone_with_summer_time_have_23_hours_once() -> None:
    """The catalogue has none, so the clock of one is asked for directly."""
    hours = np.diff(np.flatnonzero(np.diff(experiment._clock(985_872, 986_120, "Europe/Berlin") // DAY)))
    assert sorted(hours.tolist()) == [46, 48, 48, 48]  # half hours; 2026-03-29 is short


def test_events_that_are_counted_are_zero_on_a_quiet_day_and_other_indicators_missing() -> None:
    made = scenario(TEXT.replace("4d", "20d"))
    found = series(made)
    outages = found["chiang-mai", "power_outages"]
    assert (outages.values[outages.n == 0] == 0.0).all() and (outages.n == 0).any()
    assert np.array_equal(outages.values, outages.n)
    hours = found["chiang-mai", "outage_hours"]
    assert np.array_equal(hours.n, outages.n) and ((hours.values > 0.0) == (hours.n > 0)).all()
    waits = found["chiang-mai", "permit_wait"]
    assert np.isnan(waits.values[waits.n == 0]).all()


def test_the_warm_up_is_simulated_and_left_out() -> None:
    made = scenario(TEXT.replace("4d", "8d"))
    whole, late = series(made), series(made, warm_up=3 * DAY)
    for key, one in late.items():
        assert one.times.tolist() == whole[key].times.tolist()[3:]
        assert np.array_equal(one.values, whole[key].values[3:], equal_nan=True), key


@settings(max_examples=8, deadline=None)
@given(ticks=st.integers(24, 200))
def test_the_length_of_blocks_changes_nothing(ticks: int) -> None:
    made = scenario(TEXT.replace('"chiang-mai", "rayong", "yangon"', '"yangon"'))
    usual = series(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "BLOCK_TICKS", ticks)
        found = series(made)
    for key, one in usual.items():
        assert np.allclose(one.values, found[key].values, rtol=1e-12, equal_nan=True), key
        assert np.array_equal(one.n, found[key].n)


def test_replications_have_other_luck_and_variants_share_it() -> None:
    made = scenario()
    fewer = replace(made, assumptions=replace(made.assumptions, burning_severity=0.5))
    other = {(one.city, one.indicator): one for one in gathered(made, 1, ())}
    ours, theirs = series(made), series(fewer)
    assert not np.array_equal(ours["chiang-mai", "pm25"].values, other["chiang-mai", "pm25"].values)
    assert not np.array_equal(ours["chiang-mai", "pm25"].values, theirs["chiang-mai", "pm25"].values)
    assert np.array_equal(ours["chiang-mai", "rain"].values, theirs["chiang-mai", "rain"].values, equal_nan=True)


def test_a_policy_in_one_city_leaves_every_city_not_downstream_as_it_was_to_the_bit() -> None:
    crews = (
        TEXT.replace("4d", "12d") + '[[interventions]]\nuse = "extra-crews"\nstart = 2026-02-26\ncities = ["rayong"]\n'
    )
    before, after = series(scenario(TEXT.replace("4d", "12d"))), series(scenario(crews))
    changed = {key for key in before if before[key].values.tobytes() != after[key].values.tobytes()}
    assert ("rayong", "resolution_time") in changed
    assert {city for city, _ in changed} == {"rayong"}
    assert {name for _, name in changed} <= {"resolution_time", "service_backlog", "citizen_rating", "sla_compliance"}


def test_a_city_more_leaves_the_others_as_they_were_to_the_bit() -> None:
    fewer = series(scenario(TEXT.replace('"chiang-mai", "rayong", "yangon"', '"rayong", "yangon"')))
    found = series(scenario())
    assert all(one.values.tobytes() == found[key].values.tobytes() for key, one in fewer.items())


def test_indicators_are_those_of_the_stations_or_the_chosen_ones_of_them() -> None:
    made = scenario(TEXT + "weather = 0\n")
    assert "rain" not in measured(made, "rayong") and "pm25" in measured(made, "rayong")
    assert measured(made, "rayong", ("pm25", "rain")) == ["pm25"]
    assert [one.indicator for one in gathered(made, 0, ("pm25", "no2"))] == ["no2", "pm25"] * 3


def test_no_bucket_fits_into_a_window_shorter_than_it() -> None:
    assert len(edges("rayong", DAY, (0, DAY - 1))) <= 1
    made = replace(scenario(), end=scenario().start + DAY, policies=Policies())
    assert all(not one.values.size for one in gathered(made, 0, ("pm25",)))
