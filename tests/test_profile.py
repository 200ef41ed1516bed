"""Births and wills: round trip, and nothing else than a PayloadError for what is not one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.language.errors import PayloadError
from collector.language.indicators import Origin
from collector.language.profile import CityProfile, StationProfile, Status, decode_status, encode_status

CITY = CityProfile("chiang-mai", "Chiang Mai", "TH", 18.79, 98.98, "Asia/Bangkok", 127_240, "municipality")
STATION = StationProfile(
    "aq-01", "chiang-mai", "environment", "air-quality", "เครื่องวัด 1", 900, ("pm25",), 18.8, 98.9, {"pm25": "measured"}
)


@pytest.mark.parametrize("profile", [CITY, STATION, None])
def test_a_birth_survives_the_wire(profile: CityProfile | StationProfile | None) -> None:
    status = Status(True, "9f3c", profile, Origin.SIMULATED, "demo", "abc")
    assert decode_status(encode_status(status)) == status


def test_the_will_of_a_birth_keeps_its_session_only() -> None:
    will = Status(True, "9f3c", CITY, Origin.MEASURED).offline()
    assert encode_status(will) == b'{"online":false,"session":"9f3c"}'


@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_but_a_payload_error(payload: bytes) -> None:
    try:
        decode_status(payload)
    except PayloadError:
        pass


@pytest.mark.parametrize(
    "payload",
    [
        b'{"online":true}',
        b'{"online":"yes please","session":"a"}',
        b'{"online":true,"session":"a","city":{"id":"x","name":"x","country":"TH","latitude":91,"longitude":0,'
        b'"timezone":"UTC"}}',
        b'{"online":true,"session":"a","origin":"invented"}',
    ],
)
def test_a_wrong_birth_is_refused(payload: bytes) -> None:
    with pytest.raises(PayloadError):
        decode_status(payload)
