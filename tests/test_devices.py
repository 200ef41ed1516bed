"""Devices: recorded payloads become readings of stations; what does not fit is refused by the name of its path."""

import contextlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.intake.decoder import Heard
from collector.intake.ingest import Delivery, Ingest
from collector.language.errors import PayloadError, WireError
from collector.language.indicators import Origin
from collector.language.messages import Readings
from collector.language.time import format_times
from collector.mapping.devices import Devices, Names
from collector.mapping.rules import parse_mapping
from collector.serving.metrics import Metrics
from collector.stores import open_store
from collector.stores.protocol import Fate, Selection
from nakhon.mapping import load_mapping
from nakhon.mending import replay
from nakhon.rejected import Choice

RECORDINGS = Path(__file__).parent / "recordings"
NOW = 1_780_000_000.0
CITY = """
[[city]]
id = "town"
name = "Town"
country = "MM"
latitude = 16.8
longitude = 96.2
timezone = "Asia/Yangon"
"""


def recorded(family: str) -> list[tuple[str, bytes]]:
    rows = [json.loads(line) for line in (RECORDINGS / f"{family}.jsonl").read_text("utf-8").splitlines()]
    return [(row["topic"], row["payload"].encode()) for row in rows]


def own(rule: str, more: str = "", names: Names | None = None, name: str = "own") -> Devices:
    table = f'{CITY}[[device]]\ntopic = "a/{{station}}"\ncity = "town"\n{rule}\n{more}'
    return Devices(parse_mapping(table, name), names)


def said(devices: Devices, told: object, topic: str = "a/x", received: float | None = NOW) -> list[tuple[object, ...]]:
    heard = devices.decode(topic, json.dumps(told).encode(), received)
    assert heard is not None
    return values(heard)


def values(heard: Heard) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for message in heard.messages:
        assert isinstance(message.body, Readings)
        columns = {name: column.tolist() for name, column in message.body.columns.items()}
        found.append((message.address.station, format_times(message.body.times), columns))
    return found


def outcomes(family: str) -> list[object]:
    devices = Devices(load_mapping(f"{family}@chiang-mai"))
    found: list[object] = []
    for topic, payload in recorded(family):
        try:
            heard = devices.decode(topic, payload, NOW)
            found.append(None if heard is None else [one[1:] for one in values(heard)])
        except WireError as error:
            found.append(str(error))
    return found


def test_recorded_messages_of_tasmota_become_readings_in_the_citys_time_and_the_catalogues_units() -> None:
    first, state, second, fahrenheit, plug = outcomes("tasmota")
    assert first == [(["2018-03-02T11:25:03Z"], {"air_temperature": [22.6], "relative_humidity": [32.4]})]
    assert second == [(["2018-03-02T11:30:10Z"], {"air_temperature": [22.6], "relative_humidity": [32.4]})]
    assert state is None
    told = {"pm25": [8.0], "pm10": [8.0], "air_temperature": [20.888889], "relative_humidity": [46.9]}
    assert fahrenheit == [(["2022-10-31T04:53:07Z"], told)]
    assert plug == []


def test_recorded_messages_of_zigbee2mqtt_need_a_time() -> None:
    aqara, contact, xiaomi, ikea = outcomes("zigbee2mqtt")
    assert aqara == ikea == "last_seen: expected a time, came nothing"
    assert contact == []
    assert xiaomi == [(["2020-02-26T19:44:09Z"], {"air_temperature": [16.0]})]


def test_recorded_uplinks_of_the_things_network_become_readings() -> None:
    first, second, document = outcomes("the-things-network")
    told = {"air_temperature": [1.8], "relative_humidity": [35.0], "wind_speed": [0.0], "rain": [0.0]}
    assert first == [(["2024-01-21T16:31:55Z"], told)]
    assert second == [(["2024-01-24T20:43:56Z"], told | {"air_temperature": [6.5], "relative_humidity": [66.0]})]
    assert document == [(["2020-02-12T15:15:46Z"], {"air_temperature": [1.0]})]


def test_a_recorded_message_of_a_shelly_becomes_readings() -> None:
    (found,) = outcomes("shelly")
    assert found == [(["2023-04-08T14:07:59Z"], {"air_temperature": [19.8], "relative_humidity": [42.2]})]


def test_a_city_and_a_station_are_born_once_with_what_is_known_of_them() -> None:
    rule = 'time = "received"\nkind = "mast"\ncadence = "5min"\ncolumns = { t = "air_temperature", p = "pm25" }'
    place = '[[station]]\ndevice = "Hall 1"\nid = "hall"\nname = "Town hall"\nlatitude = 16.9\nlongitude = 96.1'
    devices = own(rule, place)
    births = [devices.decode("a/Hall 1", payload, NOW).births for payload in (b'{"t": 1}', b'{"t": 2}', b'{"p": 3}')]  # type: ignore[union-attr]
    assert [len(one) for one in births] == [2, 0, 1]
    (_, city), (address, station) = births[0]
    assert (city.origin, station.origin) == (Origin.MEASURED, Origin.MEASURED)
    assert address.topic == "nakhon/v1/devices/town/environment/hall"
    assert station.profile is not None
    assert (station.profile.name, station.profile.latitude) == ("Town hall", 16.9)  # type: ignore[union-attr]
    assert births[2][0][1].profile.indicators == ("air_temperature", "pm25")  # type: ignore[union-attr]


def test_a_field_that_no_rule_speaks_of_is_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    devices = own('time = "received"\ncolumns = { t = "air_temperature" }\nignore = ["wifi"]')
    with caplog.at_level(logging.INFO):
        for rssi in (1, 2, 3):
            said(devices, {"t": 1, "co2": 400, "a\u001b[31m": 1, "wifi": {"rssi": rssi}})
    assert devices.unmapped == {"co2": 3, '["a\u001b[31m"]': 3}
    (record,) = caplog.records
    assert "co2" in record.getMessage()
    assert "\u001b" not in record.getMessage()


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"time": "2026-03-01T00:00:00Z", "t": "warm"}, "t: expected a number for air_temperature, came 'warm'"),
        ({"time": "2026-03-01T00:00:00Z", "t": True}, "t: expected a number"),
        ({"time": "2026-03-01T00:00:00Z", "t": [1]}, "t: expected a number for air_temperature, came list"),
        ({"time": "2026-03-01T00:00:00Z", "t": 10**400}, "t: expected a number"),
        ({"time": "2026-03-01T00:00:00Z", "t": "inf"}, "t: expected a number"),
        ({"time": "1970-01-01T00:00:12Z", "t": 1}, "time: the time is before 2000"),
        ({"time": "2027-03-01T00:00:00Z", "t": 1}, "time: the device's clock is over a day ahead"),
        ({"t": 1}, "time: expected a time, came nothing"),
        ({"time": "2026-03-01T00:00:00Z", "x": 1}, "expected a value at one of t, came none"),
        (["t"], "expected a value at one of t"),
        ({"time": ["2026-03-01T00:00:00Z", "2026-03-01T00:01:00Z"], "t": [1]}, "t: expected 2 values"),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_by_the_path(told: object, reason: str) -> None:
    with pytest.raises(PayloadError) as refused:
        said(own('time = "time"\ncolumns = { t = "air_temperature" }'), told)
    assert reason in str(refused.value)


def test_text_that_is_a_number_is_one_and_what_says_nothing_is_missing() -> None:
    devices = own('time = "received"\nmissing = ["n/a"]\ncolumns = { t = "air_temperature", h = "relative_humidity" }')
    ((_, _, told),) = said(devices, {"t": "21.50", "h": "n/a"})
    assert told["air_temperature"] == [21.5]  # type: ignore[index]
    assert str(told["relative_humidity"]) == "[nan]"  # type: ignore[index]


def test_lists_of_times_and_values_are_a_pack() -> None:
    devices = own('time = "at"\nformat = "ms"\ncolumns = { t = "air_temperature" }')
    told = {"at": [1_772_323_200_000, 1_772_323_140_000], "t": [2, 1]}
    assert said(devices, told) == [("x", ["2026-02-28T23:59:00Z", "2026-03-01T00:00:00Z"], {"air_temperature": [1, 2]})]


def test_elements_of_a_list_may_belong_to_several_stations_and_times() -> None:
    rule = 'station = "{id}"\neach = "nodes"\ntime = "at"\nformat = "s"\ncolumns = { t = "air_temperature" }'
    told = {
        "at": 1_772_323_200,
        "nodes": [{"id": "n1", "t": 1}, {"id": "n2", "t": 2}, {"id": "n1", "t": 3, "at": 1_772_323_260}],
    }
    assert said(own(rule), told) == [
        ("n1", ["2026-03-01T00:00:00Z", "2026-03-01T00:01:00Z"], {"air_temperature": [1, 3]}),
        ("n2", ["2026-03-01T00:00:00Z"], {"air_temperature": [2]}),
    ]
    told["nodes"].append({"id": "n1", "t": 4})  # type: ignore[attr-defined]
    with pytest.raises(PayloadError, match="air_temperature at t: two values in one second"):
        said(own(rule), told)


def test_conditions_choose_the_rule_and_the_value() -> None:
    rule = 'time = "received"\nwhere = { kind = "air" }\ncolumns = { v = [{ indicator = "pm25", where = { m = 1 } }] }'
    assert said(own(rule), {"kind": "air", "m": 1, "v": 8})[0][2] == {"pm25": [8.0]}
    for other in ({"kind": "door", "m": 1, "v": 8}, {"kind": "air", "m": True, "v": 8}, {"kind": "air", "v": 8}):
        with pytest.raises(PayloadError, match=r"with kind as the mapping wants"):
            said(own(rule), other)
    assert said(own(f'{rule}\nothers = "ignore"'), {"kind": "door"}) == []


def test_two_mappings_cannot_mix_up_their_devices() -> None:
    names: Names = {}
    rule = 'time = "received"\ncolumns = { t = "air_temperature" }'
    one, other = own(rule, names=names, name="one"), own(rule, names=names, name="other")
    said(one, {"t": 1})
    with pytest.raises(PayloadError, match=r'two devices would be the station x of town.*"other-\{station\}"'):
        said(other, {"t": 1})
    said(one, {"t": 2})


def test_a_device_cannot_take_the_id_that_a_table_gives_to_another() -> None:
    rule = 'time = "received"\ncolumns = { t = "air_temperature" }'
    devices = own(rule, '[[station]]\ndevice = "Hall 1"\nid = "hall"')
    assert said(devices, {"t": 1}, "a/Hall 1")[0][0] == "hall"
    assert said(devices, {"t": 1}, "a/hall")[0][0] not in ("hall", "x")


def test_a_devices_own_counter_is_evidence_of_loss(caplog: pytest.LogCaptureFixture) -> None:
    devices = own('time = "received"\ncounter = "n"\ncolumns = { t = "air_temperature" }')
    for number in (5, 6, 9, 0, 1, 1, 3):
        said(devices, {"t": 1, "n": number})
    assert devices.missed == 3
    assert "2 messages before number 9 never came" in caplog.text


def test_a_numbered_message_keeps_its_place_in_its_stream() -> None:
    rule = 'time = "received"\nsession = "boot"\nnumber = "n"\ncolumns = { t = "air_temperature" }'
    heard = own(rule).decode("a/x", b'{"boot": "b1", "n": 7, "t": 1}', NOW)
    assert heard is not None
    assert (heard.messages[0].session, heard.messages[0].seq) == ("b1", 7)
    for wrong in ({"boot": "b 1", "n": 7, "t": 1}, {"boot": "b1", "n": -1, "t": 1}, {"n": 7, "t": 1}):
        with pytest.raises(PayloadError, match=r"boot: expected|n: expected"):
            said(own(rule), wrong)


def test_a_retained_message_without_a_time_of_its_own_is_refused() -> None:
    devices = own('time = "received"\ncolumns = { t = "air_temperature" }')
    with pytest.raises(PayloadError, match="nobody knows when"):
        said(devices, {"t": 1}, received=None)


def test_a_retained_message_without_a_time_is_kept_apart_and_stays_so(tmp_path: Path) -> None:
    rule = 'time = "received"\ncolumns = { t = "air_temperature" }'
    kept = Delivery("a/x", b'{"t": 1}', NOW, retained=True)
    counts, _ = process(tmp_path, [own(rule)], [kept, kept, Delivery("a/x", b'{"t": 1}', NOW)])
    assert counts == {Fate.STORED: 1, Fate.DUPLICATE: 1, Fate.CONFLICT: 0, Fate.REJECTED: 1}
    (tmp_path / "own.toml").write_text(f'[[device]]\ntopic = "a/{{station}}"\ncity = "rayong"\n{rule}')
    assert not replay(f"duckdb://{tmp_path}/city.duckdb", Choice(), [str(tmp_path / "own.toml")], None, dry=False)


@pytest.mark.parametrize("name", ["", None, True, 1.5, "\ud800", {"a": 1}])
def test_what_cannot_be_a_name_is_refused(name: object) -> None:
    rule = 'station = "{id}"\ntime = "received"\ncolumns = { t = "air_temperature" }'
    with pytest.raises(PayloadError, match="expected a name at id"):
        said(own(rule), {"id": name, "t": 1})
    assert said(own(rule), {"id": "\u0000ห้อง", "t": 1})


def test_records_of_senml_are_mapped_by_their_names_and_converted_by_their_units() -> None:
    rule = 'payload = "senml"\nstation = "{device}"\ncolumns = { temp = "air_temperature", rh = "relative_humidity" }'
    told = [
        {"bn": "urn:dev:mac:0024befffe804ff1:", "bt": 1_772_323_200, "n": "temp", "u": "K", "v": 293.15},
        {"n": "rh", "u": "%RH", "v": 60},
        {"n": "temp", "u": "Cel", "v": 21, "t": 60},
    ]
    ((station, times, columns),) = said(own(rule), told)
    assert str(station).startswith("urn-dev-mac-0024befffe804ff1-")
    assert times == ["2026-03-01T00:00:00Z", "2026-03-01T00:01:00Z"]
    assert columns["air_temperature"] == [20.0, 21.0]  # type: ignore[index]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["t", "at", "id", "nodes", "x"]), inner)
    ),
    max_leaves=12,
)
RULES = (
    'time = "at"\ncolumns = { t = "air_temperature", x = { indicator = "pm25", unit = "mg/m3" } }',
    'time = "at"\nformat = "s"\neach = "nodes"\nstation = "{id}"\ncolumns = { t = "air_temperature" }',
    'time = "received"\ncolumns = { "nodes[0].t" = "air_temperature" }\ncounter = "x"\nothers = "ignore"',
    'payload = "senml"\ncolumns = { t = "air_temperature" }',
)


@given(JSON, st.sampled_from(RULES), st.text(min_size=1, max_size=10))
def test_whatever_comes_is_understood_or_refused(told: object, rule: str, name: str) -> None:
    with contextlib.suppress(WireError):
        heard = own(rule).decode(f"a/{name}", json.dumps(told).encode(), NOW)
        assert heard is None or all(message.values >= 0 for message in heard.messages)


@given(st.binary(max_size=60), st.sampled_from(RULES))
def test_whatever_bytes_come_are_understood_or_refused(payload: bytes, rule: str) -> None:
    with contextlib.suppress(WireError):
        assert own(rule).decode("a/x", payload, NOW) is not None


def process(
    folder: Path, devices: Sequence[Devices], deliveries: Sequence[Delivery]
) -> tuple[dict[Fate, int], Metrics]:
    store, metrics = open_store(f"duckdb://{folder}/city.duckdb"), Metrics()
    try:
        metrics.received(len(deliveries))
        Ingest(store, metrics=metrics, decoders=devices).process(deliveries)
        return store.counts("devices"), metrics
    finally:
        store.close()


def test_every_delivery_of_devices_has_one_fate_and_the_accounts_add_up(tmp_path: Path) -> None:
    rule = 'station = "{id}"\neach = "nodes"\ntime = "at"\nformat = "s"\ncolumns = { t = "air_temperature" }'

    def pack(*values: float, topic: str = "a/gateway") -> Delivery:
        nodes = [{"id": f"n{place}", "t": value} for place, value in enumerate(values)]
        return Delivery(topic, json.dumps({"at": 1_772_323_200, "nodes": nodes}).encode(), NOW)

    first, again, partly, against = pack(1, 2), pack(1, 2), pack(1, 2, 3), pack(1, 9, 3, 4)
    nothing = Delivery("a/gateway", b'{"nodes": []}', NOW)
    broken = Delivery("a/gateway", b'{"nodes": [{"id": "n0", "t": "x"}], "at": 1772323200}', NOW)
    elsewhere = Delivery("b/gateway", b"{}", NOW)
    deliveries = [first, again, partly, against, nothing, broken, elsewhere]
    counts, metrics = process(tmp_path, [own(f'{rule}\nothers = "ignore"')], deliveries)
    assert counts == {Fate.STORED: 3, Fate.DUPLICATE: 1, Fate.CONFLICT: 1, Fate.REJECTED: 1}
    assert metrics.unaccounted() == 0
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    readings = store.read(Selection(("air_temperature",))).to_pylist()
    assert sorted((row["station"], row["value"]) for row in readings) == [("n0", 1), ("n1", 2), ("n2", 3), ("n3", 4)]
    assert {row["origin"] for row in readings} == {"measured"}
    assert [profile.timezone for profile, _ in store.cities("devices")] == ["Asia/Yangon"]
    assert sorted((one.run, one.fate) for one in store.rejections()) == [
        ("", Fate.REJECTED), ("devices", Fate.CONFLICT), ("devices", Fate.REJECTED),
    ]  # fmt: skip
    store.close()
