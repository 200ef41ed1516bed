"""What the programs log: lines of text, or one JSON object a line; no secrets, and no line a thousand times over."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")
PERIOD = 60.0
BURST = 5
KINDS = 500
HIDDEN = "[secret]"
_VALUE = re.compile(r"%[^a-zA-Z%]*[a-zA-Z]")
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "event", "left_out", "taskName"}
_structured = False


def set_up(style: str = "text", level: str = "info", secrets: Iterable[str] = ()) -> None:
    """Log to standard error from now on, in one of `FORMATS`, from one of `LEVELS`; these secrets are never shown."""
    global _structured  # noqa: PLW0603 - logging itself is one for the whole process
    _structured = style == "json"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json(secrets) if _structured else Text(secrets))
    handler.addFilter(Repeats())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def structured() -> bool:
    """Whether programs read what is logged."""
    return _structured


class Text(logging.Formatter):
    """A line for people: time, level, words."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")
        self._secrets = _hidden(secrets)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: D102, N802 - logging
        record.message = _visible(record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:  # noqa: D102 - logging
        left_out = getattr(record, "left_out", 0)
        return _without(self._secrets, super().format(record)) + (f" ({left_out} more like this)" if left_out else "")


class Json(logging.Formatter):
    """A JSON object: time (UTC), level, logger, event (the words without their values), text, and further fields."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = _hidden(secrets)

    def format(self, record: logging.LogRecord) -> str:  # noqa: D102 - logging
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": getattr(record, "event", None) or _VALUE.sub("…", str(record.msg)),
            "text": record.getMessage(),
        }
        told |= {name: value for name, value in vars(record).items() if name not in _USUAL}
        if left_out := getattr(record, "left_out", 0):
            told["left_out"] = left_out
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return _without(self._secrets, json.dumps(told, ensure_ascii=False, default=str))


@dataclass(slots=True)
class _Kind:
    since: float
    shown: int = 0
    left_out: int = 0


class Repeats(logging.Filter):
    """Lets through `BURST` records of a kind in `PERIOD` seconds; the first of the next period says how many more.

    A kind is the words without their values, so that what is said with a thousand values is one kind.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: OrderedDict[tuple[str, int, str], _Kind] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: D102 - logging
        key, now = (record.name, record.levelno, str(record.msg)), self._clock()
        kind = self._kinds.pop(key, None) or _Kind(now)
        self._kinds[key] = kind
        if len(self._kinds) > KINDS:
            self._kinds.popitem(last=False)
        if now - kind.since >= PERIOD:
            record.left_out = kind.left_out
            kind.since, kind.shown, kind.left_out = now, 0, 0
        kind.shown += 1
        kind.left_out += kind.shown > BURST
        return kind.shown <= BURST


def _hidden(secrets: Iterable[str]) -> tuple[str, ...]:
    """Secrets as they may appear, the longest first; very short ones would hide ordinary words."""
    forms = {form for secret in secrets if len(secret) >= 6 for form in _forms(secret)}
    return tuple(sorted(forms, key=len, reverse=True))


def _forms(secret: str) -> Iterator[str]:
    """A secret as it is, as JSON writes it, and as a line of text writes it."""
    yield secret
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield _visible(secret)


def _visible(text: str) -> str:
    """Text on one line, without signs that end the line or turn its direction."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _without(secrets: tuple[str, ...], text: str) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text
