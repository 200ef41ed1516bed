"""The commands that describe what is said, for programs: asyncapi."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from collector.language.errors import InputError
from nakhon.cli.application import app
from nakhon.terminal.console import told


@app.command(epilog="Example: nakhon asyncapi demo --out asyncapi.json")
def asyncapi(
    scenario: Annotated[str, typer.Argument(help="a scenario file, or the name of a shipped one")] = "demo",
    name: Annotated[str, typer.Option("--format", help="payload format")] = "wire",
    out: Annotated[Path | None, typer.Option(help="write the document here instead of printing it")] = None,
    schemas: Annotated[Path | None, typer.Option(help="write the JSON Schemas into this folder instead")] = None,
) -> None:
    """Describe what a scenario publishes: an AsyncAPI 3.0 document, or JSON Schemas."""
    from nakhon.documents.asyncapi import describe, write_schemas
    from simulator.scenario import load_scenario

    if schemas is not None:
        if out is not None:
            raise InputError("--schemas writes JSON Schemas and --out the document: give one of them")
        told.print(f"wrote {len(write_schemas(schemas))} JSON Schemas into {schemas}")
        return
    text = json.dumps(describe(load_scenario(scenario), name), indent=1, ensure_ascii=False)
    if out is None:
        print(text)
        return
    try:
        out.write_text(text + "\n", "utf-8")
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from None
    told.print(f"wrote {out}")
