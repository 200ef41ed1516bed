"""How the scenarios compare: their order, what the factors of a design do, what an improvement costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collector.answers.intervals import Interval
from collector.answers.ranking import Place
from nakhon.reporting.answers import Cost
from nakhon.reporting.charts import Dot, dots, tornado
from nakhon.reporting.document import Block, Bullets, Cell, Column, Paragraph, Picture, Section, Table, Tone, number
from nakhon.reporting.factors import Sensitivity
from nakhon.reporting.telling import Telling


def rankings(told: Telling) -> Section | None:
    """Get the order of the scenarios by each outcome asked for, and how sure it is."""
    if not told.answers.rankings:
        return None
    say = told.words.say
    columns = (
        Column(say("column_place"), number=True), Column(say("column_scenario")),
        Column(say("column_number"), number=True, interval=True), Column(say("column_places")),
        Column(say("column_first"), number=True), Column(say("column_tied")),
    )  # fmt: skip
    blocks: list[Block] = [Paragraph(say("ranking_intro", confidence=told.confidence), Tone.QUIET)]
    for place, ranked in enumerate(told.answers.rankings, 1):
        rows = tuple(_place_row(told, one) for one in ranked.places)
        caption = f"{told.outcome(ranked.outcome)} ({told.unit(ranked.outcome)})"
        blocks.append(Table(f"{say('sheet_ranking')} {place}", caption, columns, rows))
    return Section("ranking", say("title_ranking"), tuple(blocks))


def _place_row(told: Telling, one: Place) -> tuple[Cell, ...]:
    places = str(one.low) if one.low == one.high else f"{one.low} {told.words.say('to')} {one.high}"
    tied = ", ".join(told.variant(name) for name in one.tied) or "–"
    return one.place, told.variant(one.name), one.mean, places, f"{number(100 * one.best, 0)} %", tied


def sensitivity(told: Telling) -> Section | None:
    """Get what the factors of the design do."""
    if not told.answers.sensitivities:
        return None
    blocks = [block for place, one in enumerate(told.answers.sensitivities) for block in _sensitivity(told, place, one)]
    return Section("sensitivity", told.words.say("title_sensitivity"), tuple(blocks))


def _sensitivity(told: Telling, place: int, one: Sensitivity) -> Iterator[Block]:
    say, name = told.words.say, f"{told.outcome(one.outcome)} ({told.unit(one.outcome)})"
    if one.why:
        yield Paragraph(f"{name}: {told.words.said(one.why)}")
    elif one.bars:
        bars = [(_factor(told, bar.path), bar.low.difference, bar.high.difference) for bar in one.bars]
        figure = tornado(bars, say("axis_difference", unit=told.unit(one.outcome)), told.words)
        yield Picture(f"tornado-{place}", name, figure, say("key_tornado", confidence=told.confidence))
        yield _factor_table(told, place, name, ("column_low_end", "column_high_end"), bars)
    elif one.indices:
        shares = [(_factor(told, index.path), index.first, index.total) for index in one.indices]
        yield _dots(told, place, name, [(label, total) for label, _, total in shares], "axis_share", "key_sobol")
        yield _factor_table(told, place, name, ("column_first_order", "column_total_order"), shares)
    elif one.elementary:
        moved = [(_factor(told, effect.path), effect.strength) for effect in one.elementary]
        yield _dots(told, place, name, moved, "axis_morris", "key_morris", unit=told.unit(one.outcome))
        spread = [
            (_factor(told, effect.path), effect.strength, effect.mean, effect.spread) for effect in one.elementary
        ]
        yield _factor_table(told, place, name, ("column_strength", "column_mean", "column_spread"), spread)
    else:
        known = [(_factor(told, found.path), found.correlation) for found in one.associations]
        yield _dots(told, place, name, known, "axis_correlation", "key_correlation")
        yield _factor_table(told, place, name, ("column_correlation",), known)


def _factor(told: Telling, path: str) -> str:
    meaning = next(
        (one["meaning"] for variant in told.found.variants for one in variant.differences if one["path"] == path), path
    )
    return told.words.setting(path, meaning)


def _dots(
    told: Telling, place: int, name: str, found: list[tuple[str, Interval]], axis: str, key: str, unit: str = ""
) -> Picture:
    figure = dots([Dot(label, one) for label, one in found], told.words.say(axis, unit=unit))
    return Picture(f"factors-{place}", name, figure, told.words.say(key, confidence=told.confidence))


def _factor_table(
    told: Telling,
    place: int,
    caption: str,
    names: tuple[str, ...],
    rows: Sequence[tuple[Cell, ...]],
) -> Table:
    say = told.words.say
    columns = (
        Column(say("column_factor")),
        *(
            Column(say(name), number=True, interval=isinstance(rows[0][at], Interval))
            for at, name in enumerate(names, 1)
        ),
    )
    return Table(f"{say('sheet_sensitivity')} {place + 1}", caption, columns, tuple(rows))


def costs(told: Telling) -> Section | None:
    """Get what the scenarios cost, and what a unit of improvement costs."""
    if not told.answers.costs:
        return None
    say = told.words.say
    columns = (
        Column(say("column_scenario")), Column(say("column_outcome")), Column(say("column_cost"), number=True),
        Column(say("column_improvement"), number=True, interval=True), Column(say("column_unit")),
        Column(say("column_per_unit"), number=True, interval=True), Column(say("column_note")),
    )  # fmt: skip
    rows = tuple(_cost_row(told, one) for one in told.answers.costs)
    currency = told.answers.costs[0].currency
    table = Table(say("sheet_costs"), say("caption_costs", currency=currency), columns, rows)
    return Section("costs", say("title_costs"), (table, Bullets(tuple(_declared(told)))))


def _cost_row(told: Telling, one: Cost) -> tuple[Cell, ...]:
    note = "" if one.per_unit.defined else told.words.said(one.per_unit.why)
    per_unit = one.per_unit.interval if one.per_unit.defined else None
    return (
        told.variant(one.variant), told.outcome(one.outcome), one.amount, one.improvement, told.unit(one.outcome),
        per_unit, note,
    )  # fmt: skip


def _declared(told: Telling) -> Iterator[str]:
    """Get what the experiment file says of costs, each with its source or marked as an assumption."""
    say = told.words.say
    for one in told.found.costs:
        what = told.variant(one.variant) if one.variant else _factor(told, one.factor or "")
        amount = f"{number(one.amount)} {one.currency}" + (f" / {one.per}" if one.per else "")
        times = f" × {number(one.quantity)}" if one.quantity != 1.0 else ""
        ground = say("source_is", text=one.source) if one.source else say("assumption_is", text=one.assumption or "")
        yield f"{what}: {amount}{times}. {ground}"
