"""The catalogue: every city is valid, in its country, in its time zone, and every fact has a source."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.language.errors import InputError
from collector.language.profile import CityProfile
from collector.language.topics import is_segment
from simulator import cities as catalogue
from simulator.cities import FACTS, UnknownNameError, cities, city, members, network, networks, sources

# South, north, west, east in degrees: the countries' extreme points, rounded outwards to half a degree.
BOXES = {
    "BN": (4.0, 5.5, 114.0, 115.5),
    "ID": (-11.5, 6.5, 95.0, 141.5),
    "KH": (10.0, 15.0, 102.0, 108.0),
    "LA": (13.5, 23.0, 100.0, 108.0),
    "MM": (9.5, 29.0, 92.0, 101.5),
    "MY": (0.5, 7.5, 99.5, 119.5),
    "PH": (4.5, 21.5, 116.5, 127.0),
    "SG": (1.0, 1.5, 103.5, 104.5),
    "TH": (5.5, 20.5, 97.0, 106.0),
    "TL": (-9.5, -8.0, 124.0, 127.5),
    "VN": (8.0, 23.5, 102.0, 110.0),
    "GB": (49.5, 61.0, -8.5, 2.0),
    "MA": (21.0, 36.0, -17.5, -1.0),
    "US": (18.5, 71.5, -180.0, -66.5),
}
OFFSETS: dict[str, set[float]] = {
    "BN": {8},
    "ID": {7, 8},
    "KH": {7},
    "LA": {7},
    "MM": {6.5},
    "MY": {8},
    "PH": {8},
    "SG": {8},
    "TH": {7},
}
OFFSETS |= {"TL": {9}, "VN": {7}, "GB": {0}, "MA": {1}, "US": {-6, -5}}
SOUTHERN = {"banyuwangi", "denpasar", "dili", "jakarta", "makassar", "semarang", "sumedang"}


def offset(city_id: str, month: int) -> float:
    shift = datetime(2026, month, 1, tzinfo=UTC).astimezone(ZoneInfo(city(city_id).timezone)).utcoffset()
    assert shift is not None
    return shift / timedelta(hours=1)


def test_the_catalogue_has_the_38_members_and_the_thai_areas_that_could_be_substantiated() -> None:
    areas = members("thai-smart-city", date(2023, 12, 31))
    assert len(areas) == 18
    assert set(members("thai-smart-city-2023", date(2023, 12, 31))) <= set(areas)
    everyone = {*members("ascn", date(2026, 1, 31)), *areas}
    assert len(everyone) == 52
    assert set(cities()) == {*everyone, *members("reference-sites", date(2026, 1, 31))}


@pytest.mark.parametrize("found", cities().values(), ids=lambda found: found.id)
def test_every_city_is_in_its_country_and_its_time_zone(found: catalogue.City) -> None:
    south, north, west, east = BOXES[found.country]
    assert south <= found.latitude <= north
    assert west <= found.longitude <= east
    assert is_segment(found.id)
    if found.id not in members("reference-sites", date(2026, 1, 31)):  # no ASEAN country moves its clocks
        assert offset(found.id, 1) == offset(found.id, 7)
    assert offset(found.id, 1) in OFFSETS[found.country]


@pytest.mark.parametrize("found", cities().values(), ids=lambda found: found.id)
def test_every_stated_fact_has_a_source_and_every_source_a_fact(found: catalogue.City) -> None:
    stated = {fact for fact, given in FACTS.items() if any(getattr(found, name) for name in given)}
    assert set(found.sources) == stated
    assert {"position", "timezone", "climate", "weather_region"} <= stated
    assert set(found.sources.values()) <= set(sources())
    assert (found.population is None) == (found.population_kind is None) == (found.population_source is None)


def test_choices_are_labelled_as_choices_and_facts_are_not() -> None:
    for found in cities().values():
        assert {found.sources["climate"], found.sources["weather_region"]} == {"modelling-choice"}
        others = {source for fact, source in found.sources.items() if fact not in {"climate", "weather_region"}}
        assert "modelling-choice" not in others
    assert "assumption" in sources()["modelling-choice"].title


def test_every_citation_is_used() -> None:
    used = {source for found in cities().values() for source in found.sources.values()}
    used |= {found.source for found in networks().values()}
    used |= {member.source for found in networks().values() for member in found.members}
    assert used == set(sources())


@pytest.mark.parametrize(
    ("on", "count"),
    [
        ("2018-04-27", 0),
        ("2018-12-31", 26),
        ("2023-07-26", 26),
        ("2023-12-31", 29),
        ("2024-12-31", 31),
        ("2025-12-31", 37),
        ("2026-01-31", 38),
    ],
)
def test_the_network_has_grown_as_published(on: str, count: int) -> None:
    found = members("ascn", date.fromisoformat(on))
    assert len(set(found)) == len(found) == count


def test_the_pilots_come_from_all_ten_countries_of_2018() -> None:
    pilots = Counter(city(name).country for name in members("ascn", date(2018, 12, 31)))
    assert len(pilots) == 10
    assert pilots["SG"] == pilots["BN"] == 1
    assert max(pilots.values()) == 4  # Malaysia alone sent four: Johor Bahru, Kota Kinabalu, Kuala Lumpur, Kuching


def test_chiang_mai_khon_kaen_and_rayong_are_the_members_of_2023() -> None:
    joined = [name for name in members("ascn", date(2023, 12, 31)) if name not in members("ascn", date(2022, 1, 1))]
    assert joined == ["chiang-mai", "khon-kaen", "rayong"]


def test_members_known_by_year_only_are_dated_to_its_first_day() -> None:
    vague = [member for member in network("ascn").members if member.precision == "year"]
    assert len(vague) == 9
    assert all((member.since.month, member.since.day) == (1, 1) for member in vague)


def test_myanmar_is_half_an_hour_off_and_indonesia_has_two_zones() -> None:
    assert {offset(name, 3) for name in ("mandalay", "nay-pyi-taw", "yangon")} == {6.5}
    assert [offset(name, 3) for name in ("makassar", "denpasar", "jakarta", "banyuwangi")] == [8, 8, 7, 7]
    assert city("ha-noi").timezone == "Asia/Ho_Chi_Minh"
    assert city("kuching").timezone == "Asia/Kuching"


def test_the_cities_south_of_the_equator_have_negative_latitudes() -> None:
    assert {name for name, found in cities().items() if found.latitude < 0} == SOUTHERN


def test_the_taiyong_area_is_in_buak_khang_near_chiang_mai() -> None:
    here, there = city("muang-taiyong-buak-khang"), city("chiang-mai")
    assert abs(here.latitude - there.latitude) < 0.2
    assert 0.05 < here.longitude - there.longitude < 0.2
    assert "501304" in (here.note or "")


def test_neighbours_share_weather_and_stay_near_each_other() -> None:
    regions: dict[str, list[catalogue.City]] = {}
    for found in cities().values():
        regions.setdefault(found.weather_region, []).append(found)
    for together in regions.values():
        for axis in ("latitude", "longitude"):
            spread = [getattr(found, axis) for found in together]
            assert max(spread) - min(spread) < 3.0
    central = {found.id for found in regions["central-thailand"]}
    assert central == {
        "bangkok",
        "chachoengsao",
        "chon-buri",
        "nikhom-phatthana",
        "rayong",
        "saensuk",
        "samut-prakan",
        "samyan",
        "theppharat",
        "wangchan-valley",
    }


def test_the_profile_says_what_the_population_counts() -> None:
    place = ("chiang-mai", "Chiang Mai", "TH", 18.7904, 98.9847, "Asia/Bangkok")
    assert city("chiang-mai").profile() == CityProfile(*place, 127240, "municipality", "monsoon-burning", 40.2)
    assert city("theppharat").profile().population is None


def test_an_unknown_name_is_refused_with_the_nearest_ones() -> None:
    with pytest.raises(UnknownNameError, match='unknown city "Chiang_Mei"; did you mean chiang-mai'):
        city("Chiang_Mei")
    with pytest.raises(UnknownNameError, match="known: ascn, reference-sites, thai-smart-city, thai-smart-city-2023"):
        members("x", date(2023, 1, 1))


GOOD = {
    "id": "there",
    "name": "There",
    "country": "TH",
    "latitude": 1.0,
    "longitude": 2.0,
    "timezone": "Asia/Bangkok",
    "climate": "equatorial",
    "weather_region": "somewhere",
    "sources": {"position": "geonames"},
}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"latitude": 91.0}, "latitude"),
        ({"timezone": "Asia/Chiang_Mai"}, "IANA time zone"),
        ({"timezone": "../etc/passwd"}, "IANA time zone"),
        ({"climate": "arctic"}, "monsoon-burning"),
        ({"id": "Not good"}, "expected a-z"),
        ({"country": "Thailand"}, "country"),
        ({"population": 0}, "population"),
        ({"mayor": "someone"}, "mayor"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_field(wrong: dict[str, object], said: str) -> None:
    assert catalogue._valid(catalogue._CITY, GOOD, "x.toml").id == "there"
    with pytest.raises(InputError, match=said):
        catalogue._valid(catalogue._CITY, GOOD | wrong, "x.toml")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"area_km2": 3.0}, "area"),
        ({"koppen": None}, "koppen"),
        ({"population_kind": None}, "belong together"),
        ({"sources": city("rayong").sources | {"position": "hearsay"}}, 'unknown source "hearsay"'),
    ],
)
def test_a_fact_without_a_source_is_refused(change: dict[str, Any], said: str) -> None:
    unsourced = {fact: source for fact, source in city("rayong").sources.items() if fact != "area"}
    start = replace(city("rayong"), area_km2=None, sources=unsourced)
    catalogue._check_facts(start, "x.toml")
    if "sources" in change:
        start = city("rayong")
    with pytest.raises(InputError, match=said):
        catalogue._check_facts(replace(start, **change), "x.toml")
