"""What changes: differences with their intervals, over time, and year by year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from collector.answers.totals import Kind
from collector.language.indicators import derived, indicators
from nakhon.reporting.answers import Effect, strength
from nakhon.reporting.charts import COLOURS, GREEN, GREY, RED, Dot, Line, colour_of, dots, fan
from nakhon.reporting.document import Block, Cell, Column, Paragraph, Picture, Section, Table, Tone, Verdict, number
from nakhon.reporting.material import told_variants
from nakhon.reporting.measures import Outcome
from nakhon.reporting.over_time import Course, YearRow, course_of, years_of
from nakhon.reporting.telling import Telling, verdict

MOST_ROWS = 40
MOST_COURSES = 4
MOST_LINES = 4
_COLOURS = {Verdict.BETTER: GREEN, Verdict.WORSE: RED, Verdict.UNCLEAR: GREY, Verdict.NONE: COLOURS[0]}


def differences(told: Telling) -> Section | None:
    """Get what every scenario changes: charts of what was asked for, tables of what is clear, all in the workbook."""
    variants = told_variants(told.found)
    if not variants:
        return None
    blocks: list[Block] = [Paragraph(told.words.say("differences_intro", confidence=told.confidence), Tone.QUIET)]
    blocks += [_chart(told, place, outcome) for place, outcome in enumerate(told.answers.asked)]
    for one in variants:
        blocks += _of_variant(told, one.name)
    blocks.append(_everything(told))
    return Section("differences", told.words.say("title_differences"), tuple(blocks))


def _chart(told: Telling, place: int, outcome: Outcome) -> Picture:
    found = [effect for effect in told.answers.effects if effect.outcome == outcome]
    figure = dots(
        [Dot(told.variant(one.variant), one.difference.difference, _COLOURS[verdict(one)]) for one in found],
        told.words.say("axis_difference", unit=told.unit(outcome)),
    )
    key = told.words.say("key_dots", confidence=told.confidence)
    return Picture(f"difference-{place}", told.outcome(outcome), figure, key)


def _of_variant(told: Telling, name: str) -> Iterator[Block]:
    mine = [one for one in told.answers.effects if one.variant == name]
    clear = sorted((one for one in mine if one.clear and not one.untouched), key=_order)
    shown = sorted(sorted(clear, key=lambda one: (not one.firm, -strength(one)))[:MOST_ROWS], key=_order)
    title = told.variant(name)
    if shown:
        caption = told.words.say("caption_differences", variant=title)
        yield Table(told.words.say("sheet_variant", variant=title), caption, _columns(told), _rows(told, shown))
    if len(clear) > len(shown):
        yield Paragraph(told.words.say("rest_in_workbook", count=len(clear) - len(shown)), Tone.QUIET)
    unsure = [one for one in mine if not one.clear and not one.untouched]
    same = [one for one in mine if one.untouched]
    for key, found in (("not_told_apart", unsure), ("untouched", same)):
        if found:
            yield Paragraph(told.words.say(key, variant=title, names=_names(told, found)), Tone.QUIET)


def _names(told: Telling, effects: Sequence[Effect]) -> str:
    """Get the indicators of effects, with how many cities where there are many."""
    counts: dict[str, set[str]] = {}
    for one in effects:
        counts.setdefault(one.outcome.indicator, set()).add(one.outcome.city)
    return ", ".join(
        told.words.indicator(name) + (f" ({len(where)})" if told.many_cities else "") for name, where in counts.items()
    )


def _order(effect: Effect) -> tuple[int, str, str]:
    outcome = effect.outcome
    return _places()[outcome.indicator], outcome.city, str(outcome.statistic)


@cache
def _places() -> Mapping[str, int]:
    return {name: place for place, name in enumerate([*indicators(), *derived()])}


def _columns(told: Telling, *, with_variant: bool = False) -> tuple[Column, ...]:
    say = told.words.say
    return (
        *((Column(say("column_scenario")),) if with_variant else ()),
        *((Column(say("column_city")),) if told.many_cities or with_variant else ()),
        Column(say("column_outcome")), Column(say("column_unit")), Column(say("column_baseline"), number=True),
        Column(say("column_difference"), number=True, interval=True, signed=True),
        Column(say("column_percent"), number=True),
        Column(say("column_origin")), Column(say("column_together")),
    )  # fmt: skip


def _rows(told: Telling, effects: Sequence[Effect], *, with_variant: bool = False) -> tuple[tuple[Cell, ...], ...]:
    return tuple(_row(told, one, with_variant=with_variant) for one in effects)


def _row(told: Telling, one: Effect, *, with_variant: bool) -> tuple[Cell, ...]:
    say = told.words.say
    origin = say("untouched_mark") if one.untouched else told.origin(one.entered, one.entered_at)
    together = say("yes") if one.firm else say("no")
    return (
        *((told.variant(one.variant),) if with_variant else ()),
        *((told.city(one.outcome.city),) if told.many_cities or with_variant else ()),
        told.outcome(one.outcome, with_city=False), told.unit(one.outcome), one.difference.baseline,
        told.judged(one), one.difference.relative if with_variant else _percent(one.difference.relative),
        origin, "" if one.untouched else together,
    )  # fmt: skip


def _percent(value: float) -> str:
    return f"{'+' if value > 0 else ''}{number(value, 0)}\u00a0%" if value == value else "–"


def _everything(told: Telling) -> Table:
    say = told.words.say
    rows = _rows(told, told.answers.effects, with_variant=True)
    columns = _columns(told, with_variant=True)
    return Table(say("sheet_differences"), say("caption_all_differences"), columns, rows, workbook_only=True)


def over_time(told: Telling) -> Section | None:
    """Get the courses over time of what was asked for, and of what changes most clearly besides."""
    blocks: list[Block] = [Paragraph(told.words.say("fan_intro", confidence=told.confidence), Tone.QUIET)]
    for place, (city, identity) in enumerate(_pairs(told)):
        names = _lines(told, city, identity)
        course = course_of(told.found, city, identity, names, told.answers.confidence)
        if len(course.times) > 1:
            blocks += _course(told, place, course)
    return Section("time", told.words.say("title_time"), tuple(blocks)) if len(blocks) > 1 else None


def _pairs(told: Telling) -> list[tuple[str, str]]:
    asked = [(one.city, one.indicator) for one in told.answers.asked]
    clear = sorted((one for one in told.answers.effects if one.clear and not one.untouched), key=strength)
    others: dict[str, tuple[str, str]] = {}
    for one in reversed(clear):
        others.setdefault(one.outcome.indicator, (one.outcome.city, one.outcome.indicator))
    more = [pair for name, pair in others.items() if name not in {identity for _, identity in asked}]
    firsts = list(dict.fromkeys(asked))
    return [*firsts, *more[: max(0, MOST_COURSES - len(firsts))]][: max(MOST_COURSES, len(firsts))]


def _lines(told: Telling, city: str, identity: str) -> list[str]:
    """Get the variants to draw: those that touch the indicator most clearly, in their own order."""
    best: dict[str, float] = {}
    for one in told.answers.effects:
        if (one.outcome.city, one.outcome.indicator) == (city, identity) and not one.untouched:
            best[one.variant] = max(best.get(one.variant, 0.0), strength(one))
    chosen = sorted(best, key=lambda name: -best[name])[:MOST_LINES]
    return [one.name for one in told_variants(told.found) if one.name in chosen]


def _course(told: Telling, place: int, course: Course) -> Iterator[Block]:
    colours = {one.name: colour_of(place) for place, one in enumerate(told_variants(told.found))}
    lines = [
        Line(told.variant(name), level, course.changes.get(name), colours.get(name, GREY))
        for name, level in course.levels.items()
    ]
    limit = next(
        (
            one.statistic.limit
            for one in told.answers.asked
            if one.statistic.kind in (Kind.COUNT_OVER, Kind.COUNT_UNDER)
            and (one.city, one.indicator) == (course.city, course.indicator)
        ),
        None,
    )
    unit = told.unit_of(course.indicator)
    name = told.words.indicator(course.indicator) + (f", {told.city(course.city)}" if told.many_cities else "")
    days = course.step // 86_400
    step = ""
    if course.step > told.found.bucket:
        step = told.words.say("means_of_a_day") if days == 1 else told.words.say("means_of", days=days)
    key = told.words.say("key_fan", confidence=told.confidence, step=step)
    if limit is not None:
        key = f"{key} {told.words.say('key_limit', limit=number(limit), unit=unit)}"
    yield Picture(f"course-{place}", name, fan(course.times, lines, unit, told.calendar, limit), key)


def by_year(told: Telling) -> Section | None:
    """Get what was asked for, year by year, where the runs reach into more than one."""
    rows = [
        row
        for outcome in told.answers.asked
        for row in years_of(told.found, outcome, told.calendar, told.answers.confidence)
    ]
    if len({row.year for row in rows}) < 2:
        return None
    say = told.words.say
    columns = (
        Column(say("column_year")), Column(say("column_days"), number=True), Column(say("column_outcome")),
        Column(say("column_unit")), Column(say("column_scenario")), Column(say("column_baseline"), number=True),
        Column(say("column_difference"), number=True, interval=True, signed=True),
    )  # fmt: skip
    cells = tuple(cell for row in rows for cell in _year_rows(told, row))
    blocks = (
        Paragraph(say(f"years_{told.calendar.years}"), Tone.QUIET),
        Table(say("sheet_years"), say("caption_years"), columns, cells),
    )
    return Section("years", say("title_years"), blocks)


def _year_rows(told: Telling, row: YearRow) -> Iterator[tuple[Cell, ...]]:
    for name, one in row.differences.items():
        year = told.calendar.year_name(row.year) + ("" if row.whole else f" ({told.words.say('in_part')})")
        yield (
            year, row.days, told.outcome(row.outcome), told.unit(row.outcome), told.variant(name), one.baseline,
            one.difference,
        )  # fmt: skip
