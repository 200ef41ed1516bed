"""A flow of Node-RED that writes every reading, event and statistic into a file."""

from __future__ import annotations

from typing import Any

from collector.language.broker import Broker

Node = dict[str, Any]
_PARSE = """\
const [, , run, city, pillar, station] = msg.topic.split('/');
try {
    return [{ payload: { run, city, pillar, station, ...JSON.parse(msg.payload) } }, null];
} catch (error) {
    return [null, { payload: { topic: msg.topic, error: error.message, payload: msg.payload } }];
}
"""
EXPIRY = 7 * 86_400


def flows(broker: Broker, readings: str, scenario: str) -> list[Node]:
    """The nodes of the flow; `readings` is the code that takes a message of readings apart."""
    tab = "nakhon"
    nodes: list[Node] = [
        {"id": tab, "type": "tab", "label": f"Nakhon: {scenario}"},
        _broker(broker),
        _file(tab, "rejected", 240),
    ]
    if broker.tls:
        nodes.append({"id": "nakhon-tls", "type": "tls-config", "name": "", "verifyservercert": True})
    stations = "nakhon/v1/+/+/+/+"
    sources = {"readings": (stations, readings), "events": (f"{stations}/events", _PARSE)}
    sources["statistics"] = (f"{stations}/statistics", _PARSE)
    for row, (name, (topic, code)) in enumerate(sources.items()):
        nodes += [_hear(tab, name, topic, 60 * row + 60), _take_apart(tab, name, code, 60 * row + 60)]
        nodes.append(_file(tab, name, 60 * row + 60))
    return nodes


def _broker(broker: Broker) -> Node:
    """The connection: a session that the broker keeps, and whose subscriptions a restart does not end."""
    return {
        "id": "nakhon-broker",
        "type": "mqtt-broker",
        "name": broker.url,
        "broker": broker.host,
        "port": str(broker.port),
        "clientid": "nakhon-node-red",
        "autoConnect": True,
        "usetls": broker.tls,
        "tls": "nakhon-tls" if broker.tls else "",
        "protocolVersion": "5",
        "keepalive": "60",
        "cleansession": False,
        "sessionExpiry": str(EXPIRY),
        "autoUnsubscribe": False,
        "birthTopic": "",
        "closeTopic": "",
        "willTopic": "",
    }


def _hear(tab: str, name: str, topic: str, y: int) -> Node:
    return {
        "id": f"nakhon-{name}-in", "type": "mqtt in", "z": tab, "name": name, "topic": topic, "qos": "1",
        "datatype": "utf8", "broker": "nakhon-broker", "nl": False, "rap": True, "rh": "2", "inputs": 0,
        "x": 140, "y": y, "wires": [[f"nakhon-{name}-apart"]],
    }  # fmt: skip


def _take_apart(tab: str, name: str, code: str, y: int) -> Node:
    return {
        "id": f"nakhon-{name}-apart", "type": "function", "z": tab, "name": f"{name} apart", "func": code,
        "outputs": 2, "timeout": 0, "noerr": 0, "initialize": "", "finalize": "", "libs": [],
        "x": 340, "y": y, "wires": [[f"nakhon-{name}-file"], ["nakhon-rejected-file"]],
    }  # fmt: skip


def _file(tab: str, name: str, y: int) -> Node:
    return {
        "id": f"nakhon-{name}-file", "type": "file", "z": tab, "name": f"{name}.jsonl",
        "filename": f"{name}.jsonl", "filenameType": "str", "appendNewline": True, "createDir": False,
        "overwriteFile": "false", "encoding": "utf8", "x": 560, "y": y, "wires": [[]],
    }  # fmt: skip
