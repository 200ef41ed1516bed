"""How to reach a broker: `mqtt://host:1883`, `mqtts://host:8883`, who we are there, and which version we speak."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from collector.language.errors import InputError

PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker and how to speak to it.

    `protocol` is 5 or 4 (MQTT 3.1.1). The certificate files are PEM; without `authority` the system's
    authorities are trusted. The password is never shown.
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

    @property
    def url(self) -> str:
        """The URL, without user or password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


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
    """The broker behind a URL. Raises `InputError` for anything but `mqtt://` and `mqtts://`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InputError(f"expected a broker such as mqtt://localhost:1883, came {_shown(url)}") from None
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
        raise InputError(f"expected a broker such as mqtt://localhost:1883 or mqtts://host:8883, came {_shown(url)}")
    if parts.username or parts.password:
        raise InputError(
            "a password in a URL ends up in logs: put user and password into the environment instead "
            "(NAKHON_MQTT_USERNAME, NAKHON_MQTT_PASSWORD)"
        )
    if protocol not in ("5", "3.1.1"):
        raise InputError(f"expected MQTT version 5 or 3.1.1, came {protocol!r}")
    return Broker(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        tls=parts.scheme == "mqtts",
        protocol=5 if protocol == "5" else 4,
        username=username,
        password=password,
        authority=authority,
        certificate=certificate,
        key=key,
    )


def _shown(url: str) -> str:
    return repr(url if "@" not in url else f"...@{url.rpartition('@')[2]}")
