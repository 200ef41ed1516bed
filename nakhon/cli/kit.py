"""The command that prints the configuration of consumers and brokers: kit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakhon.cli.application import app
from nakhon.terminal.console import told


@app.command(epilog="Example: nakhon kit telegraf demo --out telegraf")
def kit(
    name: Annotated[str, typer.Argument(help="telegraf, node-red, home-assistant, emqx, mosquitto or fiware")],
    scenario: Annotated[str, typer.Argument(help="a scenario file, or the name of a shipped one")] = "demo",
    broker: Annotated[str, typer.Option(help="where the consumer finds the broker")] = "mqtt://localhost:1883",
    out: Annotated[Path | None, typer.Option(help="write the files into this folder instead of printing them")] = None,
) -> None:
    """Print the configuration of a consumer or broker for what a scenario says."""
    from collector.language.broker import parse_broker
    from nakhon.kit import kit_of, printed, write
    from simulator.scenario import load_scenario

    made = kit_of(name, load_scenario(scenario), parse_broker(broker))
    told.print(f"{made.name}: {made.label}\n{made.about}", markup=False, soft_wrap=True)
    if out is None:
        print(printed(made), end="")
        return
    for path in write(made, out):
        told.print(f"wrote {path}", markup=False)
