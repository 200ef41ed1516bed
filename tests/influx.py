"""Servers of time series for tests: InfluxDB 2.x and VictoriaMetrics, each of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

from influxdb_client import BucketRetentionRules, InfluxDBClient
from parts import free_port, listening, need, wait_for

from collector.stores import secrets
from collector.stores.influx.url import parse

TOKEN = "a-token-of-the-tests"
ORGANIZATION = "city"


def need_influxd() -> str:
    """The path of influxd: on the PATH, or named by $INFLUXD; skips as `parts.need`."""
    return os.environ.get("INFLUXD") or need("influxd")


class Server:
    """A program that listens on a port of its own; it can be killed and started again with what is on its disk."""

    program: str
    name: str

    def __init__(self) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def arguments(self) -> Sequence[str]:
        raise NotImplementedError

    def start(self) -> None:
        self.process = subprocess.Popen(
            [self.program, *self.arguments()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(lambda: listening(self.port), 30, f"{self.name} to listen")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def get(self, path: str) -> bytes:
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return answer.read()  # type: ignore[no-any-return]


class Influxd(Server):
    """An InfluxDB 2.x, set up with one organization and `TOKEN`."""

    name = "influxd"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.program = need_influxd()
        self._folder = folder
        self._buckets = count(1)

    def arguments(self) -> Sequence[str]:
        folder = self._folder
        return (
            f"--http-bind-address=127.0.0.1:{self.port}", f"--bolt-path={folder}/influxd.bolt", "--reporting-disabled",
            f"--sqlite-path={folder}/influxd.sqlite", f"--engine-path={folder}/engine", "--log-level=error",
        )  # fmt: skip

    def start(self) -> None:
        super().start()
        wait_for(self._is_ready, 30, "influxd to be ready")
        if json.loads(self.get("/api/v2/setup"))["allowed"]:
            wanted = {"username": "tests", "password": "tests-of-nakhon", "org": ORGANIZATION, "bucket": "default"}
            self.post("/api/v2/setup", wanted | {"token": TOKEN})

    def url(self, options: str = "create=true") -> str:
        """The URL of a store in a bucket of its own; the token for it is provided."""
        secrets.provide({**secrets._provided, secrets.INFLUX_TOKEN: TOKEN})
        return f"influxdb://127.0.0.1:{self.port}/{ORGANIZATION}/bucket-{next(self._buckets)}?{options}"

    def post(self, path: str, body: dict[str, Any]) -> None:
        request = Request(f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode())
        with urlopen(request, timeout=30) as answer:
            answer.read()

    def create_bucket(self, name: str, seconds: int = 0) -> None:
        rules = [BucketRetentionRules(type="expire", every_seconds=seconds)]
        with self.client() as client:
            client.buckets_api().create_bucket(bucket_name=name, retention_rules=rules, org=ORGANIZATION)

    def points(self, url: str, measurement: str, *, accounts: bool = False) -> int:
        """How many values a measurement of a store holds."""
        target = parse(url)
        bucket = target.accounts if accounts else target.bucket
        rows = self.query(
            f'from(bucket: "{bucket}") |> range(start: 1900-01-01T00:00:00Z, stop: 2200-01-01T00:00:00Z)'
            f' |> filter(fn: (r) => r._measurement == "{measurement}") |> group(columns: ["_field"]) |> count()'
        )
        return sum(int(row["_value"]) for row in rows)

    def query(self, flux: str) -> list[dict[str, Any]]:
        with self.client() as client:
            return [record.values for table in client.query_api().query(flux) for record in table.records]

    @contextmanager
    def client(self) -> Iterator[InfluxDBClient]:
        with InfluxDBClient(f"http://127.0.0.1:{self.port}", TOKEN, org=ORGANIZATION, timeout=30_000) as client:
            yield client

    def _is_ready(self) -> bool:
        try:
            return json.loads(self.get("/health"))["status"] == "pass"
        except OSError:
            return False


class VictoriaMetrics(Server):
    """A VictoriaMetrics that keeps what is old: it takes the writes of an InfluxDB and speaks no Flux."""

    name = "victoria-metrics"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.program = need("victoria-metrics")
        self._folder = folder

    def arguments(self) -> Sequence[str]:
        return (
            f"-httpListenAddr=127.0.0.1:{self.port}", f"-storageDataPath={self._folder}", "-retentionPeriod=100y",
        )  # fmt: skip

    def url(self) -> str:
        return f"influxdb://127.0.0.1:{self.port}/{ORGANIZATION}/readings?dialect=victoriametrics"

    def rows(self, match: str) -> list[dict[str, Any]]:
        """The series that match, each with its metric, values and timestamps."""
        self.get("/internal/force_flush")
        lines = self.get(f"/api/v1/export?match[]={quote(match)}&start=0").splitlines()
        return [json.loads(line) for line in lines]
