"""What was done to values: rounded, cut, kept in too few bits, in another unit, under another indicator."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from collector.auditing.diagnosis import FEWEST, Diagnosis, believable, part
from collector.auditing.expected import Floats, Integers, Mask
from collector.auditing.matching import Comparison, Pairing, keys
from collector.language.errors import InputError
from collector.language.indicators import indicators
from collector.mapping.units import Conversion, conversion

DIGITS = range(6, -4, -1)
UNITS = (
    "Cel", "[degF]", "K", "ug/m3", "mg/m3", "ng/m3", "g/m3", "[ppb]", "[ppm]", "%", "1", "[ppth]", "m/s", "km/h",
    "[kn_i]", "[mi_i]/h", "[ft_i]/s", "cm/s", "hPa", "Pa", "kPa", "bar", "m", "cm", "mm", "km", "[in_i]", "[ft_i]",
    "mm/h", "cm/h", "[in_i]/h", "mm/min", "mm/d", "kW", "W", "MW", "GW", "mg/L", "ug/L", "g/L", "s", "min", "h", "d",
    "ms", "/h", "/min", "/s", "/d", "t/a", "kg/a",
)  # fmt: skip
SPOKEN = {"Cel": "°C", "[degF]": "°F", "ug/m3": "µg/m³", "mg/m3": "mg/m³", "ng/m3": "ng/m³", "g/m3": "g/m³"}
SAMPLE = 4_000
MOST = 0.5


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of one indicator whose values differ: what was said, what was found, and the found rows (n,)."""

    indicator: str
    said: Floats
    found: Floats
    rows: Integers

    def some(self) -> Pairs:
        """At most so many of them, spread evenly."""
        at = np.linspace(0, len(self.rows) - 1, min(len(self.rows), SAMPLE)).astype(np.int64)
        return Pairs(self.indicator, self.said[at], self.found[at], self.rows[at])

    def without(self, explained: Mask) -> Pairs:
        """Those that are not explained."""
        left = ~explained
        return Pairs(self.indicator, self.said[left], self.found[left], self.rows[left])


@dataclass(frozen=True, slots=True)
class Supposition:
    """What may have been done to values: its name, in words, its figures, and which pairs it explains."""

    name: str
    text: str
    facts: dict[str, str | int | float]
    explains: Callable[[Pairs], Mask]


def diagnose_values(asked: Comparison, pairing: Pairing) -> tuple[Mask, tuple[Diagnosis, ...]]:
    """Which found rows have another value for a reason that can be named, and the reasons."""
    altered = np.zeros(asked.found.count, dtype=np.bool_)
    first = np.flatnonzero(pairing.first)
    differing = first[~asked.agrees(first, pairing.row[first])]
    told: dict[str, list[tuple[str, Supposition, int]]] = {}
    left: list[Pairs] = []
    for number, name in enumerate(asked.expected.indicators):
        mine = differing[asked.expected.indicator[pairing.row[differing]] == number]
        pairs = Pairs(name, asked.expected.value[pairing.row[mine]], asked.found.value[mine], mine)
        explained = list(_explanations(asked, pairing, pairs))
        for one, rows in explained:
            altered[rows] = True
            told.setdefault(one.text, []).append((name, one, len(rows)))
        left.append(pairs.without(altered[mine]))
    for pairs in left:
        for one, rows in _likewise(pairs, told):
            altered[rows] = True
            told[one.text].append((pairs.indicator, one, len(rows)))
    return altered, tuple(_diagnosis(asked, group, len(differing)) for group in told.values())


def _explanations(asked: Comparison, pairing: Pairing, pairs: Pairs) -> Iterator[tuple[Supposition, Integers]]:
    """The best supposition first, found by some of the pairs and then put to all; then for what is left."""
    for _ in range(3):
        if len(pairs.rows) < FEWEST:
            return
        some = pairs.some()
        suppositions = [*_narrowed(), *_converted(pairs.indicator), *_swapped(asked, pairing, pairs.indicator)]
        best = max(suppositions, key=lambda one: int(one.explains(some).sum()))
        explained = best.explains(pairs)
        if not believable(int(explained.sum()), len(pairs.rows)):
            return
        yield best, pairs.rows[explained]
        pairs = pairs.without(explained)


def _likewise(pairs: Pairs, known: Container[str]) -> Iterator[tuple[Supposition, Integers]]:
    """What was done to other indicators, where there are too few readings of this one to tell by themselves."""
    for one in _narrowed():
        if one.text in known and (explained := one.explains(pairs)).any():
            yield one, pairs.rows[explained]
            return


def _narrowed() -> Iterator[Supposition]:
    """Fewer bits, fewer digits: the most digits first, so that of equal explanations the least change is named."""
    yield Supposition("float32", "values were kept in 32 bits (about 7 digits)", {}, _in_32_bits)
    for digits in DIGITS:
        step, words = 10.0**-digits, _digits(digits)
        yield Supposition("rounded", f"values were rounded to {words}", {"digits": digits}, partial(_rounded, step))
        text = f"values were cut to {words} (not rounded)"
        yield Supposition("truncated_values", text, {"digits": digits}, partial(_cut, step))


def _in_32_bits(pairs: Pairs) -> Mask:
    with np.errstate(over="ignore"):
        same: Mask = pairs.found == pairs.said.astype(np.float32)
    return same


def _rounded(step: float, pairs: Pairs) -> Mask:
    return _whole(step, pairs) & (np.abs(pairs.found - pairs.said) <= step / 2 + _grain(step, pairs))


def _cut(step: float, pairs: Pairs) -> Mask:
    nearer_zero: Mask = np.abs(pairs.found) <= np.abs(pairs.said) + _grain(step, pairs)
    return _whole(step, pairs) & nearer_zero & (np.abs(pairs.found - pairs.said) < step)


def _whole(step: float, pairs: Pairs) -> Mask:
    """Where a found value is a multiple of the step."""
    times = pairs.found / step
    whole: Mask = np.abs(times - np.round(times)) < 1e-6
    return whole


def _grain(step: float, pairs: Pairs) -> Floats:
    """How far numbers of 64 bits may be beside the point."""
    grain: Floats = 1e-9 * np.maximum(np.abs(pairs.said), step)
    return grain


def _digits(digits: int) -> str:
    if digits > 0:
        return f"{digits} decimal{'s' * (digits > 1)}"
    return "whole numbers" if digits == 0 else f"multiples of {10**-digits}"


def _converted(name: str) -> Iterator[Supposition]:
    """Another unit of the same dimension, or a conversion that the value did not need."""
    known = indicators().get(name)
    if known is None:
        return
    for other, *ways in _ways(known.ucum):
        mine, theirs = SPOKEN.get(known.ucum, known.unit), SPOKEN.get(other, other)
        texts = f"values are in {theirs}, not {mine}", f"values were converted to {mine} as if they were in {theirs}"
        for way, text in zip(ways, texts, strict=True):
            facts: dict[str, str | int | float] = {"unit": other, "scale": way.scale, "offset": way.offset}
            yield Supposition("unit_swapped", text, facts, partial(_is_converted, way))


@cache
def _ways(unit: str) -> tuple[tuple[str, Conversion, Conversion], ...]:
    """The other units of its dimension, with the way there and the way back."""
    found = []
    for other in UNITS:
        with suppress(InputError):
            if other != unit:
                found.append((other, conversion(unit, other), conversion(other, unit)))
    return tuple(found)


def _is_converted(way: Conversion, pairs: Pairs) -> Mask:
    """Where a value is the converted one, to the decimals that the found values have; they must vary to tell."""
    if len(np.unique(pairs.found[:SAMPLE])) < 5:
        return np.zeros(len(pairs.rows), dtype=np.bool_)
    wanted = pairs.said * way.scale + way.offset
    decimals = next((d for d in range(7) if np.allclose(pairs.found, np.round(pairs.found, d), rtol=0, atol=1e-9)), 9)
    close: Mask = np.abs(pairs.found - wanted) <= 0.5 * 10.0**-decimals * (1 + 1e-6) + 1e-6 * np.abs(wanted)
    return close


def _swapped(asked: Comparison, pairing: Pairing, name: str) -> Iterator[Supposition]:
    """The values of another indicator of the same station and time."""
    for number, other in enumerate(asked.expected.indicators):
        if other != name:
            text = f"values of {other} stand under {name}"
            explains = partial(_is_other, asked, pairing, number)
            yield Supposition("indicators_swapped", text, {"indicator": other}, explains)


def _is_other(asked: Comparison, pairing: Pairing, number: int, pairs: Pairs) -> Mask:
    """Where a value is that of another indicator; nowhere if it is not so of most that have one."""
    expected, row = asked.expected, pairing.row[pairs.rows]
    key = keys(expected.station[row], np.full(len(row), number), len(expected.indicators))
    other = asked.index.find(key, expected.time[row])
    same: Mask = asked.agrees(pairs.rows, other)
    enough = int(same.sum()) >= MOST * max(1, int((other >= 0).sum()))
    return same if enough else np.zeros_like(same)


def _diagnosis(asked: Comparison, group: list[tuple[str, Supposition, int]], differing: int) -> Diagnosis:
    """One diagnosis for the indicators to which the same was done."""
    count = sum(explained for *_, explained in group)
    one = group[0][1]
    names = list(dict.fromkeys(name for name, *_ in group))
    text = f"{one.text}: {_listed(names)}, {part(count, asked.found.count)} of the readings found"
    facts = one.facts | {"indicators": ", ".join(names)}
    return Diagnosis(one.name, text, count, differing, count / asked.found.count, facts)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
