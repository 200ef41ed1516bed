"""Configuration of consumers and brokers that others wrote, for what the cities of a scenario say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from collector.language.broker import Broker
from collector.language.checking import suggestion
from collector.language.errors import InputError
from collector.language.indicators import Indicator, IndicatorKind, indicators
from nakhon.kit.node_red import flows
from simulator.run import Simulation
from simulator.scenario import Scenario

RUN = "run in a test"
NOT_RUN = "NOT RUN: written from its documentation"


@dataclass(frozen=True, slots=True)
class Kit:
    """Files by name for a consumer or broker, whether a test of ours runs them, and what to do with them."""

    name: str
    label: str
    about: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a configuration has to know: the scenario, its cities, how many stations, their indicators, the broker."""

    scenario: str
    cities: tuple[str, ...]
    stations: int
    indicators: tuple[Indicator, ...]
    broker: Broker

    @property
    def readings(self) -> tuple[Indicator, ...]:
        """The indicators that come as readings."""
        return tuple(one for one in self.indicators if one.kind in (IndicatorKind.SENSOR, IndicatorKind.COUNT))

    def filled(self, template: str, **more: str) -> str:
        """A shipped template with these facts (and more) in the place of its `@names@`."""
        text = files(__package__).joinpath(template).read_text("utf-8")
        known = {
            "scenario": self.scenario,
            "stations": str(self.stations),
            "host": self.broker.host,
            "port": str(self.broker.port),
            "url": self.broker.url,
            "indicators": "\n".join(f"#   {one.id:24} {_unit(one):12} {one.name}" for one in self.indicators),
        }
        for name, value in (known | more).items():
            text = text.replace(f"@{name}@", value)
        return text


def kit_of(name: str, scenario: Scenario, broker: Broker) -> Kit:
    """The configuration of a consumer or broker for a scenario. Raises `InputError` for one that is not known."""
    if name not in KITS:
        raise InputError(f"no kit {name!r}; {suggestion(name, KITS, 'try ' + ', '.join(KITS))}")
    label, about, make = KITS[name]
    facts = facts_of(scenario, broker)
    told = about.replace("@scenario@", scenario.name).replace("@url@", broker.url)
    return Kit(name, label, told, make(facts))


def facts_of(scenario: Scenario, broker: Broker) -> Facts:
    """What a configuration has to know of a scenario."""
    stations = [one for many in Simulation(scenario).stations.values() for one in many]
    named = {name for one in stations for name in one.indicators}
    known = tuple(one for one in indicators().values() if one.id in named)
    return Facts(scenario.name, tuple(scenario.cities), len(stations), known, broker)


def printed(kit: Kit) -> str:
    """The file as it is, or several one after the other, each under its name."""
    if len(kit.files) == 1:
        return next(iter(kit.files.values()))
    return "\n".join(f"# ---- {name}\n{text}" for name, text in kit.files.items())


def write(kit: Kit, folder: Path) -> list[Path]:
    """Write the files into a folder, over none that exists; the files. Raises `InputError`."""
    paths = {folder / name: text for name, text in kit.files.items()}
    if there := [path for path in paths if path.exists()]:
        raise InputError(f"{there[0]} exists; name another folder with --out")
    try:
        for path, text in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            if text.startswith("#!"):
                path.chmod(0o755)
    except OSError as error:
        raise InputError(f"cannot write into {folder}: {error.strerror}") from None
    return list(paths)


def _unit(one: Indicator) -> str:
    return "-" if one.unit == "1" else one.unit


def _telegraf(facts: Facts) -> Mapping[str, str]:
    scheme = "ssl" if facts.broker.tls else "tcp"
    return {
        "telegraf.conf": facts.filled(
            "telegraf.conf", telegraf_url=f"{scheme}://{facts.broker.host}:{facts.broker.port}"
        )
    }


def _node_red(facts: Facts) -> Mapping[str, str]:
    units = {one.id: one.unit for one in facts.readings}
    code = facts.filled("node_red.js", units=json.dumps(units, ensure_ascii=False))
    return {"flows.json": json.dumps(flows(facts.broker, code, facts.scenario), indent=1, ensure_ascii=False) + "\n"}


def _home_assistant(facts: Facts) -> Mapping[str, str]:
    return {
        "configuration.yaml": facts.filled("home_assistant.yaml"),
        ".storage/core.config_entries": facts.filled("home_assistant_entries.json"),
    }


def _mosquitto(facts: Facts) -> Mapping[str, str]:
    cities = "\n".join(
        f"user city-{city}\ntopic readwrite nakhon/v1/+/{city}/status\ntopic write nakhon/v1/+/{city}/+/+\n"
        f"topic write nakhon/v1/+/{city}/+/+/+\ntopic read nakhon/v1/+/committed\n"
        for city in facts.cities
    )
    return {"mosquitto.conf": facts.filled("mosquitto.conf"), "acl": facts.filled("mosquitto.acl", cities=cities)}


def _emqx(facts: Facts) -> Mapping[str, str]:
    cities = "\n".join(
        f'{{allow, {{user, "city-{city}"}}, publish, ["nakhon/v1/+/{city}/#"]}}.\n'
        f'{{allow, {{user, "city-{city}"}}, subscribe, ["nakhon/v1/+/{city}/status", "nakhon/v1/+/committed"]}}.'
        for city in facts.cities
    )
    return {"emqx.conf": facts.filled("emqx.conf"), "acl.conf": facts.filled("emqx.acl", cities=cities)}


def _fiware(facts: Facts) -> Mapping[str, str]:
    attributes = [
        {"object_id": one.id, "name": one.id, "type": "Number", "metadata": _unit_code(one)} for one in facts.readings
    ]
    service = {"apikey": "nakhon", "entity_type": "Device", "resource": "/iot/json", "attributes": attributes}
    services = json.dumps({"services": [service]}, indent=1, ensure_ascii=False)
    return {
        "docker-compose.yml": facts.filled("fiware.yaml"),
        "provision": facts.filled("fiware_provision.sh", services=services),
    }


def _unit_code(one: Indicator) -> dict[str, dict[str, str]]:
    return {"unitCode": {"type": "Property", "value": one.ucum}}


Make = Callable[[Facts], Mapping[str, str]]
_CITIES = "nakhon simulate @scenario@ --broker @url@ --pace realtime --start now"
_MOSQUITTO = """\
touch passwords; for user in simulator consumer collector; do mosquitto_passwd passwords $user; done
mosquitto -c mosquitto.conf
NAKHON_MQTT_USERNAME=simulator NAKHON_MQTT_PASSWORD=... """
_HOME_ASSISTANT = """\
Add configuration.yaml to yours. The file in .storage is for a fresh installation without a page only.
hass --config .
"""
KITS: Mapping[str, tuple[str, str, Make]] = {
    "telegraf": (RUN, f"telegraf --config telegraf.conf\n{_CITIES}", _telegraf),
    "node-red": (RUN, f"node-red --userDir . flows.json\n{_CITIES}", _node_red),
    "home-assistant": (RUN, f"{_HOME_ASSISTANT}{_CITIES} --format home-assistant", _home_assistant),
    "emqx": (NOT_RUN, _CITIES, _emqx),
    "mosquitto": (RUN, f"{_MOSQUITTO}{_CITIES}", _mosquitto),
    "fiware": (NOT_RUN, "docker compose up -d && ./provision\nthe command for the cities is in `provision`", _fiware),
}
"""By name: whether a test runs it, what to type, what makes its files."""
