"""The command line: options and environment variables in, exit codes out (0 done, 1 the answer is no, 2 bad input).

A module here holds the commands of one kind; `main` runs the one that is asked for.
"""

from __future__ import annotations

import logging
import sys

import typer

from collector.language.errors import NakhonError
from collector.stores.secrets import provide
from nakhon.cli import (
    accepting,
    alerts,
    auditing,
    benchmarking,
    chaos,
    collecting,
    comparing,
    describing,
    experiments,
    exporting,
    fault,
    importing,
    keeping,
    kit,
    knowing,
    league,
    quality,
    recording,
    rejected,
    reporting,
    saying,
    scenarios,
    solving,
)
from nakhon.cli.application import app
from nakhon.cli.options import hidden, secrets
from nakhon.cli.starting import leave_out_pandas
from nakhon.terminal import logs
from nakhon.terminal.console import told

__all__ = [
    "accepting",
    "alerts",
    "app",
    "auditing",
    "benchmarking",
    "chaos",
    "collecting",
    "comparing",
    "describing",
    "experiments",
    "exporting",
    "fault",
    "importing",
    "keeping",
    "kit",
    "knowing",
    "league",
    "main",
    "quality",
    "recording",
    "rejected",
    "reporting",
    "saying",
    "scenarios",
    "solving",
]

log = logging.getLogger("nakhon")


def main() -> None:
    """Run the command and exit with its code."""
    leave_out_pandas()
    try:
        known = secrets()
        provide(known)
        logs.set_up(secrets=hidden(known))
        sys.exit(app(standalone_mode=False) or 0)
    except NakhonError as error:
        if logs.structured():
            log.error("%s", error, extra={"event": "ended: bad input, or something cannot be reached"})
        else:
            told.print(f"nakhon: {error}", style="red", markup=False)
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        told.print("nakhon: ended at once")
        sys.exit(130)
    except Exception as error:
        if not hasattr(error, "format_message"):  # what typer says of wrong options, whichever click it is built on
            raise
        told.print(f"nakhon: {error.format_message()}; see nakhon --help", style="red", markup=False)
        sys.exit(2)
