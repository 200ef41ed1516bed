"""Rows of an HTTP endpoint that answers JSON or CSV, page after page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import Request, urlopen

import pyarrow as pa

from collector.language.errors import InputError, StoreError
from collector.sinks.file import Source
from collector.sinks.files import cells, field, parse_csv, told
from collector.stores.secrets import secret

TOKEN = "NAKHON_SINK_TOKEN"  # noqa: S105 - the name of the variable, not what it holds
MOST_PAGES = 10_000
LARGEST_PAGE = 256 << 20
PATIENCE = 60.0


def read_http(source: Source, wanted: Sequence[str]) -> pa.Table:
    """The wanted columns of all pages.

    `{page}` in the URL counts from 1 and `{offset}` counts rows, until a page is empty; or `next` is where an answer
    names the next page. Raises `InputError` for what is no such answer, `StoreError` if there is none.
    """
    if source.answer == "csv":
        pages = [parse_csv(source.url or "", body, source.delimiter, wanted) for body in _pages(source, _lines)]
        return pa.concat_tables(pages)
    rows = [row for body in _pages(source, _rows_in) for row in _cells(body, source, wanted)]
    return told(rows, wanted)


def _pages(source: Source, count: Any) -> Iterator[bytes]:
    url, offset = source.url or "", 0
    paged = "{page}" in url or "{offset}" in url
    here = url.replace("{page}", "1").replace("{offset}", "0")
    for page in range(2, MOST_PAGES + 2):
        body = _get(here, source)
        rows = count(body, source)
        yield body
        offset += rows
        if source.next is not None:
            further = field(_json(body, here), source.next)
            if not further:
                return
            here = _same_host(here, str(further))
        elif not paged or not rows:
            return
        else:
            here = url.replace("{page}", str(page)).replace("{offset}", str(offset))
    raise InputError(f"over {MOST_PAGES} pages at {urlsplit(here).netloc}: does its paging end?")


def _same_host(here: str, further: str) -> str:
    """The next page. Another server is not followed: it would get the token."""
    url = urljoin(here, further)
    if urlsplit(url)[:2] != urlsplit(here)[:2]:
        raise InputError(f"the next page is on another server ({urlsplit(url).netloc}): it is not followed")
    return url


def _get(url: str, source: Source) -> bytes:
    if urlsplit(url).scheme not in ("http", "https"):
        raise InputError(f"expected a URL that begins with http:// or https://, came {url[:40]!r}")
    request = Request(url, headers={"Accept": "text/csv" if source.answer == "csv" else "application/json"})  # noqa: S310
    if source.token:
        token = secret(TOKEN)
        if token is None:
            raise InputError(f"token = true wants {TOKEN} in the environment")
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    place = urlsplit(url).netloc
    try:
        with urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - http or https
            body: bytes = answer.read(LARGEST_PAGE + 1)
    except HTTPError as error:
        error.close()
        raise StoreError(f"{place} answered {error.code} {error.reason}") from None
    except (URLError, HTTPException, OSError) as error:
        raise StoreError(f"no answer from {place}: {getattr(error, 'reason', error)}") from None
    if len(body) > LARGEST_PAGE:
        raise InputError(f"a page of {place} is over {LARGEST_PAGE >> 20} MiB: ask for smaller pages")
    return body


def _json(body: bytes, where: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise InputError(f"expected JSON from {urlsplit(where).netloc}, came {body[:60]!r}") from None


def _rows(body: bytes, source: Source) -> list[Any]:
    told = _json(body, source.url or "")
    rows = field(told, source.rows) if source.rows else told
    if not isinstance(rows, list):
        there = ", ".join(told) if isinstance(told, dict) else type(told).__name__
        raise InputError(f"expected a list of rows{f' in {source.rows!r}' * bool(source.rows)}, came {there[:100]}: "
                         'name the field that holds them, such as rows = "data"')  # fmt: skip
    return rows


def _rows_in(body: bytes, source: Source) -> int:
    return len(_rows(body, source))


def _lines(body: bytes, _source: Source) -> int:
    return max(0, len(body.splitlines()) - 1)


def _cells(body: bytes, source: Source, wanted: Sequence[str]) -> list[list[str | None]]:
    try:
        return [cells(row, wanted) for row in _rows(body, source)]
    except ValueError:
        raise InputError("expected JSON objects as rows") from None
