"""The application that the commands join."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="nakhon",
    help="Simulates the sensors and services of smart cities, publishes them over MQTT, collects every reading, "
    "compares cities and scenarios.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
