"""What the results of an experiment answer, as figures with their uncertainty and without words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from collector.answers.cost import CostPerUnit, cost_per_unit
from collector.answers.intervals import Floats, Interval, mean_interval
from collector.answers.multiple import chance_of_none, holm
from collector.answers.paired import Difference, paired_difference
from collector.answers.ranking import Place, ranking
from collector.answers.targets import Chance, Target, chance, contradictions, joint_chance
from collector.language.errors import InputError
from collector.language.indicators import Better
from nakhon.experimenting.reading import Results, VariantResult
from nakhon.reporting.effects import Turn, entered_at, entered_by, turns_of
from nakhon.reporting.factors import Sensitivity, sensitivities
from nakhon.reporting.material import ASKED_WITHOUT_TARGETS, Numbers, asked_outcomes, told_variants
from nakhon.reporting.measures import Outcome

LEAST = 2


@dataclass(frozen=True, slots=True)
class Effect:
    """What a variant changes in an outcome.

    `improvement` is None where neither way is better. `entered` are the assumptions that say this very change, none if
    it emerged from the models; `entered_at` the stations they are limited to, none where they hold for the whole city.
    `untouched` means the same to the last bit in every replication; `firm` that it can be
    told from none among all comparisons of the report at once.
    """

    variant: str
    outcome: Outcome
    difference: Difference
    improvement: Interval | None
    entered: tuple[str, ...]
    entered_at: tuple[str, ...]
    untouched: bool
    chance_of_none: float
    firm: bool = False

    @property
    def clear(self) -> bool:
        """Whether its interval excludes 0."""
        return self.difference.difference.clear


@dataclass(frozen=True, slots=True)
class Met:
    """A target in a variant: its probability, and the number that it bounds."""

    target: Target
    variant: str
    chance: Chance
    number: Interval


@dataclass(frozen=True, slots=True)
class Cost:
    """What a unit of an improvement costs in a variant; `amount` is what the variant costs more than the baseline."""

    variant: str
    outcome: Outcome
    amount: float
    currency: str
    improvement: Interval
    per_unit: CostPerUnit


@dataclass(frozen=True, slots=True)
class Ranked:
    """The variants (the baseline among them) in order of an outcome."""

    outcome: Outcome
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """All that is answered; `asked` are the outcomes that matter most, `comparisons` how many intervals were judged."""

    confidence: float
    replications: int
    asked: tuple[Outcome, ...]
    effects: tuple[Effect, ...]
    targets: tuple[Met, ...]
    joint: Mapping[str, Interval]
    contradicting: tuple[tuple[int, int], ...]
    rankings: tuple[Ranked, ...]
    sensitivities: tuple[Sensitivity, ...]
    costs: tuple[Cost, ...]
    turns: tuple[Turn, ...]
    numbers: Numbers

    @property
    def comparisons(self) -> int:
        """Get how many differences were judged: those that are not untouched."""
        return sum(not effect.untouched for effect in self.effects)

    def of(self, variant: str, outcome: Outcome) -> Effect | None:
        """Get the effect of a variant on an outcome."""
        return next((one for one in self.effects if one.variant == variant and one.outcome == outcome), None)


def answers(found: Results, numbers: Numbers, confidence: float = 0.95) -> Answers:
    """Get the answers. Raises `InputError` where fewer than two replications are finished in every variant."""
    if len(found.paired) < LEAST:
        raise InputError(
            f"{found.directory}: expected at least {LEAST} replications that every variant has finished, came "
            f"{len(found.paired)}; `nakhon experiment status` shows the runs, `nakhon experiment run` goes on with them"
        )
    told = told_variants(found)
    effects = _effects(found, numbers, told, confidence)
    asked = _asked(found, numbers, effects)
    met = _met(found, numbers, confidence)
    costs = _costs(found, effects, asked, told)
    return Answers(
        confidence,
        len(found.paired),
        asked,
        effects,
        met,
        _joint(found, numbers, confidence),
        _contradicting(found, met),
        _rankings(found, numbers, asked, told, confidence),
        sensitivities(found, numbers, asked, confidence),
        costs,
        turns_of(found, numbers, asked, {(one.variant, one.outcome): one.amount for one in costs}, confidence),
        numbers,
    )


def _effects(found: Results, numbers: Numbers, told: Sequence[VariantResult], confidence: float) -> tuple[Effect, ...]:
    made = [
        _effect(found, one, outcome, rows[found.position(one.name)], rows[0], confidence)
        for outcome, rows in numbers.items()
        for one in told
    ]
    judged = [place for place, one in enumerate(made) if not one.untouched]
    firm = holm(np.array([made[place].chance_of_none for place in judged]), confidence).tolist()
    sure = {place for place, yes in zip(judged, firm, strict=True) if yes}
    return tuple(replace(one, firm=place in sure) for place, one in enumerate(made))


def _effect(
    found: Results, variant: VariantResult, outcome: Outcome, ours: Floats, theirs: Floats, confidence: float
) -> Effect:
    difference = paired_difference(ours, theirs, confidence)
    change = ours - theirs
    untouched = not np.nan_to_num(change).any()
    return Effect(
        variant.name,
        outcome,
        difference,
        improved(outcome, difference.difference),
        entered_by(variant, found.baseline, outcome.city, outcome.indicator),
        entered_at(variant, found.baseline, outcome.city, outcome.indicator),
        untouched,
        chance_of_none(change),
    )


def improved(outcome: Outcome, difference: Interval) -> Interval | None:
    """Get a difference as an improvement (positive is better); None where neither way is better."""
    if outcome.better is Better.TARGET:
        return None
    return difference if outcome.better is Better.HIGHER else difference.turned()


def _asked(found: Results, numbers: Numbers, effects: Sequence[Effect]) -> tuple[Outcome, ...]:
    """Get the outcomes asked for; without any, those that the variants change most clearly, of different indicators."""
    asked = [one for one in asked_outcomes(found) if one in numbers]
    if asked:
        return tuple(asked)
    chosen: dict[str, Outcome] = {}
    for effect in sorted((one for one in effects if one.clear), key=strength, reverse=True):
        if effect.improvement is not None:
            chosen.setdefault(effect.outcome.indicator, effect.outcome)
    return tuple(chosen.values())[:ASKED_WITHOUT_TARGETS] or tuple(numbers)[:1]


def strength(effect: Effect) -> float:
    """Get how clear an effect is: its size in half-widths, infinite where every replication says the same."""
    one = effect.difference.difference
    if not np.isfinite(one.value) or one.value == 0.0:
        return 0.0
    return abs(one.value) / one.half_width if one.half_width > 0.0 else np.inf


def _met(found: Results, numbers: Numbers, confidence: float) -> tuple[Met, ...]:
    told = [found.baseline, *told_variants(found)]
    return tuple(
        Met(target, one.name, chance(target, outcome, confidence), mean_interval(outcome, confidence))
        for target in found.targets
        for one in told
        if (outcome := _of_target(found, numbers, target, one)) is not None
    )


def _of_target(found: Results, numbers: Numbers, target: Target, variant: VariantResult) -> Floats | None:
    rows = numbers.get(Outcome(target.city, target.indicator, target.statistic, found.bucket))
    return None if rows is None else np.asarray(rows[found.position(variant.name)])


def _joint(found: Results, numbers: Numbers, confidence: float) -> dict[str, Interval]:
    """Get the probability that all targets are met in the same replication, where there are several."""
    if len(found.targets) < LEAST:
        return {}
    made = {}
    for one in (found.baseline, *told_variants(found)):
        columns = [_of_target(found, numbers, target, one) for target in found.targets]
        if all(column is not None for column in columns):
            table = np.column_stack([column for column in columns if column is not None])
            made[one.name] = joint_chance(found.targets, table, confidence)
    return made


def _contradicting(found: Results, met: Sequence[Met]) -> tuple[tuple[int, int], ...]:
    reached = {(one.target, one.variant): one.chance.reached for one in met}
    told = list(dict.fromkeys(one.variant for one in met))
    if len(found.targets) < LEAST or len(told) < LEAST:
        return ()
    rows = [[reached.get((target, name), False) for target in found.targets] for name in told]
    return tuple(contradictions(np.array(rows, dtype=np.bool_)))


def _rankings(
    found: Results, numbers: Numbers, asked: Sequence[Outcome], told: Sequence[VariantResult], confidence: float
) -> tuple[Ranked, ...]:
    """Get the order of the variants by each outcome asked for that has a better way, where there are several."""
    if len(told) < LEAST:
        return ()
    names = [found.baseline.name, *(one.name for one in told)]
    rows = [found.position(name) for name in names]
    made = []
    for outcome in asked:
        table = numbers[outcome][rows].T
        if outcome.better is not Better.TARGET and np.isfinite(table).all(axis=1).sum() >= LEAST:
            higher = outcome.better is Better.HIGHER
            places = ranking(names, table, higher_is_better=higher, confidence=confidence)
            made.append(Ranked(outcome, tuple(places)))
    return tuple(made)


def _costs(
    found: Results, effects: Sequence[Effect], asked: Sequence[Outcome], told: Sequence[VariantResult]
) -> tuple[Cost, ...]:
    currency = next((one.currency for one in found.costs), "")
    known = {(effect.variant, effect.outcome): effect for effect in effects}
    return tuple(
        Cost(one.name, outcome, one.cost, currency, gain, cost_per_unit(one.cost, gain))
        for outcome in asked
        for one in told
        if one.cost is not None and (gain := known[one.name, outcome].improvement) is not None
    )
