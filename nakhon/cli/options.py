"""Options that several commands have, and what they stand for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collector.language.broker import Broker, parse_broker
from collector.language.errors import InputError
from collector.stores.secrets import secret

SECRETS = (
    "NAKHON_MQTT_USERNAME",
    "NAKHON_MQTT_PASSWORD",
    "NAKHON_API_TOKEN",
    "NAKHON_API_CONTROL_TOKEN",
    "NAKHON_INFLUX_TOKEN",
    "NAKHON_POSTGRES_PASSWORD",
    "NAKHON_SINK_TOKEN",
    "NAKHON_ALERTS_TOKEN",
)
LARGEST_SECRET = 4096

BrokerOption = Annotated[
    str,
    typer.Option("--broker", help="mqtt://host:1883, mqtts://host:8883, ws://host/path or wss://", show_default=True),
]


class Version(StrEnum):
    """Versions of MQTT."""

    FIVE = "5"
    FOUR = "3.1.1"


ProtocolOption = Annotated[Version, typer.Option("--mqtt", help="MQTT version")]
AuthorityOption = Annotated[
    Path | None, typer.Option("--ca", help="PEM file of the authority that vouches for the broker")
]
CertificateOption = Annotated[Path | None, typer.Option("--cert", help="PEM file of our own certificate")]
KeyOption = Annotated[Path | None, typer.Option("--key", help="PEM file of its key")]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="duckdb://FILE (three slashes before an absolute path), ducklake:postgres://..., influxdb://... or "
        "parquet://DIRECTORY (results of an experiment)",
    ),
]
ApiOption = Annotated[
    str | None, typer.Option("--api", help="a running collector: http://localhost:8080 (its token: NAKHON_API_TOKEN)")
]
TargetOption = Annotated[
    str, typer.Option("--broker", help="mqtt://host:1883, mqtts://host:8883, embedded, or none (with --store)")
]
PaceOption = Annotated[str, typer.Option(help="max, realtime, or simulated seconds a second")]
RunOption = Annotated[str | None, typer.Option(help="name of the run (made up by default)")]
LedgerOption = Annotated[Path | None, typer.Option(help="write down every message, for nakhon audit")]
PackOption = Annotated[int, typer.Option(min=1, max=2000, help="ticks in a message of readings")]
QosOption = Annotated[int, typer.Option(min=0, max=2, help="quality of service of messages")]
WindowOption = Annotated[int, typer.Option(min=1, max=100_000, help="messages ahead of what the collector has stored")]
LimitOption = Annotated[str | None, typer.Option("--for", help="end by itself after a time, such as 60s")]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON, for programs")]


def broker_of(
    url: str,
    protocol: str = "5",
    authority: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
) -> Broker:
    """The broker behind the options; user and password come from the environment."""
    return parse_broker(
        url,
        protocol=protocol,
        username=secret("NAKHON_MQTT_USERNAME"),
        password=secret("NAKHON_MQTT_PASSWORD"),
        authority=str(authority) if authority else None,
        certificate=str(certificate) if certificate else None,
        key=str(key) if key else None,
    )


def source_of(store: str | None, api: str | None) -> str:
    """The URL to read from: a store or a running collector, exactly one."""
    if (store is None) == (api is None):
        raise InputError("expected either --store duckdb://FILE or --api http://HOST:PORT")
    return store or api or ""


def environment() -> Mapping[str, str]:
    """All variables of the environment."""
    return os.environ


def secrets() -> dict[str, str]:
    """The secrets that are set: variables, or files of that name in $CREDENTIALS_DIRECTORY (systemd, containers)."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    found = {name: os.environ.get(name) or _credential(folder, name) for name in SECRETS}
    return {name: value for name, value in found.items() if value}


def hidden(known: Mapping[str, str]) -> list[str]:
    """The secrets that no log may show; a name of a user is none."""
    return [value for name, value in known.items() if not name.endswith("USERNAME")]


def _credential(folder: str | None, name: str) -> str:
    if not folder:
        return ""
    file = Path(folder, name)
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(LARGEST_SECRET + 1)
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the secret {file}: {type(error).__name__}; expected a text") from None
    if len(text) > LARGEST_SECRET:
        raise InputError(f"expected at most {LARGEST_SECRET} characters in the secret {file}")
    return text.strip()
