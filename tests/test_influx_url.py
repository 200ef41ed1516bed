"""The URL of an InfluxDB store, and the secrets that are not in it."""

from __future__ import annotations

import pytest

from collector.language.errors import InputError
from collector.stores.influx.url import Target, parse
from collector.stores.secrets import provide, secret


def test_a_url_names_server_organization_and_bucket() -> None:
    assert parse("influxdb://influx:9999/city/air") == Target("http://influx:9999", "city", "air")
    assert parse("influxdbs://[::1]/smart%20city/a%2Fb?create=true&retention=90d&ca=/etc/ca.pem") == Target(
        "https://[::1]:8086", "smart city", "a/b", create=True, retention=90 * 86_400, ca="/etc/ca.pem"
    )
    assert parse("influxdb://influx/city/air").accounts == "air-accounts"


@pytest.mark.parametrize(
    "url",
    [
        "influxdb://",
        "influxdb://influx:8086/city",
        "influxdb://influx:8086/city/air/more",
        "influxdb:///city/air",
        "influxdb://influx:port/city/air",
        "influxdb://influx/city/air?retention=1m",
        "influxdb://influx/city/air?create=yes",
        "influxdb://influx/city/air?dialect=prometheus",
        "influxdb://influx/city/air?shards=3",
    ],
)
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="expected"):
        parse(url)


@pytest.mark.parametrize("url", ["influxdb://me:hush@h/o/b", "influxdb://hush@h/o/b", "influxdb://h/o/b?token=hush"])
def test_a_token_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InputError, match="NAKHON_INFLUX_TOKEN") as caught:
        parse(url)
    assert "hush" not in str(caught.value)


def test_secrets_are_those_provided_last_and_blanks_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.stores.secrets._provided", {})  # put back afterwards
    provide({"A": " word ", "B": " "})
    assert (secret("A"), secret("B"), secret("C")) == ("word", None, None)
    provide({})
    assert secret("A") is None
