"""Programs of npm: installed once, for all tests and all their runs in this tree."""

from __future__ import annotations

import fcntl
import re
import subprocess
from pathlib import Path

import pytest
from parts import need


def installed(package: str, config: pytest.Config, folder: Path) -> Path:
    """The folder with the `node_modules` of a package: in pytest's cache, or without one in the test's own folder."""
    need("node")
    cache = getattr(config, "cache", None)
    place = folder if cache is None else cache.mkdir("npm") / re.sub(r"\W+", "-", package).strip("-")
    place.mkdir(exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes at the same time waits for the first
        if not (place / "installed").exists():
            _install(package, place)
            (place / "installed").touch()
    return place


def _install(package: str, place: Path) -> None:
    command = (need("npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", package)
    try:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=240)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm has not installed {package} in 240 s")
    if done.returncode:
        pytest.skip(f"npm cannot install {package}: {done.stderr[-200:]}")
