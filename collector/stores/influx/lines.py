"""From a batch to line protocol, column by column, with nothing in a topic or payload able to forge a line.

Only what identifies a value is a tag, so that a message written again overwrites itself and nothing else.
`docs/influxdb.md` shows the layout.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import quote, unquote

import numpy as np

from collector.intake.positions import short
from collector.language.indicators import indicators
from collector.language.messages import Event, Readings, Statistic
from collector.language.profile import Status, encode_status
from collector.language.topics import Address, CityAddress
from collector.stores.duckdb.rows import event_values
from collector.stores.protocol import Accepted, Fate, Rejection

PIECE = 16_000  # characters of a text field: at most 64,000 bytes, and InfluxDB promises 64 KiB
_NOTHING = "%"
_UNSAFE = re.compile(r"[%\\\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
_ESCAPED = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_QUOTED = str.maketrans({"\\": "\\\\", '"': '\\"'})


def tag_text(value: str) -> str:
    """A text as the tags hold it: what a tag cannot hold is percent-encoded, an empty text is a lone percent sign."""
    if not value:
        return _NOTHING
    return _UNSAFE.sub(lambda found: quote(found[0], errors="surrogatepass"), value)


def tag_value(text: str) -> str:
    """The text behind what a tag holds; the inverse of `tag_text`."""
    if "%" not in text:
        return text
    return "" if text == _NOTHING else unquote(text, errors="surrogatepass")


def tag(value: str) -> str:
    """The value of a tag in line protocol."""
    return tag_text(value).translate(_ESCAPED)


def text(value: str) -> str:
    """A text field in line protocol, quotes included; line breaks would be lost on the way back through CSV."""
    return f'"{plain(value).translate(_QUOTED)}"'


def plain(value: str) -> str:
    """A text that is valid UTF-8: what cannot be encoded is written out."""
    return value.encode("utf-8", "backslashreplace").decode()


def texts(name: str, value: str) -> str:
    """A text of any length as fields `name`, `name_1`, ...: a piece of full length says that another follows."""
    value = plain(value)
    pieces = [value[at : at + PIECE] for at in range(0, len(value) + 1, PIECE)]
    return ",".join(f"{name}{f'_{i}' if i else ''}={text(piece)}" for i, piece in enumerate(pieces))


def joined(name: str, fields: dict[str, str]) -> str:
    """The text behind the fields of `texts`; pieces left of a longer text before it are ignored."""
    pieces = [fields.get(name, "")]
    while len(pieces[-1]) == PIECE:
        pieces.append(fields.get(f"{name}_{len(pieces)}", ""))
    return "".join(pieces)


def value_lines(accepted: Iterable[Accepted]) -> list[str]:
    """Readings, events and statistics; times are seconds.

    A reading is the field `value`, or `flagged` where it is outside the bounds of the catalogue.
    """
    lines: list[str] = []
    for one in accepted:
        body, address = one.message.body, one.message.address
        if isinstance(body, Readings):
            _add_readings(body, address, lines)
        elif isinstance(body, Event):
            lines.append(_event(body, address))
        else:
            lines.append(_statistic(body, address))
    return lines


def oldest(body: Readings | Event | Statistic) -> int:
    """The earliest time under which a body is kept, in seconds since 1970."""
    match body:
        case Readings():
            return int(body.times.astype(np.int64).min())
        case Event():
            return _epoch(body.time)
        case Statistic():
            return _epoch(body.published)


def receipt_lines(accepted: Iterable[Accepted]) -> list[str]:
    """A receipt for each numbered message: its number is the time (nanoseconds), the field 32 bits of its digest."""
    return [
        f"{_stream(one.message.address, one.message.session)}digest={short(one.digest)}i {one.message.seq}"
        for one in accepted
        if one.message.session is not None and one.message.seq is not None
    ]


def birth_lines(births: Sequence[tuple[Address | CityAddress, Status]], now: int) -> list[str]:
    """The newest birth of each place and session, and whether its will came; `now` orders births (nanoseconds)."""
    lines = []
    for order, (address, status) in enumerate(births):
        places = "stations" if isinstance(address, Address) else "cities"
        key = f"{places},{_place(address)},session={tag(status.session)}"
        if status.online and status.profile is not None:
            lines.append(f"{key} {texts('birth', encode_status(status).decode())},online=true,born={now + order}i 0")
        elif not status.online:
            lines.append(f"{key} online=false 0")
    return lines


def run_lines(runs: Iterable[str], now: int) -> list[str]:
    """When each run was first seen, in nanoseconds since 1970."""
    return [f"runs,run={tag(run)} seen={now + order}i 0" for order, run in enumerate(runs)]


def rejected_lines(rejected: Sequence[Rejection], writer: str) -> list[str]:
    """Messages kept outside the readings, at the microsecond they were received; payloads in base64."""
    lines = []
    for order, one in enumerate(rejected):
        time = int(one.received * 1e6) * 1000 + order % 1000
        lines.append(
            f"rejected,fate={one.fate.value},run={tag(one.run)},writer={writer} topic={text(tag_text(one.topic))},"
            f'{texts("payload", b64encode(one.payload).decode())},size={one.size}i,digest="{one.digest}",'
            f"reason={text(tag_text(one.reason))},received={one.received} {time}"
        )
    return lines


def count_lines(totals: dict[tuple[str, Fate], int], writer: str) -> list[str]:
    """How many deliveries this writer has counted in all since it started, by run and fate."""
    return [
        f"counts,fate={fate.value},run={tag(run)},writer={writer} deliveries={total}i 0"
        for (run, fate), total in totals.items()
    ]


def _add_readings(body: Readings, address: Address, lines: list[str]) -> None:
    place, times = _place(address), body.times.astype(np.int64).tolist()
    for indicator, column in body.columns.items():
        series, low, high = _series("readings", place, indicator)
        lines += [
            f"{series} {'value' if low <= value <= high else 'flagged'}={value} {time}"
            for value, time in zip(column.tolist(), times, strict=True)
            if value == value  # a missing value has no line
        ]


def _event(body: Event, address: Address) -> str:
    fields = json.dumps(body.fields, separators=(",", ":"), ensure_ascii=False)
    values = "".join(f",{name}={value}" for name, value in event_values(body).items())
    key = f"events,{_place(address)},id={tag(body.id)},type={tag(body.type)}"
    return f"{key} {texts('fields', fields)}{values} {_epoch(body.time)}"


def _statistic(body: Statistic, address: Address) -> str:
    series, low, high = _series("statistics", _place(address), body.indicator)
    field = "value" if low <= body.value <= high else "flagged"
    key = f"{series},period={tag(body.period)},revision={body.revision}"
    return f"{key} {field}={float(body.value)} {_epoch(body.published)}"


@lru_cache(maxsize=262_144)
def _series(measurement: str, place: str, indicator: str) -> tuple[str, float, float]:
    """Measurement and tags of a series, and the bounds of its good values."""
    entry = indicators().get(indicator)
    low, high = (entry.minimum, entry.maximum) if entry else (-np.inf, np.inf)
    return f"{measurement},{place},indicator={tag(indicator)}", low, high


@lru_cache(maxsize=65_536)
def _stream(address: Address, session: str) -> str:
    names = f"city={tag(address.city)},run={tag(address.run)},session={tag(session)},station={tag(address.station)}"
    return f"receipts,{names} "


@lru_cache(maxsize=65_536)
def _place(address: Address | CityAddress) -> str:
    names = {"city": address.city, "run": address.run}
    if isinstance(address, Address):
        names |= {"pillar": address.pillar, "station": address.station}
    return ",".join(f"{name}={tag(value)}" for name, value in names.items())


def _epoch(time: np.datetime64) -> int:
    return int(time.astype("datetime64[s]").astype(np.int64))
