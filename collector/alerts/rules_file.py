"""The file of alert rules: TOML in, rules out, every error at once. `docs/alerts.md` explains every key.

[[rule]]
id = "pm25-day"
indicator = "pm25"
above = 37.5
clear = 35
average = "24h"
per = "city"
severity = "warning"
message = "PM2.5 in {city_name} is {value:.0f} {unit}, over {level:g}"
"""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from collector.alerts.rules import BINS, Across, Kind, Rule, Severity
from collector.language.checking import checked, suggestion
from collector.language.errors import InputError
from collector.language.gathered import LARGEST_FILE, Strict, gathered
from collector.language.indicators import IndicatorKind, Rollup, indicator
from collector.language.topics import is_segment

MOST_RULES = 500
WORDS = (
    "rule", "severity", "city", "city_name", "station", "indicator", "name", "value", "unit", "level", "clear", "time",
)  # fmt: skip
_NUMBERS = frozenset({"value", "level", "clear"})
_DURATION = re.compile(r"([1-9]\d{0,6})(s|min|h|d)", re.ASCII)
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_MESSAGES = {
    Kind.ABOVE: "{name} in {city_name} {station} is {value:.4g} {unit}, over {level:g}",
    Kind.BELOW: "{name} in {city_name} {station} is {value:.4g} {unit}, under {level:g}",
    Kind.RISES: "{name} in {city_name} {station} rises by {value:.4g} {unit}, over {level:g}",
    Kind.FALLS: "{name} in {city_name} {station} falls by {value:.4g} {unit}, over {level:g}",
    Kind.MISSING: "nothing heard from {city_name} {station} for {value:.0f} s",
}


def _seconds(told: object) -> object:
    found = _DURATION.fullmatch(told) if isinstance(told, str) else None
    if found is None:
        raise ValueError(f"expected a time such as 30s, 5min, 1h or 1d, came {told!r:.60}")
    return int(found[1]) * _SECONDS[found[2]]


def _segment(text: str) -> None:
    if not is_segment(text):
        raise InputError(f"expected lower-case letters, digits and hyphens (1 to 63), came {text[:80]!r}")


def _watched(name: str) -> None:
    if indicator(name).kind is IndicatorKind.STATISTIC:
        raise InputError(f"{name} is published late and revised: expected what is heard as it happens")


def _template(text: str) -> None:
    try:
        for _, name, form, conversion in string.Formatter().parse(text):
            if name is None:
                continue
            if name not in WORDS:
                raise InputError(
                    f"no {{{name}}} in a message; {suggestion(name, WORDS, 'there are ' + ', '.join(WORDS))}"
                )
            if conversion or "{" in (form or "") or len(form or "") > 8:
                raise InputError(f"expected a short form such as {{value:.1f}}, came {{{name}:{form}}}")
            format(1.5 if name in _NUMBERS else "text", form or "")
    except ValueError as error:
        raise InputError(f"the message cannot be filled in: {error}") from None


Seconds = Annotated[int, BeforeValidator(_seconds)]
SegmentText = Annotated[str, checked(_segment)]
Watched = Annotated[str, checked(_watched)]
Level = Annotated[float, Field(allow_inf_nan=False)]
_KINDS = tuple(kind.value for kind in Kind)


class RuleTable(Strict):
    """A `[[rule]]`."""

    id: Annotated[SegmentText, Field(description="a name of lower-case letters, digits and hyphens")]
    indicator: Watched | None = None
    above: Level | None = None
    below: Level | None = None
    rises: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    falls: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    missing: Seconds | None = None
    clear: Level | None = None
    lasting: Seconds | None = Field(default=None, alias="for")
    average: Seconds | None = None
    within: Seconds | None = None
    per: Literal["station", "city"] = "station"
    cities: tuple[SegmentText, ...] = ()
    stations: tuple[SegmentText, ...] = ()
    values: Literal["sound", "all"] = "sound"
    severity: Severity = Severity.WARNING
    message: Annotated[str, Field(min_length=1, max_length=500), checked(_template)] | None = None
    source: Annotated[str, Field(max_length=500)] = ""

    @property
    def kind(self) -> Kind:
        """What the rule looks at."""
        return next(kind for kind in Kind if getattr(self, kind.value) is not None)

    @model_validator(mode="after")
    def _whole(self) -> RuleTable:
        given = [name for name in _KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of {', '.join(_KINDS)}, came {' and '.join(given) or 'none'}")
        wrong = [told for told in self._objections(self.kind) if told]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def _objections(self, kind: Kind) -> list[str]:
        rate = kind in (Kind.RISES, Kind.FALLS)
        silent = kind is Kind.MISSING
        return [
            "expected an indicator" if self.indicator is None and not silent else "",
            "expected within (a time such as 1h) with rises or falls, and only there"
            if rate != (self.within is not None)
            else "",
            "average goes with above or below only" if self.average is not None and (rate or silent) else "",
            'per = "city" needs an average, such as average = "1h"'
            if self.per == "city" and self.average is None and not silent
            else "",
            'per = "city" watches all stations together: take stations out'
            if self.per == "city" and self.stations
            else "",
            f"expected an average of at least {BINS}s" if self.average is not None and self.average < BINS else "",
            "missing data clears with the next reading: take clear and for out"
            if silent and (self.clear is not None or self.lasting is not None)
            else "",
            f"events of {self.indicator} are counted, and a mean of them tells nothing: take average out"
            if self.average is not None and self._counted
            else "",
            self._clear_objection(kind),
        ]

    @property
    def _counted(self) -> bool:
        entry = indicator(self.indicator) if self.indicator else None
        return entry is not None and entry.kind is IndicatorKind.EVENT and entry.rollup is Rollup.SUM

    def _clear_objection(self, kind: Kind) -> str:
        level = getattr(self, kind.value)
        if self.clear is None or kind is Kind.MISSING:
            return ""
        if kind is Kind.BELOW:
            return "" if self.clear >= level else f"expected clear at {level:g} or above, for it is raised below"
        return "" if self.clear <= level else f"expected clear at {level:g} or below, for it is raised above"


class RulesTable(Strict):
    """A whole file."""

    title: Annotated[str, Field(max_length=200)] = ""
    source: Annotated[str, Field(max_length=500)] = ""
    rule: Annotated[tuple[RuleTable, ...], Field(min_length=1, max_length=MOST_RULES, description="[[rule]] tables")]

    @model_validator(mode="after")
    def _distinct(self) -> RulesTable:
        names = [one.id for one in self.rule]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"expected every id once, came twice: {', '.join(twice)}")
        return self


def load_rules(path: Path) -> tuple[Rule, ...]:
    """The rules of a file. Raises `InputError` with every error, its path in the file and what may be meant."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path}: expected at most {LARGEST_FILE:,} bytes; are these rules of alerts?")
        return parse_rules(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the rules {path}: {getattr(error, 'strerror', None) or error}") from None


def parse_rules(text: str, where: str) -> tuple[Rule, ...]:
    """The rules in a TOML text. Raises `InputError` with every error at once."""
    return tuple(_rule(one) for one in gathered(text, where, RulesTable, {"rule": RuleTable}).rule)


def _rule(told: RuleTable) -> Rule:
    kind, entry = told.kind, indicator(told.indicator) if told.indicator else None
    level = float(getattr(told, kind.value))
    rest: dict[str, Any] = {name: getattr(told, name) for name in ("cities", "stations", "severity", "source")}
    return Rule(
        id=told.id,
        kind=kind,
        level=level,
        clear=level if told.clear is None else told.clear,
        indicator=told.indicator or "",
        unit=_unit(kind, entry.unit if entry else "", told.within),
        lasting=told.lasting or 0,
        average=told.average or 0,
        within=told.within or 0,
        by_city=told.per == "city",
        across=_across(entry.across) if entry and told.per == "city" and told.average else Across.MEAN,
        flagged=told.values == "all",
        energetic=entry is not None and entry.rollup is Rollup.ENERGETIC_MEAN,
        message=told.message or _MESSAGES[kind],
        **rest,
    )


def _across(rollup: Rollup) -> Across:
    """How the stations of a city are put together, as the catalogue says; levels of sound by their energy."""
    return Across(rollup.value) if rollup in {Rollup.SUM, Rollup.MAX} else Across.MEAN


def _unit(kind: Kind, unit: str, within: int | None) -> str:
    if kind is Kind.MISSING:
        return "s"
    return unit if within is None else f"{unit} in {within} s"
