"""Mapping files: every error at once, paths and names and units as they are meant; the shipped ones can be read."""

import json
import logging
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.language.errors import InputError, PayloadError
from collector.language.topics import is_segment
from collector.mapping.names import parse_pattern, parse_template, station_id
from collector.mapping.paths import ABSENT, document, leaves, look_up, parse_path, written
from collector.mapping.rules import parse_mapping
from collector.mapping.times import check_ahead, time_reader
from collector.mapping.units import conversion
from nakhon.checking import check
from nakhon.mapping import load_mapping, names_mapping, shipped_mappings, try_mapping

WRONG = """
run = "My Devices"
colour = 1
[[city]]
id = "x"
name = "X"
country = "TH"
latitude = 95.0
longitude = 1.0
timezone = "Asia/Bankok"
[[device]]
topic = "tele/{station/SENSOR"
city = "chang-mai"
tme = "Time"
format = "isoo"
cadence = "5 minutes"
[device.columns]
"A..B" = "pm25"
T = { indicator = "air_temprature" }
H = { indicator = "air_temperature", unit = "%" }
P = { indicator = "pm25", sale = 2 }
[[device]]
topic = "a/{station}"
time = "t"
columns = {}
"""

DEVICE = '[[device]]\ntopic="a/{s}"\ncity="rayong"\ntime="t"\n'


def test_every_error_of_a_file_is_told_at_once_with_its_path_and_what_was_meant(tmp_path: Path) -> None:
    (tmp_path / "devices.toml").write_text(WRONG)
    with pytest.raises(InputError) as told:
        load_mapping(str(tmp_path / "devices.toml"))
    for line in (
        "run: expected lower-case letters",
        "colour: no such key",
        "city.0.latitude: ",
        "city.0.timezone: no IANA zone 'Asia/Bankok'",
        "device.0.topic: expected parts such as {station}",
        "device.0.city: no city 'chang-mai'; did you mean chiang-mai?",
        "device.0.tme: no such key; did you mean time?",
        "device.0.time: missing; expected the path of the time",
        "device.0.format: expected iso, s, ms, us, ns",
        "device.0.cadence: expected a time such as 30s, 5min",
        "device.0.columns.A..B: expected a path",
        "did you mean air_temperature?",
        "expected a unit that converts to Cel (Cel, K, [degF]), came '%'",
        "sale: no such key; did you mean scale?",
        "device.1.city: missing",
        "device.1.columns: ",
    ):
        assert line in str(told.value), str(told.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "at least one \\[\\[device\\]\\]"),
        ("[[device", "is not TOML"),
        ("device = 3", "device"),
        (f'{DEVICE}columns={{a="pm25"}}\nsession="x"', "session and number"),
        (f'{DEVICE}columns={{a={{indicator="pm25",unit="mg/m3",scale=2}}}}', "either a unit"),
        (f'{DEVICE}columns={{a="pm25"}}\nstation="{{"', "station: expected a text"),
        ('[[device]]\ntopic="a/#/b"\ncity="rayong"\ntime="t"\ncolumns={a="pm25"}', "only at the end"),
        ('[[device]]\ntopic="a/{s}/{s}"\ncity="rayong"\ntime="t"\ncolumns={a="pm25"}', "every part"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "devices.toml").write_text(text)
    with pytest.raises(InputError, match=reason):
        load_mapping(str(tmp_path / "devices.toml"))


@pytest.mark.parametrize("name", shipped_mappings())
def test_a_shipped_mapping_can_be_used_for_any_city_of_the_catalogue(name: str) -> None:
    mapping = load_mapping(f"{name}@khon-kaen")
    assert mapping.rules
    assert mapping.title
    assert {rule.city.text for rule in mapping.rules} == {"khon-kaen"}
    assert names_mapping(f"{name}@khon-kaen")
    with pytest.raises(InputError, match="MAPPING@CITY"):
        load_mapping(name)
    with pytest.raises(InputError, match="did you mean khon-kaen"):
        load_mapping(f"{name}@khon-kean")


def test_a_city_that_the_catalogue_lacks_is_described_in_the_file() -> None:
    text = """
[[city]]
id = "springfield"
name = "Springfield"
country = "US"
latitude = 39.8
longitude = -89.6
timezone = "America/Chicago"
[[device]]
topic = "a/{station}"
city = "springfield"
time = "t"
columns = { a = "pm25" }
"""
    assert parse_mapping(text, "own").cities["springfield"].timezone == "America/Chicago"


@given(st.text(min_size=1, max_size=80), st.text(min_size=1, max_size=80))
def test_two_names_of_devices_never_have_one_id(one: str, other: str) -> None:
    first, second = station_id(one, (one,)), station_id(other, (other,))
    assert is_segment(first)
    assert (first == second) == (one == other)
    assert station_id(first, (first,)) == first or first != one


@given(st.text("ab-", min_size=1, max_size=4), st.text("ab-", min_size=1, max_size=4), st.text("ab-", max_size=4))
def test_names_of_several_parts_never_fall_together(one: str, other: str, third: str) -> None:
    left, right = (f"{one}-{third}", other), (one, f"{third}-{other}")
    assert (station_id("-".join(left), left) == station_id("-".join(right), right)) == (left == right)


def test_names_that_differ_only_in_case_spaces_or_accents_stay_apart() -> None:
    names = [
        "Living Room/2",
        "living room/2",
        "Living-Room-2",
        "living-room-2",
        "Líving Room/2",
        "ห้อง",
        "房间",
        "status",
    ]
    ids = [station_id(name, (name,)) for name in names]
    assert len(set(ids)) == len(names)
    assert ids[3] == "living-room-2"
    assert ids[0].startswith("living-room-2-")


def test_a_topic_gives_its_parts() -> None:
    pattern = parse_pattern("v3/{application}@{tenant}/devices/{station}/up")
    assert pattern.filter == "v3/+/devices/+/up"
    assert pattern.match("v3/air@ttn/devices/eui-1/up") == {"application": "air", "tenant": "ttn", "station": "eui-1"}
    assert pattern.match("v3/air@ttn/devices/eui-1/down") is None
    assert parse_pattern("zigbee2mqtt/{station#}").match("zigbee2mqtt/kitchen/floor") == {"station": "kitchen/floor"}
    assert parse_pattern("zigbee2mqtt/{station#}").filter == "zigbee2mqtt/#"
    assert parse_pattern("a.b/+/{station}").match("axb/c/d") is None


def test_a_template_takes_parts_of_the_topic_and_paths_of_the_payload() -> None:
    template = parse_template("{model}-{id}", parse_pattern("rtl_433/{id}/events"))
    values = template.values({"id": "7"}, {"model": "Bresser"}, {})
    assert template.render(values) == "Bresser-7"
    with pytest.raises(PayloadError, match="a name at model, came nothing"):
        template.values({"id": "7"}, {}, {})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", 1),
        ('a["c.d"]', 2),
        ("a['c.d']", 2),
        ("list[1].x", 4),
        ("temperature:0", 5),
        ("a.none", ABSENT),
        ("list[9]", ABSENT),
    ],
)
def test_a_path_names_one_value(path: str, value: object) -> None:
    told = {"a": {"b": 1, "c.d": 2}, "list": [{"x": 3}, {"x": 4}], "temperature:0": 5}
    assert look_up(told, parse_path(path)) == value
    assert parse_path(written(parse_path(path))) == parse_path(path)


@given(st.text(max_size=20))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    try:
        assert parse_path(written(parse_path(text))) == parse_path(text)
    except InputError:
        assert not re.fullmatch(r"\w+", text)


def test_leaves_tell_each_form_once() -> None:
    told = {"a": {"b": 1, "c": None}, "list": [{"x": 3}, {"x": 4}], "empty": {}}
    assert sorted(written(leaf) for leaf in leaves(told)) == ["a.b", "a.c", "list[].x"]


def test_a_payload_that_is_no_object_is_a_value() -> None:
    assert document(b" 23.5") == {"value": 23.5}
    assert document(b"[1, 2]") == {"value": [1, 2]}
    for nonsense in (b"", b'1, "x": 2', b"1} {", b"nan"):
        with pytest.raises(PayloadError):
            document(nonsense)


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        (68, "[degF]", "Cel", 20.0),
        (0, "K", "Cel", -273.15),
        (36, "km/h", "m/s", 10.0),
        (0.05, "mg/m3", "ug/m3", 50.0),
        (10, "[kn_i]", "m/s", 5.144444),
        (1, "[in_i]/h", "mm/h", 25.4),
        (24, "mm/d", "mm/h", 1.0),
        (0.5, "1", "%", 50.0),
        (150, "cm", "m", 1.5),
        (2500, "kW", "MW", 2.5),
        (1, "[ppm]", "[ppb]", 1000.0),
        (90, "min", "h", 1.5),
        (12.345678912, "Cel", "Cel", 12.345678912),
    ],
)
def test_units_convert_by_their_definitions(value: float, unit: str, to: str, expected: float) -> None:
    assert conversion(unit, to)(value) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("unit", "to"), [("Cel", "%"), ("ug/m3", "[ppb]"), ("degF", "Cel"), ("", "1"), ("x", "y")])
def test_units_of_other_dimensions_are_refused(unit: str, to: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"converts to {to}")):
        conversion(unit, to)


@pytest.mark.parametrize(
    ("form", "told", "epoch"),
    [
        ("iso", "2018-03-02T18:25:03", 1_519_989_903),
        ("iso", "2020-02-26T20:44:09+01:00", 1_582_746_249),
        ("iso", "2024-01-21T16:31:55.513418143Z", 1_705_854_715),
        ("s", 1_680_962_879.62, 1_680_962_879),
        ("s", "1680962879", 1_680_962_879),
        ("ms", 1_680_962_879_620, 1_680_962_879),
        ("ns", 10**18 + 1, 10**9),
        ("us", 1_680_962_879_620_000, 1_680_962_879),
        ("%d.%m.%Y %H:%M", "02.03.2018 18:25", 1_519_989_900),
    ],
)
def test_times_are_read_as_devices_write_them(form: str, told: object, epoch: int) -> None:
    assert time_reader(form, ZoneInfo("Asia/Bangkok"))(told) == epoch


@pytest.mark.parametrize(
    ("form", "told", "reason"),
    [
        ("iso", "1970-01-01T00:00:12", "clock was not set"),
        ("s", 12, "clock was not set"),
        ("iso", 12, "came 12"),
        ("ms", 10**18, "before 2200"),
        ("s", True, "came True"),
        ("s", 10**400, "since 1970"),
        ("iso", "x" * 99, "came"),
        ("s", None, "None"),
        ("iso", "yesterday", "yesterday"),
    ],
)
def test_a_time_that_cannot_be_is_refused(form: str, told: object, reason: str) -> None:
    with pytest.raises(PayloadError, match=reason):
        time_reader(form, ZoneInfo("UTC"))(told)
    with pytest.raises(PayloadError, match="ahead"):
        check_ahead(2_000_000_000, 1_900_000_000.0)


def test_nothing_is_logged_by_reading_a_mapping(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        load_mapping("tasmota@rayong")
    assert not caplog.records


PAYLOAD = '{"Time":"2026-03-01T07:00:00","BME280":{"Temperature":31.5,"Humidity":132},"TempUnit":"C","New\\u001b":1}\n'


def test_a_mapping_is_tried_on_a_recorded_payload(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "payload.json").write_text(PAYLOAD)
    payload = str(tmp_path / "payload.json")
    assert try_mapping("tasmota@chiang-mai", "tele/hall/SENSOR", payload, as_json=False)
    told = capsys.readouterr().out
    assert "nakhon/v1/devices/chiang-mai/environment/tasmota-hall" in told
    assert "2026-03-01T00:00:00Z  air_temperature = 31.5 °C" in told
    assert "out of its bounds" in told
    assert "left out: New\\x1b" in told
    assert try_mapping("tasmota@chiang-mai", "tele/hall/SENSOR", payload, as_json=True)
    (message,) = json.loads(capsys.readouterr().out)["messages"]
    assert message["values"] == {"air_temperature": [31.5], "relative_humidity": [132.0]}


def test_what_a_mapping_does_not_take_is_told_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "payload.json").write_text(PAYLOAD.replace("31.5", '"warm"'))
    payload = str(tmp_path / "payload.json")
    assert not try_mapping("tasmota@chiang-mai", "tele/hall/SENSOR", payload, as_json=False)
    assert "rejected: BME280.Temperature: expected a number for air_temperature" in capsys.readouterr().out
    assert not try_mapping("tasmota@chiang-mai", "other", payload, as_json=True)
    assert "the topic is none of tele/{station}/SENSOR" in json.loads(capsys.readouterr().out)["reason"]
    with pytest.raises(InputError, match="cannot read"):
        try_mapping("tasmota@chiang-mai", "other", str(tmp_path / "none"), as_json=False)
    with pytest.raises(InputError, match="did you mean tasmota"):
        load_mapping("tasmotta@chiang-mai")


def test_the_check_command_knows_a_mapping_from_a_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "devices.toml").write_text(f'{DEVICE}station = "{{s}}"\ncolumns = {{ a = "pm25" }}')
    check(str(tmp_path / "devices.toml"))
    assert "devices: 1 kinds of messages on a/{s}; pm25" in capsys.readouterr().out
    check("demo")
    assert "stations" in capsys.readouterr().out
