"""The command line: options and environment variables in, exit codes out (0 done, 1 the answer is no, 2 bad input).

A module here holds the commands of one kind; `main` runs the one that is asked for.
"""

from __future__ import annotations

import logging
import sys

import typer

from collector.language.errors import NakhonError
from nakhon.cli import collecting, comparing, knowing, saying
from nakhon.cli.application import app
from nakhon.console import told

__all__ = ["app", "collecting", "comparing", "knowing", "main", "saying"]


def main() -> None:
    """Run the command and exit with its code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except NakhonError as error:
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
