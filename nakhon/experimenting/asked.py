"""What an experiment file asks of the results: targets, and what variants cost."""

from __future__ import annotations

from collections.abc import Sequence

from collector.answers.targets import Target
from collector.answers.totals import Kind, Statistic, weight
from nakhon.experimenting.plan import Cost, DesignPlan, Variant
from simulator.cities import UnknownNameError, describe_unknown
from simulator.experiment import measured
from simulator.scenario import Scenario
from simulator.scenario_file import TEXT, Expected, Table, number

NUMBER = number(-1e12, 1e12)
COUNTS = {"count_over": Kind.COUNT_OVER, "count_under": Kind.COUNT_UNDER}
STATISTICS = ("total", "mean", "median", "p95")
OF_A_NUMBER = ("indicator", "city", "statistic", *COUNTS)


def asked_numbers(entry: Table, base: Scenario, *others: str) -> tuple[str, str, Statistic] | None:
    """The indicator, the city and the statistic that a table asks for; what is wrong is noted."""
    entry.allow(*OF_A_NUMBER, *others)
    city = entry.take("city", one_of("city of this scenario", base.cities), "", required=True)
    known = measured(base, city) if city else []
    indicator = entry.take("indicator", one_of("indicator measured there", known), "", required=True) if known else ""
    given = [name for name in ("statistic", *COUNTS) if name in entry]
    if len(given) != 1:
        said = " and ".join(given) or "none"
        entry.note("statistic", f"expected one of statistic, count_over and count_under, came {said}")
        return None
    if given[0] in COUNTS:
        statistic = Statistic(COUNTS[given[0]], entry.take(given[0], NUMBER, 0.0))
    else:
        name = entry.take("statistic", one_of("statistic", STATISTICS), "")
        statistic = Statistic(Kind(name or "mean"))
    if indicator and statistic.kind is Kind.TOTAL:
        try:
            weight(indicator, 86_400.0)
        except ValueError as error:
            entry.note("statistic", str(error))
    return (indicator, city, statistic) if city and indicator else None


def read_targets(table: Table, base: Scenario) -> tuple[Target, ...]:
    """The targets of an experiment file."""
    found = [_target(entry, base) for entry in table.tables("targets")]
    return tuple(one for one in found if one is not None)


def _target(entry: Table, base: Scenario) -> Target | None:
    numbers = asked_numbers(entry, base, "name", "at_most", "at_least", "probability", "source")
    name, source = entry.take("name", TEXT, ""), entry.take("source", TEXT, "", required=True)
    probability = entry.take("probability", number(0.001, 0.999), 0.8)
    bounds = [key for key in ("at_most", "at_least") if key in entry]
    if len(bounds) != 1:
        entry.note("at_most", f"expected either at_most or at_least, came {'both' if bounds else 'neither'}")
        return None
    bound = entry.take(bounds[0], NUMBER, 0.0)
    if numbers is None:
        return None
    return Target(*numbers, bound, bounds[0] == "at_most", probability, source, name)


def read_costs(table: Table, variants: Sequence[Variant], design: DesignPlan | None) -> tuple[Cost, ...]:
    """What variants, or units of factors, cost; all in one currency."""
    factors = [factor.path for factor in design.factors] if design else []
    found = [_cost(entry, [one.name for one in variants], factors) for entry in table.tables("costs")]
    if len({one.currency for one in found}) > 1:
        table.note("costs", f"expected one currency, came {' and '.join(sorted({one.currency for one in found}))}")
    return tuple(found)


def _cost(entry: Table, variants: Sequence[str], factors: Sequence[str]) -> Cost:
    entry.allow("variant", "factor", "amount", "quantity", "per", "currency", "source", "assumption")
    for pair in (("variant", "factor"), ("source", "assumption")):
        if sum(key in entry for key in pair) != 1:
            entry.note(pair[0], f"expected either {pair[0]} or {pair[1]}")
    return Cost(
        entry.take("variant", one_of("variant", variants), "") or None,
        entry.take("factor", one_of("factor", factors), "") or None,
        entry.take("amount", NUMBER, 0.0, required=True),
        entry.take("quantity", NUMBER, 1.0),
        entry.take("per", TEXT, ""),
        entry.take("currency", TEXT, "", required=True),
        entry.take("source", TEXT, "") or None,
        entry.take("assumption", TEXT, "") or None,
    )


def cost_of(costs: Sequence[Cost], variant: Variant, design: DesignPlan | None) -> float | None:
    """What a variant costs more than the baseline, None where nothing was declared for it."""
    found = [one.amount * one.quantity for one in costs if one.variant == variant.name]
    for factor in design.factors if design else ():
        value = variant.settings.get(factor.path)
        if isinstance(value, int | float) and value == value and factor.base == factor.base:
            found += [one.amount * one.quantity * (value - factor.base) for one in costs if one.factor == factor.path]
    return float(sum(found)) if found else None


def one_of(what: str, known: Sequence[str]) -> Expected[str]:
    """The kind of a name that must be among known ones; others are answered with the nearest."""

    def read(given: object) -> str:
        if not isinstance(given, str):
            raise TypeError
        if given not in known:
            raise UnknownNameError(describe_unknown(what, given, known))
        return given

    return Expected(f"a {what}", read)
