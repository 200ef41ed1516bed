"""The files of `deploy/`: each is read by the program it is for, where that is installed, and agrees with the code."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from influx import Influxd
from parts import Mosquitto, nakhon, need, wait_for

from collector.language.indicators import Origin, indicators
from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.profile import CityProfile, Status
from collector.language.topics import Address, CityAddress, Kind
from collector.serving.metrics import Metrics
from collector.stores import open_store
from collector.stores.influx.url import parse
from collector.stores.protocol import Accepted, Batch, Fate
from nakhon.cli.options import SECRETS
from nakhon.settings import gather

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "systemd" / "nakhon-collector.service"
COMPOSE = DEPLOY / "compose" / "compose.yaml"
DASHBOARDS = {path.stem: json.loads(path.read_text("utf-8")) for path in (DEPLOY / "grafana/dashboards").glob("*.json")}
NOON = 1_772_366_400  # 2026-03-01T12:00:00Z


# ---- settings and systemd -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [DEPLOY / "systemd/collector.toml", DEPLOY / "compose/collector.toml"], ids=str)
def test_the_settings_are_understood(path: Path, tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    authority.touch()
    copied = tmp_path / "collector.toml"
    copied.write_text(path.read_text("utf-8").replace("/etc/nakhon/authority.pem", str(authority)))
    settings = gather(copied, {}, {})
    assert (settings["log_format"], settings["client_id"]) == ("json", "nakhon-collector-1")


def test_the_unit_is_understood_by_systemd_and_exposes_little(tmp_path: Path) -> None:
    analyze = need("systemd-analyze")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/nakhon/bin/nakhon", shutil.which("true") or "/bin/true"))
    verified = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, timeout=60)
    assert (verified.returncode, verified.stderr) == (0, "")
    told = subprocess.run([analyze, "security", "--offline=yes", unit], capture_output=True, text=True, timeout=60)
    level = re.search(r"exposure level for \S+: ([\d.]+)", told.stdout)
    assert level is not None, told.stdout + told.stderr
    assert float(level[1]) <= 1.5


def test_the_unit_hands_over_secrets_that_the_command_knows() -> None:
    named = re.findall(r"^(?:# )?LoadCredential=(\w+):/etc/nakhon/secrets/(\w+)$", UNIT.read_text(), re.MULTILINE)
    assert {one for pair in named for one in pair} == set(SECRETS) - {"NAKHON_SINK_TOKEN"}  # that is of an audit


def test_secrets_come_from_a_directory_of_credentials_and_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "NAKHON_API_TOKEN").write_text("a-secret-of-the-test\n")
    told = ("--broker", "mqtt://localhost", "--store", "duckdb://x.duckdb", "--print-config")
    process = nakhon("collect", *told, folder=tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path))
    assert process.wait(60) == 0
    shown = (tmp_path / "collect.out").read_text() + (tmp_path / "collect.log").read_text()
    assert "# NAKHON_API_TOKEN is set" in shown
    assert "# NAKHON_MQTT_PASSWORD is not set" in shown
    assert "a-secret" not in shown


def test_at_sigterm_the_collector_ends_in_order_with_0(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    broker = mosquitto()
    told = ("--broker", broker.url, "--store", "duckdb://city.duckdb", "--port", "0", "--log-format", "json")
    process = nakhon("collect", *told, folder=tmp_path)
    try:
        wait_for(lambda: "connected to" in (tmp_path / "collect.log").read_text(), 30, "the collector")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait(10)
    last = json.loads((tmp_path / "collect.log").read_text().splitlines()[-1])
    assert (last["received"], last["stored"]) == (0, 0)


# ---- the composition ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def composition() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="pyyaml is not installed")
    return yaml.safe_load(COMPOSE.read_text("utf-8"))  # type: ignore[no-any-return]


def test_images_are_pinned_ports_are_on_loopback_and_health_is_asked_for(composition: dict[str, Any]) -> None:
    assert set(composition["services"]) == {"mosquitto", "influxdb", "collector", "prometheus", "grafana"}
    for name, service in composition["services"].items():
        assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+", service["image"]), name
        assert all(re.match(r"127\.0\.0\.1:|\$\{\w+:-127\.0\.0\.1\}:", port) for port in service["ports"]), name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["cap_drop"] == ["ALL"], name


def test_what_is_mounted_is_there_after_prepare(composition: dict[str, Any], tmp_path: Path) -> None:
    need("openssl")
    need("mosquitto_passwd")
    copied = tmp_path / "deploy"
    shutil.copytree(DEPLOY, copied)
    for _ in range(2):  # the second time it makes nothing anew
        subprocess.run([copied / "compose" / "prepare", "broker.example"], check=True, capture_output=True, timeout=120)
    mounted = [volume for service in composition["services"].values() for volume in service.get("volumes", ())]
    files = [volume.partition(":")[0] for volume in mounted if volume.startswith(".")]
    files += [secret["file"] for secret in composition["secrets"].values()]
    assert [file for file in files if not (copied / "compose" / file).exists()] == []
    private = copied / "compose" / "private"
    assert private.stat().st_mode & 0o077 == 0
    tokens = [(private / name).read_text() for name in ("NAKHON_API_TOKEN", "NAKHON_API_CONTROL_TOKEN")]
    assert len(set(tokens)) == 2
    assert all(len(token) == 64 for token in tokens)
    people = (private / "passwords").read_text()
    assert not any(line.split(":")[1] in people for line in (private / "passwords.txt").read_text().splitlines())


def test_no_secret_stands_in_a_file_and_private_ones_are_ignored(composition: dict[str, Any]) -> None:
    environments = [service.get("environment", {}) for service in composition["services"].values()]
    for name, value in ((key, told) for environment in environments for key, told in environment.items()):
        if re.search("PASSWORD|TOKEN", name):
            assert str(value).startswith("/run/secrets/"), name
    assert "private/" in (DEPLOY / "compose" / ".gitignore").read_text().split()
    assert set(SECRETS) >= {name for name in composition["secrets"] if name.startswith("NAKHON_")}


def test_the_image_holds_what_the_wheel_is_made_of() -> None:
    text = (DEPLOY / "compose" / "Dockerfile").read_text()
    ignored = (DEPLOY / "compose" / "Dockerfile.dockerignore").read_text().split()
    for package in ("nakhon", "simulator", "collector", "scenarios"):
        assert f"COPY {package} /source/{package}" in text
        assert f"!{package}" in ignored


# ---- Prometheus and Grafana -----------------------------------------------------------------------------------------


def exported() -> set[str]:
    metrics = Metrics()
    metrics.follow_store({"bytes": lambda: 1.0, "free_bytes": lambda: 1.0})
    metrics.follow_runs(lambda: [("run", 1)])
    return set(re.findall(r"^(\w+)(?:\{| )", metrics.exposition().decode(), re.MULTILINE))


def test_prometheus_understands_its_settings_and_rules() -> None:
    promtool, folder = need("promtool"), DEPLOY / "prometheus"
    for told in (("rules", "alerts.yml"), ("config", "--syntax-only", "prometheus.yml")):
        done = subprocess.run([promtool, "check", *told], cwd=folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_understands_every_question_of_the_collectors_dashboard(tmp_path: Path) -> None:
    asked = [target["expr"] for panel in DASHBOARDS["collector"]["panels"] for target in panel["targets"]]
    rules = [{"record": f"asked:{n}", "expr": one.replace("$__rate_interval", "5m")} for n, one in enumerate(asked)]
    (tmp_path / "asked.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    told = [need("promtool"), "check", "rules", tmp_path / "asked.yml"]
    done = subprocess.run(told, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(asked)} rules found" in done.stdout


def test_rules_and_dashboards_ask_for_metrics_that_are_exported() -> None:
    asked = (DEPLOY / "prometheus" / "alerts.yml").read_text() + json.dumps(DASHBOARDS["collector"])
    assert set(re.findall(r"\b(?:nakhon|process)_\w+", asked)) <= exported()


def test_every_alert_is_explained() -> None:
    rules = re.findall(r"alert: (\w+)", (DEPLOY / "prometheus" / "alerts.yml").read_text())
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert [rule for rule in rules if f"`{rule}`" not in text] == []


def test_dashboards_have_panels_in_their_places_and_sources_that_are_provisioned() -> None:
    provisioned = (DEPLOY / "grafana/provisioning/datasources/nakhon.yaml").read_text()
    for name, dashboard in DASHBOARDS.items():
        panels = dashboard["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels) >= 10, name
        taken: set[tuple[int, int]] = set()
        for panel in panels:
            place = panel["gridPos"]
            cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
            assert place["x"] + place["w"] <= 24
            assert not cells & taken, panel["title"]
            taken |= cells
            assert f"uid: {panel['datasource']['uid']}\n" in provisioned


def flux() -> Iterator[tuple[str, str]]:
    """The name and text of each query for InfluxDB, of panels and variables."""
    dashboard = DASHBOARDS["cities"]
    for panel in dashboard["panels"]:
        yield from ((panel["title"], target["query"]) for target in panel["targets"])
    yield from ((one["name"], one["query"]) for one in dashboard["templating"]["list"] if one["type"] == "query")


def test_the_cities_dashboard_names_indicators_of_the_catalogue() -> None:
    named = {name for _, query in flux() for name in re.findall(r'r\.indicator == "(\w+)"', query)}
    assert named
    assert named <= set(indicators())


@pytest.fixture(scope="module")
def filled(influxd: Influxd) -> tuple[Influxd, str]:
    """A store in InfluxDB with something of every kind, of two cities."""
    url = influxd.url()
    store = open_store(url)
    messages, births = [], []
    for seq, (city, offset) in enumerate((city, offset) for city in ("rayong", "khon-kaen") for offset in range(4)):
        time = np.datetime64(NOON + 600 * offset, "s")
        names = ("pm25", "air_temperature", "electricity_demand", "travel_time_index", "service_backlog")
        columns = {name: np.array([1.5 + offset]) for name in names} | {"no2": np.array([-5.0])}
        event = Event(time, f"e-{offset}", "service_request.closed", {"note": "ok"})
        statistic = Statistic("unemployment", "2026-02", time, offset, 1.0 + offset)
        for kind, body in ((Kind.READINGS, Readings(np.array([time]), columns)), (Kind.EVENTS, event)):
            messages.append(Message(Address("haze-1", city, "environment", f"at-{kind}", kind), "one", seq, body))
        place = Address("haze-1", city, "economy", "office", Kind.STATISTICS)
        messages.append(Message(place, "one", seq, statistic))
        profile = CityProfile(city, city, "TH", 12.0, 101.0, "Asia/Bangkok")
        births.append((CityAddress("haze-1", city), Status(True, "one", profile, Origin.SIMULATED, "haze")))
    accepted = [Accepted(message, number, float(NOON)) for number, message in enumerate(messages)]
    store.write(Batch(accepted, births=births, counts={("haze-1", Fate.STORED): len(accepted)}))
    store.close()
    return influxd, url


def filled_in(query: str, url: str) -> str:
    """A query as Grafana sends it."""
    target = parse(url)
    words = {
        "v.timeRangeStart": "2026-03-01T00:00:00Z", "v.timeRangeStop": "2026-03-02T00:00:00Z", "v.windowPeriod": "10m",
        "${run}": "haze-1", "${city:regex}": "(rayong|khon-kaen)", "${indicator}": "pm25", "${combine}": "sum",
        '"readings-accounts"': f'"{target.accounts}"', 'bucket: "readings"': f'bucket: "{target.bucket}"',
    }  # fmt: skip
    for word, value in words.items():
        query = query.replace(word, value)
    return query


@pytest.mark.parametrize(("name", "query"), list(flux()), ids=[name for name, _ in flux()])
def test_every_query_of_the_cities_dashboard_finds_what_the_store_wrote(
    filled: tuple[Influxd, str], name: str, query: str
) -> None:
    server, url = filled
    rows = server.query(filled_in(query, url))
    assert rows, name
    shown = {value for row in rows for value in row.values()}
    if "origin" in query:
        assert {row["city"]: row["origin"] for row in rows} == {"rayong": "simulated", "khon-kaen": "simulated"}
    elif "period" in query:
        assert [(row["value"], row["revision"]) for row in rows] == [(4.0, 3), (4.0, 3)]
    elif "tagValues" in query:
        assert {"haze-1", "rayong", "pm25"} & shown
    else:
        assert {"rayong", "service_request.closed", 1.5} & (shown | set(rows[0]))
