"""How to reach a broker (`mqtt://`, `mqtts://`, `ws://`, `wss://`), who we are there, and which version we speak."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from collector.language.errors import InputError

PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
WEBSOCKET = "/mqtt"


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker and how to speak to it.

    `protocol` is 5 or 4 (MQTT 3.1.1), `path` that of a WebSocket, None for none. The certificate files are PEM; without
    `authority` the system's authorities are trusted. The password is never shown.
    """

    host: str
    port: int
    tls: bool = False
    protocol: int = 5
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    authority: str | None = None
    certificate: str | None = None
    key: str | None = None
    path: str | None = None

    @property
    def url(self) -> str:
        """The URL, without user or password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "mqtt" if self.path is None else "ws"
        return f"{scheme}{'s' if self.tls else ''}://{host}:{self.port}{self.path or ''}"


def parse_broker(
    url: str,
    *,
    protocol: str = "5",
    username: str | None = None,
    password: str | None = None,
    authority: str | None = None,
    certificate: str | None = None,
    key: str | None = None,
) -> Broker:
    """The broker behind a URL; a WebSocket has the path `/mqtt` unless another is given.

    Raises `InputError` for anything but `mqtt://`, `mqtts://`, `ws://` and `wss://`, and for certificates without TLS.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InputError(f"expected a broker such as mqtt://localhost:1883, came {_shown(url)}") from None
    websocket = parts.scheme in ("ws", "wss")
    plain = websocket or not parts.path.strip("/")
    if parts.scheme not in PORTS or not parts.hostname or not plain or parts.query or parts.fragment:
        raise InputError(
            "expected a broker such as mqtt://localhost:1883, mqtts://host:8883, ws://host:8080/mqtt or "
            f"wss://host/mqtt, came {_shown(url)}"
        )
    if parts.username or parts.password:
        raise InputError(
            "a password in a URL ends up in logs: put user and password into the environment instead "
            "(NAKHON_MQTT_USERNAME, NAKHON_MQTT_PASSWORD)"
        )
    if protocol not in ("5", "3.1.1"):
        raise InputError(f"expected MQTT version 5 or 3.1.1, came {protocol!r}")
    _check_certificates(parts.scheme, authority, certificate, key)
    return Broker(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        tls=parts.scheme in ("mqtts", "wss"),
        protocol=5 if protocol == "5" else 4,
        username=username,
        password=password,
        authority=authority,
        certificate=certificate,
        key=key,
        path=(parts.path.rstrip("/") or WEBSOCKET) if websocket else None,
    )


def _check_certificates(scheme: str, authority: str | None, certificate: str | None, key: str | None) -> None:
    if scheme in ("mqtt", "ws") and (authority or certificate or key):
        raise InputError(f"--ca, --cert and --key are for TLS: write {scheme}s:// for {scheme}://, or leave them out")
    if key and not certificate:
        raise InputError("--key is the key of a certificate: give that too, with --cert")


def _shown(url: str) -> str:
    return repr(url if "@" not in url else f"...@{url.rpartition('@')[2]}")
