"""Kits: each is whole, names the scenario's cities, indicators and broker, and says whether it was run."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from collector.language.broker import parse_broker
from collector.language.errors import InputError
from nakhon.kit import KITS, NOT_RUN, RUN, Kit, kit_of, printed, write
from simulator.scenario import parse_scenario

SCENARIO = """
name = "talk"
start = 2026-03-01T00:00:00Z
duration = "2d"
cadence = "15min"
[cities]
include = ["chiang-mai", "rayong"]
"""
PAGE = Path(__file__).parents[1] / "docs" / "kit.md"


def made(name: str, broker: str = "mqtt://broker.example:1884") -> Kit:
    return kit_of(name, parse_scenario(SCENARIO, "talk"), parse_broker(broker))


@pytest.mark.parametrize("name", KITS)
def test_a_kit_has_no_gap_left_and_knows_scenario_and_broker(name: str) -> None:
    kit = made(name)
    text = printed(kit)
    assert not re.search(r"@[a-z_]+@", text + kit.about)
    assert "talk" in text
    assert "1884" in text
    if name != "fiware":  # its broker is part of it
        assert "broker.example" in text
    assert kit.label in (RUN, NOT_RUN)


def test_indicators_come_with_their_units() -> None:
    for name in ("telegraf", "home-assistant"):
        assert re.search(r"# +pm25 +µg/m³ +PM2\.5", printed(made(name)))
    code = next(one["func"] for one in flow() if one["id"] == "nakhon-readings-apart")
    assert '"air_temperature": "°C"' in code
    provision = made("fiware").files["provision"]
    services = json.loads(provision.split("<<'JSON'\n")[1].rsplit("\nJSON", 1)[0])["services"]
    units = {one["name"]: one["metadata"]["unitCode"]["value"] for one in services[0]["attributes"]}
    assert units["pm25"] == "ug/m3"


def test_telegraf_keeps_a_session_for_each_kind_of_message() -> None:
    inputs = tomllib.loads(made("telegraf").files["telegraf.conf"])["inputs"]["mqtt_consumer"]
    assert [one["name_override"] for one in inputs] == ["readings", "events", "statistics"]
    assert all(one["persistent_session"] and one["qos"] == 1 for one in inputs)
    assert len({one["client_id"] for one in inputs}) == 3
    assert inputs[0]["servers"] == ["tcp://broker.example:1884"]
    assert "ssl://broker.example:8883" in printed(made("telegraf", "mqtts://broker.example"))


def flow(broker: str = "mqtt://broker.example:1884") -> list[dict[str, object]]:
    told: list[dict[str, object]] = json.loads(printed(made("node-red", broker)))
    return told


def test_every_wire_of_the_flow_ends_at_a_node_and_tls_has_its_own() -> None:
    nodes = {one["id"]: one for one in flow()}
    wires = [end for one in nodes.values() for outputs in one.get("wires", []) for end in outputs]  # type: ignore[attr-defined]
    assert wires
    assert set(wires) <= nodes.keys()
    assert nodes["nakhon-broker"]["usetls"] is False
    with_tls = {one["id"]: one for one in flow("mqtts://broker.example")}
    assert with_tls["nakhon-broker"]["tls"] in with_tls


def test_each_city_may_speak_for_itself_alone() -> None:
    acl = made("mosquitto").files["acl"]
    for city in ("chiang-mai", "rayong"):
        block = acl.split(f"user city-{city}\n")[1].split("\nuser ")[0]
        assert {f"nakhon/v1/+/{city}/+/+", f"nakhon/v1/+/{city}/status"} <= set(block.split())
        assert f'{{user, "city-{city}"}}, publish, ["nakhon/v1/+/{city}/#"]' in made("emqx").files["acl.conf"]


def test_files_are_written_and_none_over_another(tmp_path: Path) -> None:
    kit = made("fiware")
    paths = write(kit, tmp_path / "new")
    assert {path.name for path in paths} == {"docker-compose.yml", "provision"}
    assert (tmp_path / "new" / "provision").stat().st_mode & 0o100
    with pytest.raises(InputError, match="exists"):
        write(kit, tmp_path / "new")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write"):
        write(kit, tmp_path / "file")


def test_one_that_is_not_known_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean telegraf"):
        made("telegraph")
    with pytest.raises(InputError, match="node-red, home-assistant"):
        made("kafka")


def test_the_page_says_of_each_kit_whether_it_was_run() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \|[^|]*\| (\*\*run in a test\*\*|\*not run\*)", PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert {name: "not" not in label for name, label in rows} == {name: made(name).label == RUN for name in KITS}
