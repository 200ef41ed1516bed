"""Names made up when none is given: runs, and the collector's name at the broker."""

from __future__ import annotations

import secrets
import socket
from datetime import UTC, datetime
from hashlib import blake2b

from collector.language.errors import InputError
from collector.language.topics import is_segment


def run_name(given: str | None, scenario: str) -> str:
    """The name of a run: the one given, or `<scenario>-<UTC>-<6 hex>`. Raises `InputError` for a bad one."""
    if given is None:
        return f"{scenario[:36]}-{datetime.now(UTC):%Y%m%dt%H%M%Sz}-{secrets.token_hex(3)}"
    if not is_segment(given):
        raise InputError(f"expected a run of lower-case letters, digits and hyphens (1 to 63), came {given!r}")
    return given


def collector_name(given: str | None, store: str) -> str:
    """The collector's client id: the one given, or one that is the same at every start on this store and host.

    What a URL says beside which store it is (`?create=true`) does not change it.
    """
    if given is not None:
        return given
    place = f"{socket.gethostname()} {store.partition('?')[0]}"
    return f"nakhon-collector-{blake2b(place.encode(), digest_size=4).hexdigest()}"
