"""Chromium, where it is present: it prints pages as PDF and draws charts as pictures."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from collector.language.errors import InputError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
SECONDS = 180
THAI_FONTS = "fonts-tlwg-loma-otf (or fonts-thai-tlwg, fonts-noto-core)"
WIDTH, SCALE = 900, 2
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-extensions --virtual-time-budget=20000"
)
_DRAW = """
(async () => {
  const charts = JSON.parse(document.getElementById('charts').textContent), place = document.getElementById('place');
  for (const [number, chart] of charts.entries()) {
    const size = {width: %d, height: chart.layout.height || 400};
    const url = await Plotly.toImage({data: chart.data, layout: {...chart.layout, ...size}},
                                     {format: 'png', scale: %d, ...size});
    place.appendChild(document.createElement('p')).textContent = number + ' ' + url;
  }
})();
"""


def find_browser() -> str | None:
    """Get the path of Chromium or one of its sisters; None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def need_browser() -> str:
    """Get the path of Chromium. Raises `InputError` that says what to install."""
    if found := find_browser():
        return found
    raise InputError("a PDF needs Chromium, which is not here: install Debian's package chromium, or print the page")


def thai_font_missing() -> bool:
    """Say whether no font of this machine has Thai letters, as far as fontconfig can tell."""
    program = shutil.which("fc-list")
    if program is None:
        return False
    told = subprocess.run([program, ":lang=th", "family"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    return told.returncode == 0 and not told.stdout.strip()


def print_pdf(page: str) -> bytes:
    """Get a page (HTML) as PDF. Raises `InputError` where there is no Chromium or it fails."""
    browser = need_browser()
    with tempfile.TemporaryDirectory(prefix="nakhon-report-", ignore_cleanup_errors=True) as folder:
        source, printed = Path(folder, "report.html"), Path(folder, "report.pdf")
        source.write_text(page, encoding="utf-8")
        _run(browser, folder, "--no-pdf-header-footer", f"--print-to-pdf={printed}", source.as_uri())
        if not printed.is_file():
            raise InputError(f"{browser} ended without a PDF; open the HTML report and print it")
        return printed.read_bytes()


def draw(figures: Sequence[go.Figure]) -> list[bytes]:
    """Get charts as pictures (PNG), all of them; none where there is no Chromium or it draws too few."""
    browser = find_browser()
    if browser is None or not figures:
        return []
    charts = f"[{','.join(figure.to_json() for figure in figures)}]".replace("<", "\\u003c")
    with tempfile.TemporaryDirectory(prefix="nakhon-report-", ignore_cleanup_errors=True) as folder:
        source = Path(folder, "charts.html")
        source.write_text(
            f'<!DOCTYPE html><meta charset="utf-8"><body><div id="place"></div>'
            f'<script type="application/json" id="charts">{charts}</script>'
            f"<script>{get_plotlyjs()}</script><script>{_DRAW % (WIDTH, SCALE)}</script></body>",
            encoding="utf-8",
        )
        told = _run(browser, folder, "--dump-dom", source.as_uri())
    found = dict(re.findall(r"<p>(\d+) data:image/png;base64,([^<]+)</p>", told))
    return [base64.b64decode(found[str(at)]) for at in range(len(figures))] if len(found) == len(figures) else []


def _run(browser: str, folder: str, *arguments: str) -> str:
    command = [browser, *_FLAGS.split(), f"--user-data-dir={folder}/profile", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise InputError(f"{browser} did not end within {SECONDS} s") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise InputError(f"{browser} failed with code {done.returncode}: {said[0]}")
    return done.stdout
