"""What the URL of an InfluxDB store says: server, organization, bucket, and what may be created."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from collector.language.errors import InputError

EXAMPLE = "influxdb://localhost:8086/city/readings"
INFLUXDB, VICTORIAMETRICS = "influxdb", "victoriametrics"
_SECONDS = {"h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([1-9]\d{0,5})([hdw])")
_OPTIONS = ("create", "retention", "ca", "dialect")


@dataclass(frozen=True, slots=True)
class Target:
    """A bucket of an organization on a server, and its second bucket, `accounts`, that keeps everything.

    `retention` is in seconds (None where the URL names none), `ca` a file of certificates to trust.
    """

    server: str
    organization: str
    bucket: str
    create: bool = False
    retention: int | None = None
    ca: str | None = None
    dialect: str = INFLUXDB

    @property
    def accounts(self) -> str:
        """The bucket of receipts, counts, births and rejected messages."""
        return f"{self.bucket}-accounts"


def parse(url: str) -> Target:
    """The target of `influxdb://HOST[:PORT]/ORGANIZATION/BUCKET[?create=true&retention=90d&ca=FILE&dialect=...]`.

    Raises `InputError`, which never repeats a password or token that stands in the URL.
    """
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise InputError(f"a token does not belong into a URL: set NAKHON_INFLUX_TOKEN, and name {EXAMPLE}")
    options = _options(parts.query)
    names = [unquote(part) for part in parts.path.strip("/").split("/") if part]
    if not parts.hostname or len(names) != 2:
        raise InputError(f"expected influxdb://HOST:8086/ORGANIZATION/BUCKET such as {EXAMPLE}, came {parts.path!r}")
    if options.get("dialect", INFLUXDB) not in (INFLUXDB, VICTORIAMETRICS):
        raise InputError(f"expected dialect={INFLUXDB} or {VICTORIAMETRICS}, came {options['dialect']!r}")
    return Target(
        server=_server(url),
        organization=names[0],
        bucket=names[1],
        create=_truth(options.get("create", "false")),
        retention=_duration(options["retention"]) if "retention" in options else None,
        ca=options.get("ca"),
        dialect=options.get("dialect", INFLUXDB),
    )


def _server(url: str) -> str:
    parts = urlsplit(url)
    try:
        port = parts.port or 8086
    except ValueError:
        raise InputError(f"expected a port from 1 to 65535 as in {EXAMPLE}") from None
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return f"{'https' if parts.scheme == 'influxdbs' else 'http'}://{host}:{port}"


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(options.keys() - set(_OPTIONS))
    if unknown:
        hint = ": a token belongs into NAKHON_INFLUX_TOKEN" if "token" in unknown else ""
        raise InputError(f"expected {', '.join(_OPTIONS)} after the ? of a store, came {unknown[0]!r}{hint}")
    return options


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise InputError(f"expected create=true or create=false, came create={text}")
    return text == "true"


def _duration(text: str) -> int:
    """Seconds of a duration such as 90d; 0 keeps everything."""
    if text == "0":
        return 0
    found = _DURATION.fullmatch(text)
    if found is None:
        raise InputError(f"expected retention in hours, days or weeks such as 90d (0 keeps all), came {text!r}")
    return int(found[1]) * _SECONDS[found[2]]
