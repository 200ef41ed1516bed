"""The two places where words go: what was asked for on standard output, everything else on standard error."""

from __future__ import annotations

import sys

from rich.console import Console

told = Console(stderr=True, highlight=False)
shown = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
