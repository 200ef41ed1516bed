"""A scenario file becomes a scenario, or every error in it at once, each with its path."""

from __future__ import annotations

import os
import pickle
import string
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.language.errors import InputError
from simulator.cities import cities, members
from simulator.run import Simulation
from simulator.scenario import (
    LARGEST_FILE,
    Policies,
    Scenario,
    ScenarioError,
    StationCounts,
    load_scenario,
    new_scenario,
    parse_scenario,
    shipped_scenarios,
)
from simulator.scenario_file import shown

SMALL = """
name = "small"
start = 2026-03-01
duration = "1d"
[cities]
include = ["rayong"]
"""


def errors_of(text: str) -> tuple[str, ...]:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "x.toml")
    return caught.value.errors


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize("name", shipped_scenarios())
def test_every_shipped_scenario_loads_under_its_own_name(name: str) -> None:
    found = load_scenario(name)
    assert found.name == name
    assert found.title == shipped_scenarios()[name]
    assert found.description
    assert set(found.stations) == set(found.cities) <= set(cities())
    assert found.start + found.ticks * found.cadence == found.end


def test_the_shipped_scenarios_are_what_their_names_say() -> None:
    sizes = {name: (len(load_scenario(name).cities), load_scenario(name).ticks) for name in shipped_scenarios()}
    year = ("ambassadors", "baseline", "baseline-dry", "baseline-growth", "baseline-wet", "e-services", "leadership")
    fires = ("burning-ban", "burning-season", "burning-season-2023", "burning-season-2024", "burning-season-2025")
    quarter = ("heat-wave", "monsoon-flood", "tourism-expo")
    assert sizes == {
        "ascn-2018": (26, 248 * 24),
        "ascn-2023": (29, 365 * 96),
        "chiang-mai-2024": (1, 366 * 96),
        "demo": (3, 30 * 96),
        "thai-smart-city-areas": (18, 365 * 24),
        "thailand-2023": (9, 365 * 96),
        **dict.fromkeys(year, (3, 365 * 24)),
        **dict.fromkeys(fires, (3, 151 * 24)),
        **dict.fromkeys(quarter, (3, 92 * 24)),
    }
    assert load_scenario("demo").cities == ("chiang-mai", "khon-kaen", "rayong")
    assert load_scenario("chiang-mai-2024").start == seconds("2023-12-31T17:00:00")


@pytest.mark.parametrize("name", shipped_scenarios())
def test_every_shipped_scenario_runs_through_the_begin_of_what_it_changes(name: str) -> None:
    found = load_scenario(name)
    begin = max([one.start for one in found.interventions], default=found.start)
    few = found.cities[:2]
    short = replace(found, start=begin, end=begin + 12 * found.cadence, cities=few)
    blocks = Simulation(short).advance(short.end)
    assert tuple(block.city for block in blocks) == few
    for block in blocks:
        assert block.groups
        assert all(np.isfinite(values).all() for group in block.groups for values in group.truth.values())


def test_defaults_fill_what_a_small_file_leaves_out() -> None:
    assert parse_scenario(SMALL, "x.toml") == Scenario(
        name="small",
        title="small",
        description="",
        start=seconds("2026-03-01"),
        end=seconds("2026-03-02"),
        cadence=900,
        seed=2023,
        cities=("rayong",),
        stations={"rayong": StationCounts(2, 1, 2, 1, 1, 1)},
    )


def test_the_template_becomes_a_valid_file_that_states_the_defaults() -> None:
    text = new_scenario("my-plan")
    found = parse_scenario(text, "my-plan.toml")
    assert found.name == "my-plan"
    small = parse_scenario(SMALL.replace("rayong", "chiang-mai").replace("1d", "7d"), "x.toml")
    assert found.digest == small.digest
    commented = {"end", "chiang-mai"}  # shown as alternatives, in comments
    assert commented.isdisjoint(tomllib.loads(text))


@pytest.mark.parametrize("name", ["", "My Plan", 'x"\nseed = 1', "-x", "x" * 64, "status"])
def test_a_new_scenario_needs_a_proper_name(name: str) -> None:
    with pytest.raises(ScenarioError, match="expected a name of at most 63 characters"):
        new_scenario(name)


def test_cities_and_networks_are_joined_in_order_and_once() -> None:
    text = SMALL + 'networks = [{ network = "ascn", on = 2023-12-31 }]'
    found = parse_scenario(text.replace('"rayong"', '"rayong", "lampang", "rayong"'), "x.toml")
    assert found.cities[:3] == ("rayong", "lampang", "bandar-seri-begawan")
    assert len(found.cities) == 30
    assert load_scenario("ascn-2018").cities == members("ascn", datetime(2018, 12, 31, tzinfo=UTC).date())


def test_a_city_overrides_only_the_counts_it_names() -> None:
    found = parse_scenario(SMALL + "[stations]\ntraffic = 0\n[stations.rayong]\nair_quality = 7", "x.toml")
    assert found.stations["rayong"] == StationCounts(air_quality=7, traffic=0)
    assert found.station_count == 7 + 0 + (StationCounts().total - 4)


WRONG = """
name = "No Good"
start = "tomorrow"
duration = "3 days"
cadence = "7min"
seeed = 3
seed = -1
title = 5
[cities]
include = ["chiang-mei", 3]
networks = [{ network = "asean", on = 2020-01-01 }, { network = "ascn", on = 2010-01-01, x = 1 }, 7, {}]
[stations]
air_quality = "many"
weathr = 3
feeder = true
[stations.chiang-mai]
traffic = 2.5
wheather = 1
[stations.bangkook]
[assumptions]
burning_severity = nan
rainfall = 11
[policies]
crews = 1.5
ambassadors = 10001
"""
WHERE = """
name start duration cadence seeed seed title
cities.include[0] cities.include[1]
cities.networks[0].network cities.networks[1].on cities.networks[1].x
cities.networks[2] cities.networks[3].network cities.networks[3].on
stations.air_quality stations.weathr stations.feeder
stations.chiang-mai.traffic stations.chiang-mai.wheather stations.bangkook
assumptions.burning_severity assumptions.rainfall policies.crews policies.ambassadors
"""


def test_every_error_is_reported_at_once_with_its_path() -> None:
    found = errors_of(WRONG)
    assert 'stations.air_quality: expected a whole number from 0 to 10000, came "many"' in found
    assert 'seeed: unknown key "seeed"; did you mean seed?' in found
    assert 'cities.include[0]: unknown city "chiang-mei"; did you mean chiang-mai?' in found
    assert 'cities.networks[0].network: unknown network "asean"; did you mean ascn?' in found
    assert 'stations.weathr: unknown kind of station "weathr"; did you mean weather?' in found
    assert 'stations.bangkook: unknown city "bangkook"; did you mean bangkok?' in found
    assert sorted(error.split(": ")[0] for error in found) == sorted(WHERE.split())


def test_the_message_lists_every_error_under_the_name_of_the_file() -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(SMALL.replace("1d", "1x") + "[policies]\ncrews = -1", "plan.toml")
    assert isinstance(caught.value, InputError)
    assert str(caught.value).splitlines() == [
        'plan.toml: duration: expected a duration, like "30d", "12h" or "15min", came "1x"',
        "plan.toml: policies.crews: expected a whole number from 0 to 1000, came -1",
    ]
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ('duration = "1d"', "end: expected either end or duration, came neither"),
        ('duration = "1d"|end = 2026-03-02\nduration = "1d"', "end: expected either end or duration, came both"),
        (
            'duration = "1d"|end = 2026-03-01',
            "end: expected a time after start, 2026-03-01T00:00:00Z; came 2026-03-01T00:00:00Z",
        ),
        (
            'duration = "1d"|duration = "10s"',
            "duration: expected a whole number of steps of 900 s, came 10 s from start",
        ),
        ('duration = "1d"|duration = "99999999w"', "duration: expected an end in the year 2199 or before"),
        ('"rayong"', "cities: expected at least one city, in include or networks"),
        ('include = ["rayong"]', "cities: expected at least one city, in include or networks"),
        ('[cities]\ninclude = ["rayong"]', "cities: missing; expected a table with include, networks or both"),
        ('[cities]\ninclude = ["rayong"]|cities = "rayong"', 'cities: expected a table, came "rayong"'),
        ('include = ["rayong"]|include = "rayong"', 'cities.include: expected a list, came "rayong"'),
        (
            '["rayong"]|["rayong"]\n[stations.khon-kaen]\nfeeder = 2',
            "stations.khon-kaen: not among the cities of this scenario; add it to cities.include, or leave it out",
        ),
        (
            "2026-03-01|2026-03-01T00:00:00.5",
            "start: expected a day or a UTC time in whole seconds, like 2026-03-01 or 2026-03-01T08:00:00Z, "
            "came 2026-03-01T00:00:00.500000",
        ),
    ],
)
def test_one_mistake_gives_one_error(change: str, error: str) -> None:
    old, _, new = change.partition("|")
    assert old in SMALL
    assert errors_of(SMALL.replace(old, new)) == (error,)


def test_a_cadence_must_divide_a_day() -> None:
    for good, ticks in (("1s", 86_400), ("15min", 96), ("1h", 24), ("24h", 1), ("1d", 1)):
        assert parse_scenario(f'cadence = "{good}"\n' + SMALL, "x").ticks == ticks
    for bad in ("0s", "7min", "2d", "-1h", "1.5h", "1 h", "١s"):
        assert errors_of(f'cadence = "{bad}"\n' + SMALL)[0].startswith("cadence: expected a duration from")


@pytest.mark.parametrize(
    "written", ["2026-03-01", "2026-03-01T00:00:00", "2026-03-01T00:00:00Z", "2026-03-01T07:00:00+07:00"]
)
def test_a_start_is_utc_unless_it_says_otherwise(written: str) -> None:
    assert parse_scenario(SMALL.replace("2026-03-01", written), "x").start == seconds("2026-03-01")


def test_an_absurd_size_is_refused_with_the_arithmetic() -> None:
    text = SMALL.replace("1d", "9999d") + "[stations]\nweather = 10000\nair_quality = 0\n[stations.rayong]\ntraffic = 0"
    (error,) = errors_of('cadence = "1s"\n' + text)
    stations = 10_000 + StationCounts().total - 5  # one weather station, two masts and two counters by default
    readings = f"{863_913_600 * stations:,}"
    assert error.startswith(f"end: 863,913,600 steps x {stations:,} stations = {readings} readings, more than")
    assert parse_scenario(text, "x").ticks == 9999 * 96


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "x"\nstart == 3\n', r"at line 2, column 8"),
        ("a = " + "[" * 100_000, "recursion"),
        ("a = 1" + "0" * 5_000, "integer"),
        ("x" * (LARGEST_FILE + 1), "expected at most 1,048,576 bytes"),
    ],
)
def test_a_text_that_is_not_toml_gives_one_error(text: str, said: str) -> None:
    (error,) = errors_of(text)
    assert said in error


def test_a_huge_file_of_mistakes_is_answered_quickly_and_briefly() -> None:
    many = "[cities]\ninclude = [" + '"x",' * 200_000 + "]\n"
    assert "cities.include: expected at most 1000 entries, came 200000" in errors_of(many)
    assert len(errors_of("".join(f"k{index} = 1\n" for index in range(50_000)))) < 1_100


def test_files_are_read_and_refused_with_their_name(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load_scenario(good) == load_scenario(str(good)) == parse_scenario(SMALL, "x")
    for content, said in ((b"\xff\xfe", "expected UTF-8"), (b"#" * (LARGEST_FILE + 1), "at most 1,048,576 bytes")):
        bad.write_bytes(content)
        with pytest.raises(ScenarioError, match=said):
            load_scenario(bad)
    os.mkfifo(tmp_path / "pipe")
    for nowhere, said in (
        (tmp_path, "expected a file"),
        (tmp_path / "pipe", "expected a file"),
        ("demoo", "mean demo?"),
    ):
        with pytest.raises(ScenarioError, match=said):
            load_scenario(nowhere)


def test_the_digest_covers_what_changes_results_and_nothing_else() -> None:
    found = load_scenario("demo")
    assert replace(found, name="other", title="Other", description="").digest == found.digest
    other = [
        replace(found, seed=1),
        replace(found, policies=Policies(crews=1)),
        replace(found, cities=found.cities[:2]),
        replace(found, stations={name: StationCounts(feeder=2) for name in found.cities}),
        found.starting(found.start + 1),
    ]
    assert len({found.digest, *(each.digest for each in other)}) == 1 + len(other)
    written = parse_scenario(SMALL + "[assumptions]\nrainfall = 1", "x")
    assert written.digest == parse_scenario(SMALL + "[assumptions]\nrainfall = 1.0", "x").digest


def test_the_digest_is_the_same_on_every_machine() -> None:
    counts = {"rayong": StationCounts.only(air_quality=2)}
    made = replace(parse_scenario(SMALL, "x"), stations=counts)
    assert made.digest == "fde4ae17c6f9a66f7e5462a63734c0c30ac8922a0f2cf3f694b0c480220de9f2"


def test_a_scenario_can_be_moved_and_sent_to_another_process() -> None:
    found = load_scenario("demo")
    moved = found.starting(found.start + 77)
    assert (moved.start, moved.ticks, moved.end) == (found.start + 77, found.ticks, found.end + 77)
    assert pickle.loads(pickle.dumps(found)) == found
    assert hash(found) == hash(load_scenario("demo"))


def test_values_are_shown_briefly() -> None:
    assert shown("é" * 100) == '"' + "é" * 56 + "..."
    assert shown({"a": 1}) == "a table"
    assert shown(1 << 100_000) == "a huge number"
    assert shown(False) == "false"


values = st.recursive(
    st.one_of(st.integers(), st.floats(), st.booleans(), st.text(string.printable, max_size=8), st.dates()),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["network", "on", "x"]), inner, max_size=3)
    ),
    max_leaves=4,
)
keys = ["name", "title", "start", "end", "duration", "cadence", "seed", "cities", "stations", "assumptions", "policies"]


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(keys),
        values | st.dictionaries(st.sampled_from(["include", "networks", "traffic", "rayong", "crews"]), values),
    )
)
def test_whatever_a_file_holds_it_is_a_scenario_or_a_scenario_error(table: dict[str, object]) -> None:
    text = "\n".join(f"{key} = {toml(value)}" for key, value in table.items())
    try:
        usable = parse_scenario(text, "x").ticks > 0
    except ScenarioError as error:
        usable = not error.errors
        refused = bool(error.errors)
    else:
        refused = False
    assert usable != refused


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\u{ord(letter):04x}" for letter in value) + '"'
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
