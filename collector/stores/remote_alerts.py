"""A running collector asked for its alerts, over its HTTP API."""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from collector.language.errors import InputError, StoreError
from collector.stores.secrets import secret

TOKEN = "NAKHON_API_TOKEN"  # noqa: S105 - the name of the variable, not what it holds
_KEYS = frozenset({"watching", "alerts", "recent", "rules", "waiting", "trouble"})
_PATIENCE = 30.0
_LARGEST = 64 << 20


def fetch_alerts(url: str, run: str | None = None) -> dict[str, Any]:
    """What `GET /api/v1/alerts` of a collector tells: what stands, the newest notices, the rules.

    Raises `InputError` for what is no URL of a collector or is refused, `StoreError` if none answers there.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"expected the URL of a collector such as http://localhost:8080, came {url[:80]!r}")
    query = "?" + urlencode({"run": run}) if run else ""
    request = Request(f"{url.rstrip('/')}/api/v1/alerts{query}")  # noqa: S310 - http or https
    if token := secret(TOKEN):
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=_PATIENCE) as answer:
            told = json.loads(answer.read(_LARGEST))
    except HTTPError as error:
        error.close()
        hint = f"; the token is taken from {TOKEN}" if error.code in (401, 403) else ""
        raise InputError(f"{url} refuses: {error.code} {error.reason}{hint}") from None
    except (URLError, HTTPException, OSError) as error:
        raise StoreError(f"no collector answers at {url}: {getattr(error, 'reason', error)}") from None
    except ValueError:
        told = None
    if not isinstance(told, dict) or not told.keys() >= _KEYS:
        raise StoreError(f"expected alerts from {url}; is it a collector of this version?")
    return told
