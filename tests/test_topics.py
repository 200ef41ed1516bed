"""Topics: what is ours parses to its address and back, everything else is a TopicError."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.language.errors import TopicError
from collector.language.topics import RESERVED, Address, CityAddress, Kind, parse_topic

segments = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True).filter(lambda text: text not in RESERVED)


@given(st.builds(Address, segments, segments, segments, segments, st.sampled_from(Kind)))
def test_the_topic_of_a_station_parses_to_its_address(address: Address) -> None:
    assert parse_topic(address.topic) == address


@given(st.builds(CityAddress, segments, segments))
def test_the_status_topic_of_a_city_parses_to_its_address(address: CityAddress) -> None:
    assert parse_topic(address.topic) == address


@given(st.text(max_size=80))
def test_any_other_text_raises_only_a_topic_error(text: str) -> None:
    for topic in (text, f"nakhon/v1/{text}", f"nakhon/v1/run/city/{text}"):
        try:
            parse_topic(topic)
        except TopicError:
            pass


@pytest.mark.parametrize(
    "topic",
    [
        "nakhon/v1/run/control",
        "nakhon/v1/run/committed",
        "nakhon/v1/run/city/status/status",
        "nakhon/v1/run/city/environment/station/readings",
        "nakhon/v1/run/city/environment/station/status/extra",
        "nakhon/v2/run/city/environment/station",
        "nakhon/v1/Run/city/environment/station",
        "nakhon/v1/run/-city/environment/station",
        "nakhon/v1/run/city/environment/events",
        "nakhon/v1/run//environment/station",
        "nakhon/v1/run/city/environment/" + "a" * 64,
        "nakhon/v1/run/city/environment/สถานี",
    ],
)
def test_what_is_no_station_is_refused(topic: str) -> None:
    with pytest.raises(TopicError):
        parse_topic(topic)
