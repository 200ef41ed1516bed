"""Options that several commands have, and what they stand for."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collector.language.broker import Broker, parse_broker
from collector.language.errors import InputError

BrokerOption = Annotated[str, typer.Option("--broker", help="mqtt://host:1883 or mqtts://host:8883", show_default=True)]


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
    str | None, typer.Option("--store", help="duckdb://FILE (three slashes before an absolute path)")
]
ApiOption = Annotated[str | None, typer.Option("--api", help="a running collector: http://localhost:8080")]
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
        username=os.environ.get("NAKHON_MQTT_USERNAME"),
        password=os.environ.get("NAKHON_MQTT_PASSWORD"),
        authority=str(authority) if authority else None,
        certificate=str(certificate) if certificate else None,
        key=str(key) if key else None,
    )


def source_of(store: str | None, api: str | None) -> str:
    """The URL to read from: a store or a running collector, exactly one."""
    if (store is None) == (api is None):
        raise InputError("expected either --store duckdb://FILE or --api http://HOST:PORT")
    return store or api or ""
