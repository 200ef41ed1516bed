"""Three collectors of a group into one store, one of them killed: every reading once, whoever stored it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pyarrow.compute as pc
import pytest
from parts import Mosquitto, free_port, nakhon, wait_for
from processes import Running

from collector.auditing.audit import audit
from collector.language.indicators import indicators
from collector.language.ledger import read_ledger
from collector.stores import open_store
from collector.stores.protocol import Selection

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.system

SCENARIO = """
name = "scale"
start = 2026-03-01T00:00:00Z
duration = "1d"
cadence = "30min"
[cities]
include = ["chiang-mai", "khon-kaen", "rayong"]
"""
MEMBERS = ("one", "two", "three")


@dataclass(frozen=True, slots=True)
class Shared:
    """A store that several collectors write to, and the secret that a process needs for it."""

    url: str
    secret: dict[str, str]


@pytest.fixture(params=["ducklake", "influxdb"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    if request.param == "ducklake":
        from postgres import PASSWORD, lake_url

        return Shared(lake_url(tmp_path), {"NAKHON_POSTGRES_PASSWORD": PASSWORD})
    from influx import TOKEN, need_influxd

    need_influxd()
    return Shared(request.getfixturevalue("influxd").url(), {"NAKHON_INFLUX_TOKEN": TOKEN})


class Member:
    """A `nakhon collect` of the group, in a process and a folder of its own."""

    def __init__(self, name: str, folder: Path, broker: str, store: Shared) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        self._address = f"http://127.0.0.1:{(port := free_port())}"
        self._secret = store.secret
        told = ("--broker", broker, "--store", store.url, "--port", str(port))
        self._command = ("collect", *told, "--client-id", name, "--group", "scale")
        self.process: Running | None = None

    def start(self) -> None:
        self.process = nakhon(*self._command, folder=self.folder, **self._secret)

    def wait(self) -> None:
        wait_for(lambda: self.counted("nakhon_broker_connected") == 1, 120, f"{self.folder.name} to be connected")

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def counted(self, name: str) -> float:
        """A figure of its metrics, -1 where it does not answer."""
        try:
            with urlopen(f"{self._address}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return -1
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    def stations(self) -> dict[tuple[str, str], int]:
        """By city and indicator, how many stations it has heard itself since its start."""
        with urlopen(f"{self._address}/api/v1/live", timeout=10) as answer:
            line = next(line for line in answer if line.startswith(b"data: "))
        return {(one["city"], one["indicator"]): one["known"] for one in json.loads(line[6:])["values"]}


@contextmanager
def group(folder: Path, broker: str, store: Shared) -> Iterator[list[Member]]:
    """The members, all connected; killed at the end."""
    open_store(store.url).close()  # made once, before several want to make it
    with ExitStack() as stack:
        members = [Member(name, folder, broker, store) for name in MEMBERS]
        for one in members:
            one.start()
            stack.callback(lambda one=one: (one.process.kill(), one.process.wait(10)))
        for one in members:
            one.wait()
        yield members


def audited(folder: Path, store: Shared) -> tuple[int, dict[str, Any]]:
    process = nakhon("audit", "run.ledger", "--store", store.url, "--json", folder=folder, **store.secret)
    code = process.wait(60)
    return code, json.loads((folder / "audit.out").read_text() or "{}")


def test_every_reading_is_seen_once_though_three_collectors_share_each_station_and_one_is_killed(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto], shared: Shared
) -> None:
    broker = mosquitto()
    (tmp_path / "scale.toml").write_text(SCENARIO)
    told = ("--broker", broker.url, "--ledger", "run.ledger", "--run", "scale", "--pace", "max")
    with group(tmp_path, broker.url, shared) as members:
        publisher = nakhon("simulate", "scale.toml", *told, folder=tmp_path)
        victim, *others = members
        wait_for(lambda: victim.counted("nakhon_messages_stored_total") > 100, 60, "the victim to have stored some")
        assert publisher.poll() is None, (tmp_path / "simulate.log").read_text()
        assert victim.end(signal.SIGKILL) == -signal.SIGKILL
        victim.start()
        victim.wait()
        assert publisher.wait(120) == 0, (tmp_path / "simulate.log").read_text()
        wait_for(lambda: all(one.counted("nakhon_messages_pending") == 0 for one in members), 60, "rest")
        published = json.loads((tmp_path / "run.ledger").read_text().splitlines()[-1])["messages"]
        store = open_store(shared.url, read_only=True)
        wait_for(lambda: audit(read_ledger(tmp_path / "run.ledger"), store).accounted_for, 60, "every message")
        table = store.read(Selection(tuple(indicators()), flagged=True))
        store.close()
        shares = [int(one.counted("nakhon_messages_stored_total")) for one in members]
        print(f"published {published}, stored since their last start: {shares}")
        assert min(shares) > published // 20
        heard = [one.stations() for one in others]
        assert [one.end(signal.SIGTERM) for one in members] == [0, 0, 0]
    code, verdict = audited(tmp_path, shared)
    assert code == 0, verdict  # as its user asks, when the collectors have ended
    assert verdict["total"]["stored"] == published > 1_000
    assert verdict["total"]["values_stored"] == verdict["total"]["values_published"]
    keys = table.select(["city", "station", "indicator", "time"])
    assert keys.group_by(keys.column_names).aggregate([]).num_rows == table.num_rows
    sensors = table.filter(pc.equal(table["indicator"], "pm25"))
    for city in ("chiang-mai", "khon-kaen", "rayong"):  # both who lived on heard every station, so it was shared
        own = sensors.filter(pc.equal(sensors["city"], city))
        stations = len(own["station"].unique())
        assert [one[city, "pm25"] for one in heard] == [stations, stations]
        assert own.num_rows == stations * 48
