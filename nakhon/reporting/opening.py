"""What a report begins with: the question, the answer in short, the scenarios, the targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collector.answers.targets import Target
from nakhon.reporting.answers import Effect, Met, strength
from nakhon.reporting.document import (
    Block,
    Bullets,
    Cell,
    Column,
    Judged,
    Paragraph,
    Section,
    Table,
    Tone,
    Verdict,
    number,
)
from nakhon.reporting.effects import changed_interventions
from nakhon.reporting.material import told_variants
from nakhon.reporting.telling import Telling, verdict

MOST_SENTENCES = 6
DAY = 86_400


def opening(told: Telling) -> tuple[Block, ...]:
    """Get what stands above everything: what this is and is not, the question."""
    words, answers = told.words, told.answers
    question = told.question or str(told.found.plan["question"])
    caution = words.say(
        "caution",
        confidence=told.confidence,
        comparisons=f"{answers.comparisons:,}",
        wrong=number(answers.comparisons * (1.0 - answers.confidence), 0),
    )
    cities = ", ".join(told.city(one) for one in told.found.cities[:6])
    more = len(told.found.cities) - 6
    where = cities if more <= 0 else words.say("and_more", names=cities, count=more)
    scope = words.say("scope", where=where, period=told.period(), variants=len(told.found.variants))
    lead = (Paragraph(question, Tone.LEAD),) if question else ()
    fewer = _unpaired(told)
    return (
        *lead,
        Paragraph(words.say("simulated", replications=answers.replications), Tone.NOTICE),
        Paragraph(caution, Tone.NOTICE),
        *fewer,
        Paragraph(scope, Tone.QUIET),
    )


def _unpaired(told: Telling) -> tuple[Paragraph, ...]:
    done = max(len(one.done) for one in told.found.variants)
    planned = max(int(told.found.plan["replications"]), done)
    if planned <= told.answers.replications:
        return ()
    said = told.words.say("unfinished", paired=told.answers.replications, planned=planned)
    return (Paragraph(said, Tone.WARNING),)


def in_short(told: Telling) -> Section:
    """Get the answer in a few sentences: targets first, then what changes most clearly."""
    lines = [*_target_sentences(told), *_effect_sentences(told)]
    if not lines:
        lines = [told.words.say("nothing_clear")]
    return Section("short", told.words.say("title_short"), (Bullets(tuple(lines)),))


def _target_sentences(told: Telling) -> Iterator[str]:
    answers, words = told.answers, told.words
    for target in dict.fromkeys(one.target for one in answers.targets):
        mine = [one for one in answers.targets if one.target == target]
        reached = [one for one in mine if one.chance.reached]
        best = max(mine, key=lambda one: one.chance.probability.value)
        names = ", ".join(f"{told.variant(one.variant)}: {_chance(told, one)}" for one in reached)
        key = "target_reached" if reached else "target_missed"
        yield words.say(
            key,
            target=target_name(told, target),
            asked=f"{target.probability:.0%}".replace("%", " %"),
            names=names,
            best=told.variant(best.variant),
            chance=_chance(told, best),
        )


def _chance(told: Telling, one: Met) -> str:
    return told.interval(one.chance.probability, percent=True)


def _effect_sentences(told: Telling) -> Iterator[str]:
    """Get a sentence of each variant for the outcomes asked for that it changes clearly, then for others."""
    asked = set(told.answers.asked)
    clear = [one for one in told.answers.effects if one.clear and not one.untouched]
    order = sorted(clear, key=lambda one: (one.outcome not in asked, not one.firm, -strength(one)))
    chosen: dict[tuple[str, str], Effect] = {}
    for one in order:
        chosen.setdefault((one.variant, one.outcome.indicator), one)
    for one in list(chosen.values())[:MOST_SENTENCES]:
        yield told.words.say(
            f"effect_{verdict(one) or 'neutral'}",
            variant=told.variant(one.variant),
            outcome=told.outcome(one.outcome),
            difference=told.interval(one.difference.difference, signed=True),
            unit=told.unit(one.outcome),
            relative=_relative(one),
        )


def _relative(one: Effect) -> str:
    relative = one.difference.relative
    return f" [{'+' if relative > 0 else ''}{number(relative, 0)} %]" if relative == relative else ""


def scenarios(told: Telling) -> Section:
    """Get the scenarios and what differs between them in effect, with units."""
    words, found = told.words, told.found
    rows = tuple(row for one in told_variants(found) for row in _differences(told, one.name))
    columns = tuple(Column(words.say(f"column_{name}")) for name in ("scenario", "setting", "before", "after", "unit"))
    baseline = words.say(
        "baseline_is", title=told.variant(found.baseline.name), description=found.baseline.description
    ).strip()
    described = [f"{one.title}: {one.description}" for one in told_variants(found) if one.description]
    blocks: list[Block] = [Paragraph(baseline), *([Bullets(tuple(described))] if described else [])]
    blocks.append(Table(words.say("sheet_scenarios"), words.say("caption_scenarios"), columns, rows))
    if found.design is not None:
        blocks.append(_design(told))
    return Section("scenarios", words.say("title_scenarios"), tuple(blocks))


def _differences(told: Telling, name: str) -> Iterator[tuple[Cell, ...]]:
    """Get the rows of a variant: an intervention in one row, other settings one by one."""
    words, one = told.words, told.found.variants[told.found.position(name)]
    baseline = told.found.baseline
    title = told.variant(name)
    known = {made["id"] for made in baseline.interventions}
    for made in changed_interventions(one, baseline):
        there = any(kept["id"] == made["id"] for kept in one.interventions)
        before = words.say("there_other") if made["id"] in known else words.say("absent")
        yield (title, made["title"], before, _acting(told, made) if there else words.say("absent"), "")
    for found in one.differences:
        if not found["path"].startswith("interventions["):
            meaning = words.setting(found["path"], found["meaning"])
            yield title, meaning, _value(found["before"]), _value(found["after"]), words.unit(found["unit"])
    if not one.differences:
        yield title, words.say("no_difference"), "", "", ""


def _acting(told: Telling, made: Mapping[str, Any]) -> str:
    """Get what an intervention does, since when, where, and in which hours."""
    words = told.words
    effects = "; ".join(f"{words.driver(one['driver'], one['meaning'])} {_size(told, one)}" for one in made["effects"])
    end = words.say("for_good") if made["end"] is None else words.say("until", day=told.day(made["end"]))
    parts = [effects, words.say("since", day=told.day(made["start"])), end]
    if made["ramp_seconds"]:
        parts.append(words.say("ramp", days=number(made["ramp_seconds"] / DAY)))
    if made["strength"] != 1.0:
        parts.append(words.say("strength", strength=number(made["strength"])))
    if made["cities"] is not None:
        parts.append(", ".join(told.city(one) for one in made["cities"]))
    return ", ".join([*parts, *acting_where(told, made)])


def acting_where(told: Telling, made: Mapping[str, Any]) -> Iterator[str]:
    """Get the stations that an intervention is limited to, and the hours of the crews that it adds."""
    if made.get("stations"):
        yield told.words.say("only_at", stations=told.stations(made["stations"]))
    if made.get("hours"):
        begins, ends = made["hours"]
        yield told.words.say("only_in_hours", begins=f"{begins:02d}:00", ends=f"{ends:02d}:00")


def _size(told: Telling, effect: Mapping[str, Any]) -> str:
    if effect["way"] == "scale":
        return f"× {number(effect['size'])}"
    unit = "" if effect["unit"] == "1" else f" {told.words.unit(effect['unit'])}"
    return f"{'+' if effect['size'] > 0 else ''}{number(effect['size'])}{unit}"


def _value(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "–"
    return number(float(value)) if isinstance(value, int | float) else str(value)


def _design(told: Telling) -> Table:
    words, design = told.words, told.found.design
    assert design is not None  # noqa: S101 - asked for where there is one
    columns = (
        Column(words.say("column_factor")), Column(words.say("column_from"), number=True),
        Column(words.say("column_until"), number=True), Column(words.say("column_usual"), number=True),
    )  # fmt: skip
    rows = tuple(
        (
            words.setting(one.path, one.path),
            min(one.values) if one.values else one.low if one.low == one.low else _ends(design.rows, place)[0],
            max(one.values) if one.values else one.high if one.high == one.high else _ends(design.rows, place)[1],
            one.base,
        )
        for place, one in enumerate(design.factors)
    )
    caption = words.say("caption_design", kind=words.say(f"design_{design.kind}"), count=len(design.rows))
    return Table(words.say("sheet_design"), caption, columns, rows)


def _ends(rows: tuple[tuple[float, ...], ...], place: int) -> tuple[float, float]:
    column = [row[place] for row in rows]
    return min(column), max(column)


def target_name(told: Telling, target: Target) -> str:
    """Get what a target asks for."""
    if target.name:
        return target.name
    statistic = told.words.statistic(target.statistic, told.unit_of(target.indicator), _unit(told, target))
    side = told.words.say("at_most" if target.at_most else "at_least", bound=number(target.bound))
    return f"{told.words.indicator(target.indicator)}: {statistic} {side} {told.words.unit(_unit(told, target))}"


def _unit(told: Telling, target: Target) -> str:
    return target.statistic.unit(target.indicator, float(told.found.bucket))


def targets(told: Telling) -> Section | None:
    """Get the table of targets: the probability of each in every scenario, and whether that is enough."""
    answers, words = told.answers, told.words
    if not answers.targets:
        return None
    columns = (
        Column(words.say("column_target")),
        *((Column(words.say("column_city")),) if told.many_cities else ()),
        Column(words.say("column_scenario")),
        Column(words.say("column_number"), number=True, interval=True), Column(words.say("column_unit")),
        Column(words.say("column_probability"), number=True, interval=True, percent=True),
        Column(words.say("column_asked"), number=True), Column(words.say("column_verdict")),
    )  # fmt: skip
    rows = tuple(_target_row(told, one) for one in answers.targets)
    blocks: list[Block] = [Table(words.say("sheet_targets"), words.say("caption_targets"), columns, rows)]
    if answers.joint:
        lines = [
            words.say("joint", variant=told.variant(name), chance=told.interval(one, percent=True))
            for name, one in answers.joint.items()
        ]
        blocks.append(Bullets(tuple(lines)))
    for one, other in answers.contradicting:
        first, second = (target_name(told, told.found.targets[place]) for place in (one, other))
        blocks.append(Paragraph(words.say("contradiction", one=first, other=second), Tone.WARNING))
    sources = dict.fromkeys(f"{target_name(told, one)}: {one.source}" for one in told.found.targets if one.source)
    blocks.append(Bullets(tuple(sources)))
    return Section("targets", words.say("title_targets"), tuple(blocks))


def _target_row(told: Telling, one: Met) -> tuple[Cell, ...]:
    key = ("reached" if one.chance.reached else "missed") + ("_sure" if one.chance.sure else "_unsure")
    city = (told.city(one.target.city),) if told.many_cities else ()
    mark = (Verdict.BETTER if one.chance.reached else Verdict.WORSE) if one.chance.sure else Verdict.UNCLEAR
    return (
        target_name(told, one.target), *city, told.variant(one.variant), one.number,
        told.words.unit(_unit(told, one.target)), one.chance.probability,
        f"{one.target.probability:.0%}".replace("%", " %"), Judged(told.words.say(key), mark),
    )  # fmt: skip
