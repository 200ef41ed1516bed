"""The command `nakhon` as people type it, run to its end."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from processes import started

PATIENCE = 280.0


def nakhon(*arguments: str, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a command came to: its exit code and what it wrote."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        around = os.environ | {"COLUMNS": "400"} | environment
        code = started(arguments, folder or Path.cwd(), around, out.fileno(), err.fileno()).wait(PATIENCE)
        told = [file.seek(0) or file.read().decode() for file in (out, err)]
    return subprocess.CompletedProcess(["nakhon", *arguments], code, *told)
