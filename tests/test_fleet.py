"""A fleet: who speaks over which connection, under which name."""

import resource
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.language.errors import InputError
from collector.language.indicators import Origin
from collector.language.profile import StationProfile, Status, decode_status
from collector.language.topics import Address, CityAddress
from simulator.cities import cities
from simulator.fleet import (
    Cast,
    Fleet,
    Member,
    Spread,
    allow_files,
    client_id_pattern,
    members_of,
    warnings_of,
)

PLACES = ("chiang-mai", "rayong")


def cast(stations: int = 3) -> Cast:
    births = {name: Status(True, "s1", cities()[name].profile(), Origin.SIMULATED) for name in PLACES}
    profiles = {
        city: [
            StationProfile(f"aq-{number}", city, "environment", "air-quality", "a mast", 60, ("pm25",))
            for number in range(stations)
        ]
        for city in PLACES
    }
    return Cast("run", births, profiles)


def topics(members: list[Member]) -> Counter[str]:
    return Counter(address.topic for member in members for address, _ in member.births)


@pytest.mark.parametrize(("spread", "count"), [(Spread.ONE, 1), (Spread.CITY, 2), (Spread.STATION, 8)])
def test_everybody_is_announced_once_however_the_cast_is_spread(spread: Spread, count: int) -> None:
    members = members_of(Fleet(spread), cast(), "s1")
    assert len(members) == count
    announced = topics(members)
    assert set(announced.values()) == {1}
    assert len(announced) == 2 + 6
    assert len({member.client_id for member in members}) == count


def test_the_will_takes_back_the_first_birth_of_a_connection() -> None:
    for member in members_of(Fleet(Spread.STATION), cast(), "s1"):
        topic, payload = member.will
        assert topic == member.births[0][0].topic
        assert decode_status(payload) == Status(online=False, session="s1")


def test_cities_say_goodbye_and_stations_only_where_they_have_a_connection_of_their_own() -> None:
    for spread, kinds in ((Spread.ONE, [CityAddress] * 2), (Spread.CITY, [CityAddress] * 2)):
        said = [address for member in members_of(Fleet(spread), cast(), "s1") for address, _ in member.farewells]
        assert [type(address) for address in said] == kinds
    said = [address for one in members_of(Fleet(Spread.STATION), cast(), "s1") for address, _ in one.farewells]
    assert Counter(map(type, said)) == {CityAddress: 2, Address: 6}


def test_connections_are_named_by_a_pattern() -> None:
    fleet = Fleet(Spread.STATION, client_id_pattern("sensor-{city}-{station}"))
    names = [member.client_id for member in members_of(fleet, cast(1), "s1")]
    assert names == [
        "sensor-chiang-mai-status", "sensor-rayong-status", "sensor-chiang-mai-aq-0", "sensor-rayong-aq-0"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spread", "pattern", "missing"), [(Spread.CITY, "c", "{city}"), (Spread.STATION, "{station}", "{city} and")]
)
def test_a_pattern_that_gives_two_connections_one_name_is_refused(spread: Spread, pattern: str, missing: str) -> None:
    with pytest.raises(InputError, match="the broker would let only one of them stay") as refusal:
        members_of(Fleet(spread, client_id_pattern(pattern)), cast(), "s1")
    assert missing in str(refusal.value)


@pytest.mark.parametrize("pattern", ["", "{town}", "a\nb", "a\0"])
def test_a_pattern_without_sense_is_refused(pattern: str) -> None:
    with pytest.raises(InputError, match="--client-id"):
        client_id_pattern(pattern)


@given(st.text(st.characters(exclude_characters="{}", categories=("L", "N", "P")), min_size=1, max_size=20))
def test_whatever_stands_around_the_fields_stays(text: str) -> None:
    fleet = Fleet(Spread.CITY, client_id_pattern(f"{text}{{city}}"))
    assert [member.client_id for member in members_of(fleet, cast(), "s1")] == [f"{text}{city}" for city in PLACES]


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(InputError, match="at most 256 bytes"):
        members_of(Fleet(Spread.CITY, client_id_pattern("x" * 250 + "{city}")), cast(), "s1")


def test_what_may_surprise_is_said() -> None:
    long = Fleet(Spread.ONE, client_id_pattern("a-name-of-more-than-23-bytes"))
    told = list(warnings_of(long, members_of(long, cast(), "s1"), 4))
    assert any("more than 23 bytes" in text for text in told)
    assert any("chiang-mai goes offline and the other cities do not say so" in text for text in told)
    assert not list(warnings_of(Fleet(), members_of(Fleet(), cast(), "s1"), 5))


def test_more_connections_than_the_system_allows_files_are_refused_with_what_to_do() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        pytest.skip("this system allows any number of open files")
    with pytest.raises(InputError, match=r"ulimit -n .*--connections city"):
        allow_files(hard)
