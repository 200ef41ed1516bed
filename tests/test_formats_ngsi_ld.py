"""NGSI-LD: entities of the right models, whose attributes lead back to every reading."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from format_samples import (
    CITY,
    COMPANY,
    NOON,
    SCHEMAS,
    STATIONS,
    Company,
    any_event,
    any_readings,
    any_statistic,
    facts,
    few,
    message,
    opened,
    readings,
    say,
)
from hypothesis import given
from hypothesis import strategies as st

from collector.language.errors import InputError
from collector.language.indicators import indicators
from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.time import parse_time
from simulator.formats import format_of
from simulator.formats.smart_data_models import KPI, Attribute, attribute_of, context_of, models

BACK = {(attribute_of(name).model, attribute_of(name).attribute): name for name in indicators()}


def entities(told: Message) -> list[dict[str, Any]]:
    """The entities of a message, each valid."""
    found = [json.loads(sent.payload) for _, sent in say(opened("ngsi-ld"), told)]
    for one in found:
        jsonschema.validate(one, SCHEMAS["entity"], cls=jsonschema.Draft202012Validator)
    return found


def told_by(entity: dict[str, Any]) -> set[tuple[str, int, float]]:
    """The readings in an entity, in the catalogue's units, to nine digits."""
    found = set()
    for name, told in entity.items():
        if isinstance(told, dict) and "observedAt" in told:
            indicator = entity["name"]["value"] if name == "kpiValue" else BACK[entity["type"], name]
            factor = {"share": 100.0, "tick": 3600 / 900}.get(attribute_of(indicator).scale, 1.0)
            found.add((indicator, parse_time(told["observedAt"]), float(f"{told['value'] * factor:.9g}")))
    return found


@few
@given(told=any_readings(st.floats(-1e6, 1e6, allow_subnormal=False)))
def test_every_reading_survives_and_missing_ones_are_left_out(told: tuple[str, Readings]) -> None:
    kind, body = told
    found = entities(message(kind, body))
    again = {one for entity in found for one in told_by(entity)}
    assert again == {(name, epoch, float(f"{value:.9g}")) for name, epoch, value in facts(body)}
    assert [entity["seq"]["value"] for entity in found] == list(range(7, 7 + len(found)))


@few
@given(event=any_event)
def test_an_event_survives(event: Event) -> None:
    (entity,) = entities(message("service-desk", event))
    assert entity["id"] == f"urn:ngsi-ld:CityEvent:chiang-mai:sd-01:{event.id}"
    again = [entity[name]["value"] for name in ("eventId", "eventType", "fields")]
    assert again == [event.id, event.type, event.fields]
    assert parse_time(entity["dateObserved"]["value"]["@value"]) == int(event.time.astype(int))


@few
@given(told=any_statistic)
def test_a_statistic_is_an_indicator_of_its_period_that_a_revision_renews(told: Statistic) -> None:
    (entity,) = entities(message("statistics-office", told))
    assert entity["id"] == f"urn:ngsi-ld:KeyPerformanceIndicator:chiang-mai:so-01:{told.indicator}:{told.period}"
    names = ("name", "period", "revision", "kpiValue")
    assert [entity[name]["value"] for name in names] == [told.indicator, told.period, told.revision, told.value]
    assert parse_time(entity["kpiValue"]["observedAt"]) == int(told.published.astype(int))


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("2024", "2024-01-01", "2024-12-31"),
        ("2026-Q1", "2026-01-01", "2026-03-31"),
        ("2026-Q4", "2026-10-01", "2026-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026-02-14", "2026-02-14", "2026-02-14"),
    ],
)
def test_a_period_is_its_first_and_last_day(period: str, first: str, last: str) -> None:
    published = readings([NOON], x=[0]).times[0]
    (entity,) = entities(message("statistics-office", Statistic("unemployment", period, published, 0, 1.5)))
    assert entity["calculationPeriod"]["value"] == {"from": first, "to": last}


def test_a_river_gauge_is_two_entities() -> None:
    told = message("river-gauge", readings([NOON], water_level=[0.26], dissolved_oxygen=[7.3]))
    assert [entity["type"] for entity in entities(told)] == ["FloodMonitoring", "WaterQualityObserved"]


def test_amounts_are_counted_as_the_models_count_them() -> None:
    (weather,) = entities(message("weather", readings([NOON], relative_humidity=[71.2], rain=[4.0])))
    assert (weather["relativeHumidity"]["value"], weather["precipitation"]["value"]) == (0.712, 1.0)
    (traffic,) = entities(message("traffic", readings([NOON], traffic_flow=[915.0])))
    assert traffic["intensity"] == {
        "type": "Property",
        "value": 228.75,
        "observedAt": "2026-03-01T12:00:00Z",
        "unitCode": "C62",
    }
    (noise,) = entities(message("noise-meter", readings([NOON], noise_laeq=[60])))
    span = [noise[name]["value"]["@value"] for name in ("dateObservedFrom", "dateObservedTo")]
    assert span == ["2026-03-01T11:45:00Z", "2026-03-01T12:00:00Z"]


def test_names_in_thai_and_places_are_told() -> None:
    (entity,) = entities(message("weather", readings([NOON], rain=[0])))
    assert entity["address"]["value"] == {"addressLocality": CITY.name, "addressCountry": "TH"}
    assert entity["location"]["value"]["coordinates"] == [98.9, 18.7]


def test_a_station_that_has_no_cadence_but_needs_one_is_refused_at_the_start() -> None:
    weather = STATIONS["weather"]
    still = Company("r", COMPANY.births, {CITY.id: [type(weather)(
        weather.id, weather.city, weather.pillar, weather.kind, weather.name, 0, weather.indicators
    )]})  # fmt: skip
    with pytest.raises(InputError, match="wx-01 have no cadence"):
        format_of("ngsi-ld")(still)


def test_no_two_indicators_share_an_attribute_and_every_model_has_a_context() -> None:
    own = [attribute_of(name) for name in indicators() if attribute_of(name).model != KPI]
    assert len({(one.model, one.attribute) for one in own}) == len(own)
    assert {one.model for one in own} | {KPI} == set(models())
    assert all(len(context_of(model)) == 2 for model in models())
    assert Attribute("m", "a").counted(3.0, 900) == 3.0
