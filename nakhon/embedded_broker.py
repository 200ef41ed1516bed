"""A real MQTT broker (rumqttd, in the iotcore wheel) for one machine: loopback only, MQTT 5 and 3.1.1 on two ports.

It forgets sessions and retained messages when it ends; a city that must not lose anything uses a broker that keeps
them on disk (see `docs/delivery.md`).
"""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from iotcore import Broker as Rumqttd

from collector.language.broker import Broker
from collector.language.errors import BrokerError

HOST = "127.0.0.1"

_CONFIGURATION = """\
id = 0

[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10

[v5.1]
name = "mqtt-5"
listen = "{host}:{port_5}"
next_connection_delay_ms = 1
    [v5.1.connections]
    connection_timeout_ms = 60000
    max_payload_size = 1114112
    max_inflight_count = 100
    dynamic_filters = true

[v4.1]
name = "mqtt-3.1.1"
listen = "{host}:{port_4}"
next_connection_delay_ms = 1
    [v4.1.connections]
    connection_timeout_ms = 60000
    max_payload_size = 1114112
    max_inflight_count = 100
    dynamic_filters = true
"""


@contextlib.contextmanager
def embedded_broker(port: int = 0) -> Iterator[tuple[Broker, Broker]]:
    """A running broker: how to reach it with MQTT 5, and with MQTT 3.1.1 (the next port, or any free one).

    Raises `BrokerError` if a port is taken or the broker does not start.
    """
    port_5, port_4 = (port, port + 1) if port else _free_ports(2)
    with tempfile.TemporaryDirectory(prefix="nakhon-broker-") as folder:
        path = Path(folder) / "rumqttd.toml"
        path.write_text(_CONFIGURATION.format(host=HOST, port_5=port_5, port_4=port_4), "utf-8")
        broker = Rumqttd(config_path=str(path))
        try:
            broker.start()
        except (OSError, RuntimeError) as error:
            raise BrokerError(f"the embedded broker does not start on {HOST}:{port_5}: {error}") from None
        try:
            yield Broker(HOST, port_5), Broker(HOST, port_4, protocol=4)
        finally:
            broker.stop()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]
