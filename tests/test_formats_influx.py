"""Line protocol: an independent parser reads every reading, event and revision."""

from __future__ import annotations

from typing import Any

import pytest
from format_samples import NOON, any_event, any_readings, any_statistic, facts, few, message, opened, readings, say
from hypothesis import given
from line_protocol_parser import parse_line

from collector.language.messages import Event, Message, Readings, Statistic

PLACE = {"city": "chiang-mai", "run": "demo"}


def lines(told: Message) -> list[dict[str, Any]]:
    """What a parser makes of a message."""
    return [parse_line(line) for _, sent in say(opened("influx"), told) for line in sent.payload.decode().split("\n")]


@few
@given(told=any_readings())
def test_every_reading_survives_and_missing_ones_are_left_out(told: tuple[str, Readings]) -> None:
    kind, body = told
    found = set()
    for line in lines(message(kind, body)):
        assert line["measurement"] == "readings"
        assert line["tags"].items() >= PLACE.items()
        assert (line["fields"].pop("session"), line["fields"].pop("seq")) == ("9f3c21", 7)
        epoch, rest = divmod(line["time"], 1_000_000_000)
        assert rest == 0
        found |= {(name, epoch, value) for name, value in line["fields"].items()}
    assert found == facts(body)


@few
@given(event=any_event)
def test_an_event_survives_but_for_its_fields_without_a_value(event: Event) -> None:
    (line,) = lines(message("service-desk", event))
    assert line["tags"] == PLACE | {"pillar": "governance", "station": "sd-01", "id": event.id, "type": event.type}
    assert (line["fields"].pop("session"), line["fields"].pop("seq")) == ("9f3c21", 7)
    assert line["fields"] == {name: value for name, value in event.fields.items() if value is not None}
    assert line["time"] == int(event.time.astype(int)) * 1_000_000_000


@few
@given(told=any_statistic)
def test_a_statistic_survives_with_its_period_and_revision_in_the_key(told: Statistic) -> None:
    (line,) = lines(message("statistics-office", told))
    key = {"indicator": told.indicator, "period": told.period, "revision": str(told.revision)}
    assert line["tags"].items() >= key.items()
    assert line["fields"]["value"] == told.value


def test_what_it_looks_like() -> None:
    told = message("air-quality", readings([NOON, NOON + 900], pm25=[83.2, float("nan")], pm10=[120.1, 118.4]))
    ((_, sent),) = say(opened("influx"), told)
    key = "readings,city=chiang-mai,pillar=environment,run=demo,station=aq-01"
    assert sent.payload.decode() == (
        f'{key} pm25=83.2,pm10=120.1,session="9f3c21",seq=7i 1772366400000000000\n'
        f'{key} pm10=118.4,session="9f3c21",seq=7i 1772367300000000000'
    )
    assert sent.topic == "nakhon/influx/demo/chiang-mai/environment/aq-01"


@pytest.mark.parametrize("seq", [7, None])
def test_a_line_never_lacks_a_field(seq: int | None) -> None:
    missing = message("air-quality", readings([NOON], pm25=[float("nan")]), seq)
    assert len(lines(missing)) == (0 if seq is None else 1)
    bare = message("service-desk", Event(readings([NOON], x=[0]).times[0], "a", "permit.decided"), seq)
    assert len(lines(bare)) == 1
