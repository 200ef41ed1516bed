"""A running collector asked what its store holds, and for a copy of it, over its HTTP API."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from pydantic import TypeAdapter, ValidationError

from collector.language.errors import InputError, StoreError
from collector.stores.duckdb import backup as duckdb_backup
from collector.stores.keeping import Copied, Facts
from collector.stores.secrets import secret

DIGEST = "nakhon-sha256"  # the header with the digest of a copy
_TOKENS = ("NAKHON_API_CONTROL_TOKEN", "NAKHON_API_TOKEN")
_PATIENCE = 600.0
_PIECE = 1 << 20


def facts(url: str) -> Facts:
    """What the store of a running collector holds. Raises `StoreError`, or `InputError` if it does not tell."""
    with _asked(url, "/api/v1/store", "GET") as answer:
        try:
            return TypeAdapter(Facts).validate_json(answer.read())
        except ValidationError:
            raise StoreError(f"expected figures of a store from {url}; is it a collector of this version?") from None


def fetch_backup(url: str, to: Path) -> Copied:
    """A copy of the store of a running collector, verified here; nothing is left of one that breaks off.

    Raises `InputError` if there is a file of that name or the collector refuses, `StoreError` if the copy fails.
    """
    started = time.monotonic()
    with duckdb_backup.in_the_making(to) as young, _asked(url, "/api/v1/backup", "POST") as answer:
        digest = hashlib.sha256()
        with young.open("xb") as file:
            while piece := answer.read(_PIECE):
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != answer.headers.get(DIGEST):
            raise StoreError(f"the copy from {url} broke off after {young.stat().st_size} bytes: try again")
        readings = duckdb_backup.readings_in(young)
    return Copied(to, to.stat().st_size, readings, time.monotonic() - started, 0.0)


@contextmanager
def _asked(url: str, path: str, method: str) -> Iterator[HTTPResponse]:
    request = Request(f"{url.rstrip('/')}{path}", method=method)  # noqa: S310 - the kind of URL was checked
    if token := next((found for name in _TOKENS if (found := secret(name))), None):
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=_PATIENCE) as answer:
            yield answer
    except HTTPError as error:
        raise _explained(error, url) from None
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        raise StoreError(f"no collector answers at {url}, or it broke off: {reason}") from None


def _explained(error: HTTPError, url: str) -> Exception:
    with error:
        try:
            told = str(json.loads(error.read())["detail"])
        except (ValueError, KeyError, TypeError, OSError):
            told = error.reason
    if error.code in (401, 403):
        return InputError(f"{url} refuses: {told}; the token is taken from {_TOKENS[0]}")
    return InputError(told) if error.code == 400 else StoreError(f"{url} answered {error.code}: {told}")
