"""What the answers rest on: assumptions with their sources, entered and emergent effects, the runs themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collector.answers.breakeven import Why
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
from nakhon.reporting.effects import Conclusion, Turn, changed_interventions, entered_by_setting
from nakhon.reporting.material import told_variants
from nakhon.reporting.measures import LIMITS
from nakhon.reporting.opening import acting_where, target_name
from nakhon.reporting.telling import Telling

MOST_MARKS = 60
_METHODS = ("interval", "skewed", "band", "probability", "holm", "pairing", "places", "median")


def assumptions(told: Telling) -> Section:
    """Get the page of assumptions: what was put in, on what grounds, what emerged, where conclusions turn."""
    say = told.words.say
    blocks: list[Block] = [Paragraph(say("assumptions_intro"), Tone.QUIET), _entered(told)]
    if marks := _marks(told):
        blocks.append(marks)
    blocks += _turns(told)
    blocks += [Paragraph(say("parameters_intro"), Tone.QUIET), *_parameters(told)]
    return Section("assumptions", say("title_assumptions"), tuple(blocks))


def _entered(told: Telling) -> Table:
    """Get everything that was put into the scenarios, each with its source or marked as an assumption."""
    say = told.words.say
    columns = tuple(Column(say(f"column_{name}")) for name in ("scenario", "assumed", "enters", "ground", "source"))
    rows: list[tuple[Cell, ...]] = []
    for one in told_variants(told.found):
        title = told.variant(one.name)
        for made in changed_interventions(one, told.found.baseline):
            entered = dict.fromkeys(name for effect in made["effects"] for name in effect["enters"])
            drivers = "; ".join(told.words.driver(effect["driver"], effect["meaning"]) for effect in made["effects"])
            put_in = ", ".join([f"{made['title']}: {drivers}", *acting_where(told, made)])
            names = ", ".join(map(told.words.indicator, entered)) or say("enters_nothing")
            ground = say("ground_source") if made["source"] else say("ground_assumption")
            text = made["source"] or made["assumption"] or ""
            rows.append((title, put_in, names, ground, text))
        for found in one.differences:
            if found["path"].startswith(("assumptions.", "policies.")):
                meaning = told.words.setting(found["path"], found["meaning"])
                names = ", ".join(map(told.words.indicator, entered_by_setting(found["path"])))
                rows.append((title, meaning, names or say("enters_nothing"), say("ground_setting"), say("set_by_file")))
    return Table(say("sheet_assumptions"), say("caption_assumptions"), columns, tuple(rows))


def _marks(told: Telling) -> Table | None:
    """Get which clear effects were entered and which emerged."""
    say = told.words.say
    counted: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], None] = {}
    for one in told.answers.effects:
        if one.clear and not one.untouched:
            counted[one.variant, one.outcome.indicator, one.entered, one.entered_at] = None
    if not counted:
        return None
    columns = tuple(Column(say(f"column_{name}")) for name in ("scenario", "indicator", "origin", "through"))
    rows = tuple(
        (
            told.variant(name),
            told.words.indicator(identity),
            told.origin(entered, stations),
            ", ".join(_cause(told, name, one) for one in entered),
        )
        for name, identity, entered, stations in list(counted)[:MOST_MARKS]
    )
    return Table(say("sheet_marks"), say("caption_marks"), columns, rows)


def _cause(told: Telling, variant: str, identity: str) -> str:
    one = told.found.variants[told.found.position(variant)]
    for made in (*one.interventions, *told.found.baseline.interventions):
        if made["id"] == identity:
            return str(made["title"])
    return told.words.setting(identity, identity)


def _turns(told: Telling) -> Iterator[Block]:
    say = told.words.say
    if not told.answers.turns:
        return
    columns = (
        Column(say("column_scenario")), Column(say("column_conclusion")), Column(say("column_what")),
        Column(say("column_size"), number=True), Column(say("column_turn"), number=True, interval=True),
        Column(say("column_note")),
    )  # fmt: skip
    rows = tuple(_turn_row(told, one) for one in told.answers.turns)
    yield Paragraph(say("break_even_intro"), Tone.QUIET)
    yield Table(say("sheet_turns"), say("caption_turns"), columns, rows)


def _turn_row(told: Telling, one: Turn) -> tuple[Cell, ...]:
    axis, at = one.axis, one.at
    size = None if axis is None else one.assumed_size
    turn = at.interval if at is not None and at.found else None
    what = "" if axis is None else _axis(told, one)
    note = _why(told, one)
    cell: Cell = turn if turn is not None else Judged(None, Verdict.NONE)
    return told.variant(one.variant), _conclusion(told, one), what, size, cell, note


def _axis(told: Telling, one: Turn) -> str:
    axis = one.axis
    assert axis is not None  # noqa: S101 - asked for where there is one
    name = _cause(told, one.variant, axis.name)
    driver = told.words.driver(axis.driver, "") if axis.driver and "." not in axis.name else ""
    return f"{name}{f': {driver}' if driver else ''}{f' ({told.words.unit(axis.unit)})' if axis.unit else ''}"


def _conclusion(told: Telling, one: Turn) -> str:
    say = told.words.say
    if one.conclusion is Conclusion.TARGET and one.target is not None:
        return say("turn_target", target=target_name(told, one.target))
    if one.conclusion is Conclusion.COST:
        return say("turn_cost", outcome=told.outcome(one.outcome), rival=told.variant(one.rival))
    return say("turn_difference", outcome=told.outcome(one.outcome))


def _why(told: Telling, one: Turn) -> str:
    say = told.words.say
    if one.axis is None or one.at is None:
        return say("turn_several_things" if not one.rival or one.axis is None else "turn_no_cost")
    if one.only_none:
        return say("turn_only_none")
    low, high = number(one.axis.sizes[0]), number(one.axis.sizes[-1])
    between = say("turn_between", sizes=one.at.sizes, low=low, high=high)
    if one.at.found:
        return between
    return say(f"turn_{one.at.why.value}", low=low, high=high) if one.at.why is not Why.FOUND else between


def _parameters(told: Telling) -> Iterator[Block]:
    """Get where the parameters of the models come from, for the indicators that are told of."""
    say = told.words.say
    shown = list(dict.fromkeys(one.outcome.indicator for one in told.answers.effects if one.clear))
    for city in told.found.plan["cities"][:6]:
        by_origin: dict[str, list[str]] = {}
        for identity in shown:
            by_origin.setdefault(city["origins"].get(identity, "assumed"), []).append(told.words.indicator(identity))
        lines = [f"{say(f'origin_{origin}')}: {', '.join(names)}" for origin, names in sorted(by_origin.items())]
        yield Bullets(tuple(f"{city['name']} – {line}" for line in lines))
    yield Paragraph(say("parameters_where"), Tone.QUIET)
    limits = [f"{told.words.indicator(name)} > {limit:g}: {source}" for name, (limit, source) in LIMITS.items()]
    yield Bullets(tuple(limits))


def provenance(told: Telling) -> Section:
    """Get of what the figures were made, so that they can be made again."""
    say, found = told.words.say, told.found
    columns = (
        Column(say("column_scenario")), Column(say("column_name")), Column(say("column_replications"), number=True),
        Column(say("column_digest")),
    )  # fmt: skip
    rows = tuple((one.title or one.name, one.name, len(one.done), one.digest[:16]) for one in found.variants)
    records = list(found.records.values())
    plan = found.plan
    facts = (
        say("fact_experiment", name=plan["name"], scenario=plan["base"]),
        say("fact_replications", paired=len(found.paired), planned=plan["replications"]),
        say("fact_seed", seed=_listed(one.get("seed", plan["seed"]) for one in records)),
        say("fact_cadence", cadence=f"{plan['cadence_seconds']:,}", bucket=told.length(found.bucket),
            warm_up=number(plan["warm_up_seconds"] / 86_400)),
        say("fact_versions", nakhon=_listed(one.get("nakhon") for one in records),
            python=_listed(one.get("python") for one in records), numpy=_listed(one.get("numpy") for one in records)),
        say("fact_hosts", hosts=_listed(one.get("host") for one in records),
            hours=number(sum(float(one.get("seconds") or 0.0) for one in records) / 3_600)),
    )  # fmt: skip
    table = Table(say("sheet_provenance"), say("caption_provenance"), columns, rows)
    return Section("provenance", say("title_provenance"), (Bullets(facts), table))


def _listed(values: Iterable[object]) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values if value is not None)) or "–"


def reading(told: Telling) -> Section:
    """Get how to read the figures."""
    lines = tuple(
        told.words.say(f"reading_{name}", confidence=told.confidence, bucket=told.length(told.found.bucket))
        for name in _METHODS
    )
    return Section("reading", told.words.say("title_reading"), (Bullets(lines),))
