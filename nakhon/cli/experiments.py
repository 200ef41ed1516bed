"""The commands for experiments: experiment run|status|check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakhon.cli.application import app
from nakhon.cli.options import JsonOption

experiment = typer.Typer(no_args_is_help=True, help="Run experiments: many replications of the variants of a scenario.")
app.add_typer(experiment, name="experiment")

FileArgument = Annotated[str, typer.Argument(help="an experiment file (TOML), or the name of a shipped one")]
DirectoryArgument = Annotated[Path, typer.Argument(help="the directory with the results")]


@experiment.command(epilog="Example: nakhon experiment run burning-ban --into results")
def run(
    file: FileArgument,
    into: Annotated[Path, typer.Option(help="the directory for the results; goes on where it was interrupted")],
    workers: Annotated[int | None, typer.Option(min=1, max=1_000, help="processes (all cores by default)")] = None,
    dask: Annotated[str | None, typer.Option(help="run on the cluster of a scheduler: tcp://host:8786")] = None,
    replications: Annotated[int | None, typer.Option(min=1, help="in place of those of the file")] = None,
) -> None:
    """Run what is missing of an experiment; runs that are finished are never repeated.

    Exit code 0: all runs are done; 1: some failed; 2: bad input; 130: interrupted.
    """
    from nakhon.experimenting import run as running
    from nakhon.validating.validate import cores

    if workers is not None and dask is not None:
        raise typer.BadParameter("expected either --workers or --dask")
    raise typer.Exit(running.run(file, into, workers or cores(), dask, replications))


@experiment.command(epilog="Example: nakhon experiment status results")
def status(directory: DirectoryArgument, as_json: JsonOption = False) -> None:
    """Show which runs are pending, running, done, or failed with which error.

    Exit code 0: all are done; 1: not yet; 2: bad input.
    """
    from nakhon.experimenting import status as telling

    raise typer.Exit(0 if telling.status(directory, as_json=as_json) else 1)


@experiment.command(epilog="Example: nakhon experiment check burning-ban")
def check(file: FileArgument) -> None:
    """Check an experiment file and show what it would run: every error at once, with its place."""
    from nakhon.experimenting import run as running

    running.check(file)
