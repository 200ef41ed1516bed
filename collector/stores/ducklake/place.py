"""Where a DuckLake is: the PostgreSQL of its catalogue and the directory of its data, out of a URL."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from collector.language.errors import InputError

SCHEME = "ducklake:"
EXAMPLE = "ducklake:postgres://collector@database.example:5432/nakhon?data=/srv/nakhon"
_SAFETY = ("disable", "prefer", "require", "verify-ca", "verify-full")
_OPTIONS = ("data", "sslmode", "sslrootcert")


@dataclass(frozen=True, slots=True)
class Place:
    """A database of a PostgreSQL server and a directory; `tls` are the options of libpq for an encrypted connection."""

    host: str
    port: int
    user: str
    database: str
    data: Path
    tls: dict[str, str] = field(default_factory=dict)

    @property
    def server(self) -> str:
        """The server as it is named in messages."""
        return f"PostgreSQL at {self.host}:{self.port}"


def place_of(url: str) -> Place:
    """What the URL `ducklake:postgres://user@host:5432/database?data=/directory` names.

    Raises `InputError`, which never repeats a password that was in the URL.
    """
    parts = urlsplit(url.removeprefix(SCHEME))
    if parts.password is not None:
        raise InputError(
            "expected a URL without a password: leave it out and set NAKHON_POSTGRES_PASSWORD in the environment"
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    _check(url, options)
    host, user, database = parts.hostname, unquote(parts.username or ""), unquote(parts.path[1:])
    if not host or not user or not database or "/" in database:
        raise InputError(f"expected user, host and database such as {EXAMPLE}, came {url!r}")
    data = Path(options["data"])
    if not data.is_absolute():
        raise InputError(f"expected data=/an/absolute/directory that every collector shares, came {url!r}")
    tls = {name: options[name] for name in _OPTIONS[1:] if name in options}
    return Place(host, _port(url), user, database, data, tls)


def _check(url: str, options: dict[str, str]) -> None:
    unknown = options.keys() - set(_OPTIONS)
    if unknown or "data" not in options:
        raise InputError(f"expected ?data=/directory and perhaps sslmode and sslrootcert, came {url!r}")
    if options.get("sslmode", "prefer") not in _SAFETY:
        raise InputError(f"expected sslmode to be one of {', '.join(_SAFETY)}, came {options['sslmode']!r}")
    if "://" in options["data"]:
        raise InputError(
            f"expected a directory (a mounted share), came data={options['data']!r}: no object storage yet"
        )


def _port(url: str) -> int:
    try:
        return urlsplit(url.removeprefix(SCHEME)).port or 5432
    except ValueError:
        raise InputError(f"expected a port from 1 to 65535, came {url!r}") from None
