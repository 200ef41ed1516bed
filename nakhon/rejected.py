"""What was rejected: listed, counted, shown with its bytes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from rich.table import Table
from rich.text import Text

from collector.language.errors import InputError, StoreError
from collector.language.time import format_epoch
from collector.stores import open_store
from collector.stores.protocol import Rejection, Store
from nakhon.terminal.console import shown
from nakhon.terminal.plain import plain

MOST = 100_000
SHORT = 8
LINES_SHOWN = 200

_KINDS: dict[str, Callable[[Rejection], str]] = {
    "reason": lambda one: kind_of(one.reason),
    "topic": lambda one: one.topic,
    "run": lambda one: one.run,
    "fate": lambda one: one.fate.value,
}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rejections: of a run, with a text in the reason, by the beginning of their ids; the newest `limit`."""

    run: str | None = None
    reason: str | None = None
    ids: Sequence[str] = ()
    limit: int | None = None


def identity(one: Rejection) -> str:
    """The id of a rejection: 16 hexadecimal digits made of its topic and its bytes, the same in every store."""
    return blake2b(f"{one.topic}\0{one.digest:016x}".encode("utf-8", "replace"), digest_size=8).hexdigest()


def chosen(store: Store, choice: Choice) -> list[Rejection]:
    """The rejections that are meant, oldest first. Raises `InputError` for an id that none or several have."""
    kept = [one for one in _newest(store, choice.run) if (choice.reason or "").lower() in one.reason.lower()]
    if choice.ids:
        by_id = {identity(one): one for one in kept}
        kept = list({name: by_id[name] for prefix in choice.ids for name in [_one_of(prefix.lower(), by_id)]}.values())
    return kept if choice.limit is None else kept[max(0, len(kept) - choice.limit) :]


def show_list(source: str, choice: Choice, by: str | None, *, as_json: bool) -> None:
    """Print what was rejected, newest last, or how many by what."""
    if by is not None and by not in _KINDS:
        raise InputError(f"expected --by {', '.join(_KINDS)}, came {by!r}")
    with opened(source, read_only=True) as store:
        kept = chosen(store, choice)
    if by is not None:
        _show_counts(Counter(_KINDS[by](one) for one in kept), by, as_json=as_json)
    elif as_json:
        print(json.dumps([_told(one) for one in kept]))
    else:
        _show_table(kept)


def show_one(source: str, prefix: str, *, as_json: bool) -> None:
    """Print a rejection with its bytes: as text where they are UTF-8, else in hexadecimal."""
    with opened(source, read_only=True) as store:
        (one,) = chosen(store, Choice(ids=(prefix,)))
    if as_json:
        print(json.dumps(_told(one) | {"payload": one.payload.hex()}))
        return
    for name, text in (
        ("id", identity(one)),
        ("run", one.run or "(none in its topic)"),
        ("topic", one.topic),
        ("received", _moment(one.received)),
        ("fate", one.fate.value),
        ("reason", one.reason),
        ("size", f"{one.size:,} bytes{_cut(one)}"),
    ):
        shown.print(Text.assemble((f"{name:9}", "bold"), plain(text)), soft_wrap=True)
    shown.print()
    for line in _payload_lines(one.payload):
        shown.print(Text(line), soft_wrap=True)


@contextmanager
def opened(source: str, *, read_only: bool) -> Iterator[Store]:
    """A store for as long as it is needed."""
    store = open_store(source, read_only=read_only)
    try:
        yield store
    finally:
        store.close()


def _newest(store: Store, run: str | None) -> list[Rejection]:
    """As many of the newest rejections as there are, or as fit into an answer of the API."""
    limit = MOST
    while True:
        try:
            return store.rejections(run, limit)
        except StoreError as error:
            if "do not fit" not in str(error) or limit == 1:
                raise
            limit = max(1, limit // 2)


def _one_of(prefix: str, by_id: dict[str, Rejection]) -> str:
    found = [name for name in by_id if name.startswith(prefix)] if len(prefix) >= 4 else []
    if len(found) != 1:
        came = f"{prefix!r}, the beginning of {len(found)}" if found else repr(prefix)
        raise InputError(f"expected the id of one rejection (`nakhon rejected list` shows them), came {came}")
    return found[0]


def _show_table(kept: Sequence[Rejection]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("id", "received", "run", "topic", "fate", "size", "reason"):
        table.add_column(name, justify="right" if name == "size" else "left", overflow="fold")
    for one in kept:
        cells = (identity(one)[:SHORT], _moment(one.received), one.run, plain(one.topic, 80), one.fate.value)
        size = f"{one.size:,}{' cut' if _cut(one) else ''}"
        table.add_row(*(Text(cell) for cell in (*cells, size, plain(one.reason, 160))))
    if kept:
        shown.print(table)
    shown.print(f"{len(kept):,} messages kept apart", markup=False)


def _show_counts(counts: Counter[str], by: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([{by: name, "messages": count} for name, count in counts.most_common()]))
        return
    for name, count in counts.most_common():
        shown.print(Text(f"{count:>9,}  {plain(name, 200) or '(none)'}"), soft_wrap=True)
    shown.print(f"{sum(counts.values()):>9,}  in all", markup=False)


def _told(one: Rejection) -> dict[str, Any]:
    return {
        "id": identity(one),
        "run": one.run,
        "received": _moment(one.received),
        "topic": one.topic,
        "fate": one.fate.value,
        "reason": one.reason,
        "size": one.size,
        "kept": len(one.payload),
    }


def _payload_lines(payload: bytes) -> list[str]:
    try:
        lines = [plain(line.rstrip("\r")) for line in payload.decode().split("\n")]
    except UnicodeDecodeError:
        lines = [_dump(payload, at) for at in range(0, len(payload), 16)]
    left = len(lines) - LINES_SHOWN
    return lines if left <= 0 else [*lines[:LINES_SHOWN], f"... and {left:,} more lines (--json has all)"]


def _dump(payload: bytes, at: int) -> str:
    row = payload[at : at + 16]
    seen = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
    return f"{at:08x}  {row[:8].hex(' '):23}  {row[8:].hex(' '):23}  {seen}"


def _cut(one: Rejection) -> str:
    kept = len(one.payload)
    return f", of which only {kept:,} are kept: it cannot be replayed" if kept < one.size else ""


def _moment(epoch: float) -> str:
    return format_epoch(int(epoch))


def kind_of(reason: str) -> str:
    """A reason without what differs from message to message."""
    quoted = re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", reason)
    return re.sub(r"(?<![\w/.-])\d+(?:[.,]\d+)*(?!\w)", "N", quoted)
