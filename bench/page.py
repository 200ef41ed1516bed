"""How fast the page is: from publishing to the pixel, until it can be used, and what an open page costs the server.

A broker, a collector and a browser of their own on this machine; so many readings a second are published all the
while. `delay`: one value is published again and again, with a number that the page shows; the delay of a number is the
time until the page shows it or a later one, read at every frame that the browser draws. `usable`: from asking for the
page until its first values stand there, and until its chart is drawn: `first` in a browser that has just started, `new`
in profiles that hold nothing yet, `again` in the same profiles (medians of `--turns`). `server`: processor time of the
collector for each page that is open, beside none. Prints JSON. Needs Mosquitto, Chromium and playwright.

    .venv/bin/python bench/page.py [--readings 1000] [--seconds 30] [--pages 5] [--turns 5]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import broker
import numpy as np
import paho.mqtt.client as mqtt

from collector.language.indicators import Origin
from collector.language.profile import CityProfile, Status, encode_status
from nakhon.chaos.part import free_port, listening

CHROMIUM = "/usr/bin/chromium"
# The last: playwright listens for exceptions, and V8 then looks up where in the script each was thrown, also those that
# Plotly catches itself, by parsing its 5 MB again (0.5 s and more). No user's browser does that, nor this one with it.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
         "--js-flags=--no-enable-lazy-source-positions"]  # fmt: skip
CITIES = 5
STATIONS = 20
INDICATORS = ("pm10", "no2", "o3", "air_temperature", "relative_humidity")
EVERY = 0.3  # seconds between two numbers, drawn around this so that they fall everywhere between two views
PAUSE = 0.05
REST = 3000  # milliseconds
WATCH = """
window.shown = [];
(function look() {
  const node = document.querySelector('#cities .card .value span');
  const number = node ? Number(node.textContent.replace(/,/g, '')) : NaN;
  if (number !== window.shown.at(-1)?.[0] && Number.isFinite(number)) window.shown.push([number, Date.now()]);
  requestAnimationFrame(look);
})();
"""


@dataclass
class Load:
    """Publishes readings at a rate, and the numbers whose delay is measured; `said` is when each was published."""

    url: str
    readings: int
    said: dict[int, float] = field(default_factory=dict)
    sent: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        host, _, port = self.url.removeprefix("mqtt://").partition(":")
        self._client.connect(host, int(port))
        self._client.loop_start()
        self._seq: dict[str, int] = {}
        self._lock = threading.Lock()
        self._began = int(time.time()) - 600
        self._threads = [threading.Thread(target=work) for work in (self._load, self._mark)]
        for place in range(CITIES):
            profile = CityProfile(f"c{place}", f"City {place}", "TH", 10.0 + place, 100.0 + place, "Asia/Bangkok")
            birth = encode_status(Status(True, "one", profile, Origin.SIMULATED, "bench"))
            self._client.publish(f"nakhon/v1/bench/c{place}/status", birth, 1, retain=True)

    def start(self) -> None:
        """Begin to publish."""
        for one in self._threads:
            one.start()

    def stop(self) -> None:
        """Publish no more."""
        self.ended.set()
        for one in self._threads:
            one.join()
        self._client.loop_stop()

    def _say(self, city: int, station: int, values: dict[str, float]) -> None:
        where = f"nakhon/v1/bench/c{city}/environment/s{station}"
        with self._lock:
            seq = self._seq[where] = self._seq.get(where, -1) + 1
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._began + seq))
        self._client.publish(where, json.dumps({"session": "one", "seq": seq, "time": at} | values), 1)

    def _load(self) -> None:
        began, turn = time.monotonic(), 0
        while not self.ended.is_set():
            due = int((time.monotonic() - began) * self.readings / len(INDICATORS))
            while turn < due:
                values = {name: round(20 + 10 * random.random(), 1) for name in INDICATORS}
                self._say(turn % CITIES, 1 + turn // CITIES % STATIONS, values)
                turn += 1
            self.sent = turn * len(INDICATORS)
            time.sleep(PAUSE)

    def _mark(self) -> None:
        number = 0
        while not self.ended.wait(EVERY * (0.5 + random.random())):
            number += 1
            self.said[number] = time.time()
            self._say(0, 0, {"pm25": number})


@contextmanager
def collector(url: str, folder: Path) -> Iterator[tuple[str, int]]:
    """A collector in a process of its own: the address of its page, and its process id."""
    port = free_port()
    command = [sys.executable, "-m", "nakhon", "collect", "--broker", url, "--port", str(port),
               "--store", f"duckdb://{folder}/page.duckdb"]  # fmt: skip
    with (folder / "collect.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        broker.wait(lambda: listening(port), 60, "the collector")
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(60)


def processor(pid: int) -> float:
    """Seconds of processor time that a process has taken."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def blank(window: Any, script: str = "") -> Any:
    """An empty page of a browser at rest: a new window has the browser load pages of its own for a while."""
    page = window.new_page()
    page.add_init_script(script)
    page.wait_for_timeout(REST)
    return page


def usable(page: Any, url: str) -> dict[str, float]:
    """Seconds until the first values stand in the page, and until its chart is drawn."""
    began = time.monotonic()
    page.goto(url, wait_until="commit")
    page.locator("#cities .card .value span").first.wait_for()
    values = time.monotonic() - began
    page.locator("#chart .scatterlayer .trace").first.wait_for()
    return {"values_s": round(values, 3), "chart_s": round(time.monotonic() - began, 3)}


def opened(browser: Any, url: str, turns: int) -> dict[str, dict[str, float]]:
    """The medians of pages in profiles that hold nothing yet, and of a second page in each."""
    found: dict[str, list[dict[str, float]]] = {"new": [], "again": []}
    for _ in range(turns):
        profile = browser.new_context()
        for times in found.values():
            page = blank(profile)
            times.append(usable(page, url))
            page.close()
        profile.close()
    return {name: {key: median(one[key] for one in times) for key in times[0]} for name, times in found.items()}


def delays(said: dict[int, float], shown: list[list[float]], since: float) -> dict[str, float]:
    """Milliseconds from publishing a number to the frame that shows it or a later one."""
    numbers, times = np.array([one for one, _ in shown]), np.array([at for _, at in shown])
    found = []
    for number, at in said.items():
        later = times[numbers >= number]
        if at > since and len(later):
            found.append(later.min() - 1000 * at)
    told = {f"p{share}_ms": round(float(np.percentile(found, share))) for share in (50, 95, 99)}
    return {"numbers": len(found)} | told


def costs(browser: Any, url: str, pid: int, pages: int, seconds: float) -> dict[str, float]:
    """Processor time of the collector without a page and with so many, as shares of one processor."""
    shares = []
    for wanted in (0, pages):
        opened = [browser.new_page() for _ in range(wanted)]
        for page in opened:
            usable(page, url)
        before, began = processor(pid), time.monotonic()
        time.sleep(seconds)
        shares.append((processor(pid) - before) / (time.monotonic() - began))
        for page in opened:
            page.close()
    each = (shares[1] - shares[0]) / pages
    return {"no_page": round(shares[0], 4), f"{pages}_pages": round(shares[1], 4), "each_page": round(each, 4)}


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--readings", type=int, default=1000, help="a second")
    parser.add_argument("--seconds", type=float, default=30, help="of each measurement")
    parser.add_argument("--pages", type=int, default=5, help="open at once for the server's cost")
    parser.add_argument("--turns", type=int, default=5, help="how often a page is opened and opened again")
    asked = parser.parse_args()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sys.exit("playwright is not installed: pip install playwright, and Chromium from the distribution")
    with (
        tempfile.TemporaryDirectory() as name,
        broker.mosquitto(Path(name)) as (url, _),
        collector(url, Path(name)) as (page_url, pid),
        sync_playwright() as driver,
    ):
        print(json.dumps(measured(driver, page_url, pid, Load(url, asked.readings), asked), indent=1))


def measured(driver: Any, url: str, pid: int, load: Load, asked: argparse.Namespace) -> dict[str, object]:
    """All figures, while a load is on."""
    browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    load.start()
    began = time.monotonic()
    try:
        page = blank(browser, WATCH)
        first, since = usable(page, url), time.time()
        time.sleep(asked.seconds)
        shown = page.evaluate("window.shown")
        delay = delays(dict(load.said), shown, since)
        page.close()
        times = {"first": first} | opened(browser, url, asked.turns)
        server = costs(browser, url, pid, asked.pages, asked.seconds)
        rate = load.sent / (time.monotonic() - began)
    finally:
        load.stop()
        browser.close()
    told = {"readings_a_second": round(rate), "delay": delay, "usable": times}
    return told | {"server_share_of_a_processor": server, "machine": broker.machine()}


if __name__ == "__main__":
    main()
