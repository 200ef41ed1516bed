from dataclasses import fields

from simulator.cities import cities
from simulator.flows.groups import MODELS
from simulator.scenario import StationCounts
from simulator.stations import KINDS, origins_of, stations_of
from simulator.streams import Streams


def test_a_city_has_the_stations_it_was_given_with_unique_ids():
    counts = StationCounts.only(air_quality=3, air_quality_node=2, weather=2, traffic=1, statistics_office=1)
    found = stations_of(cities()["rayong"], counts, 900, Streams(1))
    ids = [station.id for station in found]
    assert ids == ["aq-01", "aq-02", "aq-03", "an-01", "an-02", "wx-01", "wx-02", "tr-01", "so-01"]
    assert all(station.indicators == KINDS[station.kind].indicators for station in found)
    assert all(abs(station.latitude - 12.68) < 0.2 for station in found)


def test_every_kind_can_be_asked_for_and_has_a_prefix_of_its_own():
    assert {entry.name.replace("_", "-") for entry in fields(StationCounts)} == set(KINDS)
    assert len({kind.prefix for kind in KINDS.values()}) == len(KINDS)


def test_a_station_measures_what_its_model_makes():
    assert {kind: model.indicators for kind, model in MODELS.items()} == {
        kind: KINDS[kind].indicators for kind in MODELS
    }


def test_every_indicator_says_where_its_parameters_come_from():
    for city in cities().values():
        origins = origins_of(city)
        assert set(origins.values()) <= {"measured", "derived", "assumed"}
        assert set().union(*(kind.indicators for kind in KINDS.values())) == set(origins)
    assert origins_of(cities()["chiang-mai"])["pm25"] == "measured"
    assert origins_of(cities()["luang-prabang"])["pm25"] == "derived"
    assert origins_of(cities()["chiang-mai"])["eservice_adoption"] == "assumed"
