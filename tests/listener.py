"""A client of a broker that keeps everything it hears."""

from __future__ import annotations

import threading

import paho.mqtt.client as mqtt

from collector.language.broker import parse_broker
from collector.language.connection import Connection, Network, Session


class Listener:
    """Keeps every message of the topics in order; made when the broker has granted the subscription."""

    def __init__(self, url: str, topics: str = "nakhon/#", qos: int = 1) -> None:
        self.messages: list[mqtt.MQTTMessage] = []
        listening = threading.Event()
        self._network = Network().start()
        self.connection = Connection(
            self._network, parse_broker(url), Session("listener"), on_message=self.messages.append,
            on_up=lambda _remembered: self.connection.client.subscribe(topics, qos=qos),
        )  # fmt: skip
        self.connection.client.on_subscribe = lambda *_args: listening.set()
        self._network.add(self.connection)
        self.connection.wait_up(10)
        assert listening.wait(10)

    def close(self) -> None:
        self._network.stop()
