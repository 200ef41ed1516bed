"""The criteria of a plan: `lost = 0`, `p99 < 2 s`, `recovered < 60 s after "restart"`, `rejected = injected`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from collector.language.checking import suggestion
from collector.language.errors import InputError

COUNT = "count"
TIME = "time"


@dataclass(frozen=True, slots=True)
class Measure:
    """Something measured: its name, whether it is a count or a time in seconds, what it means."""

    name: str
    kind: str
    meaning: str


_MEASURES = (
    Measure("published", COUNT, "said by the load, faults included"),
    Measure("stored", COUNT, "there and as said"),
    Measure("missing", COUNT, "not there, whatever the reason"),
    Measure("lost", COUNT, "not there, and no fault explains it"),
    Measure("injected", COUNT, "held back by a fault"),
    Measure("expired", COUNT, "dropped by the broker because a fault or the load gave them a short life"),
    Measure("rejected", COUNT, "kept apart, or left out because a fault spoilt them"),
    Measure("malformed", COUNT, "spoilt by a fault on purpose"),
    Measure("accepted", COUNT, "spoilt by a fault, and taken all the same"),
    Measure("duplicated", COUNT, "there more often than said"),
    Measure("reordered", COUNT, "taken in another order than said"),
    Measure("late", COUNT, "later than the sink file allows"),
    Measure("corrupted", COUNT, "there with another content, and nothing says why"),
    Measure("altered", COUNT, "there with another content, and a diagnosis names how"),
    Measure("strangers", COUNT, "there, but said by nobody"),
    Measure("conflicts", COUNT, "same number, other bytes"),
    Measure("pending", COUNT, "arrived, not yet stored at the end"),
    Measure("p50", TIME, "latency that half did not exceed"),
    Measure("p95", TIME, "latency that 95 % did not exceed"),
    Measure("p99", TIME, "latency that 99 % did not exceed"),
    Measure("recovered", TIME, "from the end of a step until all that was said before it is there"),
)
MEASURES: Mapping[str, Measure] = {one.name: one for one in _MEASURES}
INJECTED: Mapping[str, str] = {"rejected": "malformed", "missing": "injected"}
"""What `= injected` compares a measure with: as many as faults did on purpose."""

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_FORM = re.compile(
    r"\s*(?P<name>[a-z0-9_]+)\s*(?P<sign><=|>=|=|<|>)\s*(?:(?P<number>\d{1,12}(?:\.\d{1,6})?)\s*(?P<unit>[a-z%]*)"
    r'|(?P<word>injected))(?:\s+after\s+"(?P<step>[^"]{1,100})")?\s*'
)


class Answer(StrEnum):
    """What became of a criterion."""

    MET = "met"
    NOT_MET = "not met"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Criterion:
    """A criterion: a measure, a comparison, a limit (or the name of another measure), and the step that it is about."""

    text: str
    measure: str
    sign: str
    limit: float | str
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A criterion and what came of it; `measured` and `limit` in words, `why` where it is not met."""

    criterion: str
    measured: str
    answer: Answer
    why: str = ""

    @property
    def met(self) -> bool:
        """Whether it is met."""
        return self.answer is Answer.MET


def parse_criterion(text: str) -> Criterion:
    """The criterion in a text. Raises `InputError` with what was expected and what may be meant."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise InputError(
            "expected a measure, one of = < <= > >= and a limit with its unit, such as lost = 0, p99 < 2 s or "
            f'recovered < 60 s after "restart", came {text!r}'
        )
    measure = MEASURES.get(found["name"])
    if measure is None:
        hint = suggestion(found["name"], MEASURES, f"expected {_names()}")
        raise InputError(f"no measure {found['name']!r}; {hint}")
    if found["step"] and measure.name != "recovered":
        raise InputError(f"only recovered is measured after a step: leave after {found['step']!r} out of {text!r}")
    return Criterion(" ".join(text.split()), measure.name, found["sign"], _limit(measure, found), found["step"])


def _names() -> str:
    return ", ".join(MEASURES)


def _limit(measure: Measure, found: re.Match[str]) -> float | str:
    if found["word"]:
        if measure.name not in INJECTED:
            raise InputError(f"{measure.name} cannot be compared with injected; {' and '.join(INJECTED)} can")
        return INJECTED[measure.name]
    number, unit = float(found["number"]), found["unit"]
    if measure.kind == TIME:
        if unit not in _SECONDS:
            raise InputError(f"{measure.name} is a time: expected a unit ({', '.join(_SECONDS)}), came {unit!r}")
        return number * _SECONDS[unit]
    if unit or not number.is_integer():
        raise InputError(
            f"{measure.name} is a count: expected a whole number without a unit, came {found['number']}{unit}"
        )
    return number


Recoveries = Mapping[str, float | None]
"""Seconds by step; None where not everything came back."""


def judge(criteria: Sequence[Criterion], measured: Mapping[str, float | None], recovered: Recoveries) -> list[Judged]:
    """Each criterion with what was measured; a measure that is None or absent was not measured, which meets nothing."""
    return [
        _judge_recovery(one, recovered) if one.measure == "recovered" else _judge(one, measured) for one in criteria
    ]


def _judge(one: Criterion, measured: Mapping[str, float | None]) -> Judged:
    value = measured.get(one.measure)
    limit = measured.get(one.limit) if isinstance(one.limit, str) else one.limit
    if value is None or limit is None:
        return Judged(one.text, "–", Answer.NOT_MEASURED, "the consumer does not tell what it takes to know this")
    told = shown(one.measure, value)
    if isinstance(one.limit, str):
        told += f" ({one.limit}: {shown(one.limit, limit)})"
    met = _COMPARE[one.sign](value, limit)
    return Judged(one.text, told, Answer.MET if met else Answer.NOT_MET, "" if met else f"{one.measure} is {told}")


def _judge_recovery(one: Criterion, recovered: Recoveries) -> Judged:
    asked = {name: seconds for name, seconds in recovered.items() if one.step in (None, name)}
    if not asked:
        return Judged(one.text, "–", Answer.NOT_MEASURED, "no step was taken")
    never = [name for name, seconds in asked.items() if seconds is None]
    if never:
        return Judged(one.text, "never", Answer.NOT_MET, f"not everything said before the end of {never[0]!r} came")
    slowest, seconds = max(((name, seconds or 0.0) for name, seconds in asked.items()), key=lambda item: item[1])
    told = f"{shown('recovered', seconds)} ({slowest})"
    met = _COMPARE[one.sign](seconds, float(one.limit))
    return Judged(one.text, told, Answer.MET if met else Answer.NOT_MET, "" if met else f"it took {told}")


def shown(measure: str, value: float) -> str:
    """A value of a measure, with its unit."""
    return f"{value:,.0f}" if MEASURES[measure].kind == COUNT else f"{value:.3g} s"
