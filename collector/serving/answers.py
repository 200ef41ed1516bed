"""How the API answers: the format that was asked for, a page of it, and only what is new to whoever asks again."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.compute as pc
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from collector.language.errors import InputError
from collector.reporting import tables
from collector.serving import exchange

LIMIT = 1_000_000
PAGING = ("limit", "cursor")
WRITING = ("format", "bom")
TABLE = (*WRITING, *PAGING)
_ADVICE = "narrow the selection, add a bucket such as bucket=1d, set limit, or ask for format=arrow"
_KEYS = ("run", "city", "pillar", "station", "indicator", "origin", "time", "kind", "limit", "averaging", "part", "lag")


@dataclass(frozen=True, slots=True)
class Form:
    """How a table is to be written: its format, a byte-order mark, how many rows, and after which one."""

    kind: str
    bom: bool = False
    limit: int | None = None
    cursor: str | None = None


def form_of(request: Request, told: Mapping[str, list[str]]) -> Form:
    """The form that a request asks for by parameters, or by its `Accept` header. Raises `InputError`."""
    asked = exchange.single(told, "format", exchange.word(tuple(tables.FORMATS)))
    return Form(
        asked or accepted(request.headers.get("accept", "")),
        bom=exchange.single(told, "bom", exchange.truth) is True,
        limit=exchange.single(told, "limit", exchange.whole(1, LIMIT)),
        cursor=exchange.single(told, "cursor", lambda _, text: text),
    )


def accepted(accept: str) -> str:
    """The format of `FORMATS` that an `Accept` header likes best, JSON where it names none."""
    liked = [_liked(one) for one in accept.lower().split(",")[:20]]
    kinds = {media: kind for kind, media in tables.FORMATS.items()}
    known = [(weight, kinds[media]) for weight, media in liked if media in kinds and weight > 0]
    return max(known, key=lambda one: one[0])[1] if known else "json"


def table_answer(request: Request, table: pa.Table, form: Form) -> Response:
    """A table, or a page of it with a link to the next, or 304 where it is what the asker has. Raises `InputError`."""
    page, cursor = paged(table, form)
    headers = {"vary": "accept", "cache-control": "private, no-cache", "etag": table_tag(page, form)}
    more: dict[str, object] = {}
    if cursor:
        address = _next(request, cursor)
        headers["link"], more["next"] = f'<{address}>; rel="next"', address
    if known(request, headers["etag"]):
        return Response(status_code=304, headers=headers)
    kind = tables.FORMATS[form.kind]
    if form.kind == "json":
        return Response(tables.table_json(page, _ADVICE, more), headers=headers, media_type=kind)
    pieces = tables.encoded(page, form.kind, bom=form.bom, advice=_ADVICE)
    if form.kind in ("xlsx", "parquet"):
        name = request.url.path.rstrip("/").rpartition("/")[2]
        headers["content-disposition"] = f'attachment; filename="{name}.{form.kind}"'
    return StreamingResponse(pieces, headers=headers, media_type=kind)


def body_answer(request: Request, body: bytes, kind: str = tables.JSON) -> Response:
    """A whole body, or 304 where it is what the asker has."""
    tag = f'W/"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"cache-control": "private, no-cache", "etag": tag}
    if known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=kind)


def known(request: Request, tag: str) -> bool:
    """Whether a request says that it has the answer with this tag."""
    told = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
    return tag in told or "*" in told


def table_tag(table: pa.Table, form: Form) -> str:
    """The tag of a table in a format: another wherever a value, a name or the metadata is another."""
    digest = blake2b(f"{form.kind} {form.bom} {form.cursor} {form.limit}".encode(), digest_size=12)
    for piece in tables.table_arrow(table):
        digest.update(piece)
    return f'W/"{digest.hexdigest()}"'


def paged(table: pa.Table, form: Form) -> tuple[pa.Table, str | None]:
    """The rows after the cursor, `limit` at most, and the cursor of the page after; None at the end.

    Pages follow the rows' own names and times: rows that come in meanwhile neither double nor hide others.
    Raises `InputError` for a cursor that belongs to another question.
    """
    start = 0 if form.cursor is None else _after(table, form.cursor)
    if form.limit is None:
        return table.slice(start), None
    end = start + form.limit
    return table.slice(start, form.limit), _cursor(table, end) if end < table.num_rows else None


def _cursor(table: pa.Table, end: int) -> str:
    last = {name: _told(table[name][end - 1].as_py()) for name in _KEYS if name in table.column_names}
    return urlsafe_b64encode(json.dumps([end, last], separators=(",", ":")).encode()).decode().rstrip("=")


def _after(table: pa.Table, cursor: str) -> int:
    """Where the row after the one of a cursor is: where it was, or wherever that row is now."""
    try:
        end, last = json.loads(urlsafe_b64decode(cursor[:4096] + "=" * (-len(cursor) % 4)))
        good = int(end) > 0 and set(last) == {name for name in _KEYS if name in table.column_names}
    except (ValueError, TypeError):
        good = False
    if not good:
        raise InputError("expected the cursor of the answer before, with the same question")
    if end <= table.num_rows and last == {name: _told(table[name][end - 1].as_py()) for name in last}:
        return int(end)
    there = pa.chunked_array([pa.array(range(table.num_rows), pa.int64())])
    rows = table.select(list(last)).append_column("place", there)
    for name, value in last.items():
        rows = rows.filter(pc.equal(_text(rows[name]), "" if value is None else str(value)))
    if not rows.num_rows:
        raise InputError("the row that the cursor stands for is gone: ask again from the first page")
    return int(rows["place"][rows.num_rows - 1].as_py()) + 1


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_string(column.type):
        return pc.fill_null(column, "")
    told: Iterable[Any] = (_told(value) for value in column.to_pylist())
    return pa.chunked_array([pa.array(["" if value is None else str(value) for value in told], pa.string())])


def _told(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _next(request: Request, cursor: str) -> str:
    asked = [item for item in request.query_params.multi_items() if item[0] != "cursor"]
    return f"{request.url.path}?{urlencode([*asked, ('cursor', cursor)])}"


def _liked(one: str) -> tuple[float, str]:
    media, *parameters = (part.strip() for part in one.split(";"))
    weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    try:
        return float(weight), media
    except ValueError:
        return 0.0, media
