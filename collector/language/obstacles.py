"""Why a broker is not reached, in a sentence that says what to do."""

from __future__ import annotations

import socket
import ssl

import paho.mqtt.client as mqtt

from collector.language.broker import Broker


def explained(broker: Broker, error: Exception) -> str:
    """Why no connection came about, by what the system or the library says."""
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens at {broker.url}: start a broker there, or name another with --broker"
    if isinstance(error, socket.gaierror):
        return f"no host named {broker.host!r}: check --broker"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {broker.url} is not trusted ({error.verify_message}): name its authority with --ca"
    if isinstance(error, ssl.SSLError):
        return f"no TLS with {broker.url} ({error.reason or error}): does it speak TLS at this port?"
    if isinstance(error, mqtt.WebsocketConnectionError):
        return f"{broker.url} does not answer as a WebSocket for MQTT does: check the port and the path"
    if isinstance(error, TimeoutError):
        return f"no answer from {broker.url}"
    return f"cannot connect to {broker.url}: {error}"


def hung_up(broker: Broker) -> str:
    """That the broker closed the connection before it answered."""
    hint = ": does it ask for a client certificate (--cert and --key)?" if broker.tls and not broker.certificate else ""
    return f"{broker.url} closed the connection before it answered{hint}"


def refused(broker: Broker, reason: str) -> str:
    """That the broker does not take us, with its reason."""
    hint = ""
    if "auth" in reason.lower() or "user name" in reason.lower():
        hint = "; user and password come from NAKHON_MQTT_USERNAME and NAKHON_MQTT_PASSWORD"
    return f"{broker.url} refuses the connection: {reason}{hint}"
