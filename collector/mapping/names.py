"""Topics with named parts, texts made of them, and ids of stations from names of devices."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from hashlib import blake2b

from collector.language.errors import InputError, PayloadError
from collector.language.topics import is_segment
from collector.mapping.paths import ABSENT, Path, look_up, parse_path, written

_PART = re.compile(r"\{([a-z][a-z0-9_]{0,30})(#?)\}", re.ASCII)
_FIELD = re.compile(r"\{([^{}]+)\}")
_MARKED = re.compile(r".*-[0-9a-f]{10}", re.ASCII)
_LONGEST = 63
_MARK = 11


@dataclass(frozen=True, slots=True)
class Pattern:
    """A topic with named parts: `tele/{station}/SENSOR`; `{station#}` at the end takes several levels, + and # any."""

    text: str
    filter: str
    parts: tuple[str, ...]
    shape: re.Pattern[str]

    def match(self, topic: str) -> dict[str, str] | None:
        """The parts of a topic, None if it is another."""
        found = self.shape.fullmatch(topic)
        return None if found is None else found.groupdict()


def parse_pattern(text: str) -> Pattern:
    """The pattern behind a text. Raises `InputError`."""
    levels = text.split("/")
    if not text or len(text) > 512 or text.startswith("$") or any(ord(letter) < 32 for letter in text):
        raise InputError(f"expected a topic such as tele/{{station}}/SENSOR, came {text!r}")
    shapes, filters, parts = [], [], list[str]()
    for place, level in enumerate(levels):
        shape, own = _level(level, last=place == len(levels) - 1)
        shapes.append(shape)
        filters.append("#" if level == "#" or level.endswith("#}") else "+" if own or level == "+" else level)
        parts += own
    if len(set(parts)) < len(parts):
        raise InputError(f"expected every part of the topic once, came {text!r}")
    return Pattern(text, "/".join(filters), tuple(parts), re.compile("/".join(shapes), re.DOTALL))


def _level(level: str, *, last: bool) -> tuple[str, list[str]]:
    if level in ("+", "#"):
        if level == "#" and not last:
            raise InputError("expected # only at the end of a topic")
        return ("[^/]*" if level == "+" else ".*"), []
    shape, at, parts = "", 0, []
    for found in _PART.finditer(level):
        name, deep = found.groups()
        if deep and not (last and found[0] == level):
            raise InputError(f"expected {{{name}#}} only as the last level of a topic")
        shape += re.escape(level[at : found.start()]) + f"(?P<{name}>{'.+' if deep else '[^/]+?'})"
        parts.append(name)
        at = found.end()
    rest = level[at:]
    if set("{}+#") & set(rest) or (parts and set("{}+#") & set(_PART.sub("", level))):
        raise InputError(f"expected parts such as {{station}} (lower-case letters, digits, _), came {level!r}")
    return shape + re.escape(rest), parts


@dataclass(frozen=True, slots=True)
class Template:
    """A text with fields: `{station}` is a part of the topic, any other field a path in the payload."""

    text: str
    fields: tuple[str | Path, ...]

    def values(self, parts: dict[str, str], record: object, root: object) -> tuple[str, ...]:
        """What the fields stand for. Raises `PayloadError`."""
        return tuple(parts[field] if isinstance(field, str) else _text(field, record, root) for field in self.fields)

    def render(self, values: tuple[str, ...]) -> str:
        """The text with its fields filled in."""
        waiting = iter(values)
        return _FIELD.sub(lambda _: next(waiting), self.text)


def parse_template(text: str, pattern: Pattern) -> Template:
    """The template behind a text. Raises `InputError`."""
    names = _FIELD.findall(text)
    if not text or set("{}") & set(_FIELD.sub("", text)):
        raise InputError(f"expected a text with fields such as {{station}}, came {text!r}")
    return Template(text, tuple(name if name in pattern.parts else parse_path(name) for name in names))


def _text(path: Path, record: object, root: object) -> str:
    found = look_up(record, path)
    if found is ABSENT:
        found = look_up(root, path)
    if isinstance(found, bool) or not isinstance(found, str | int) or not _may_name(str(found)):
        raise PayloadError(
            f"expected a name at {written(path)}, came {'nothing' if found is ABSENT else ascii(found)[:40]}"
        )
    return str(found)


def _may_name(text: str) -> bool:
    """Whether a text is one: JSON can hold halves of characters that nothing can write down."""
    return text != "" and text.encode(errors="ignore").decode() == text


def station_id(rendered: str, values: tuple[str, ...]) -> str:
    """The id of a station whose device has this name; two names never have one id.

    A name that may be an id stays. Any other becomes what can be kept of it and a digest of all of it; so does a
    name that looks as if it had such a digest already, and one made of several fields.
    """
    if len(values) < 2 and is_segment(rendered) and not _MARKED.fullmatch(rendered):
        return rendered
    whole = "\0".join((rendered, *values))
    letters = unicodedata.normalize("NFKD", rendered).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[: _LONGEST - _MARK].rstrip("-") or "device"
    return f"{plain}-{blake2b(whole.encode('utf-8', 'surrogatepass'), digest_size=5).hexdigest()}"
