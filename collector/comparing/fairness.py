"""Which way a difference points, who comes first, and when neither may be said.

A verdict on two columns is a ranking of two: both follow the same conditions. Measured and simulated values are not
ranked against each other, and what grows with the size of a city is ranked per 100,000 inhabitants, on populations
that count the same thing. The first and the last can be lifted on request, and the outcome then says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from collector.comparing.comparison import Entry, Request, Verdict
from collector.comparing.difference import Clock, Difference, common, difference
from collector.language.indicators import Better, Indicator

_INHABITANTS = 100_000


@dataclass(frozen=True, slots=True)
class Fairness:
    """Why some columns must not be ranked, and what was lifted to rank them."""

    refusals: tuple[str, ...]
    overrides: tuple[str, ...]


def fairness(entry: Indicator, entries: Sequence[Entry], scaled: bool, request: Request) -> Fairness:
    """The conditions on judging some columns of an indicator; `scaled` if their values are per 100,000 inhabitants."""
    there = [one for one in entries if one.figures.n]
    refusals: list[str] = []
    overrides: list[str] = []
    if mixed := mixed_origins(there):
        (overrides if request.mixed_origins else refusals).append(mixed)
    if entry.extensive and not scaled and len({one.column.city for one in there}) > 1:
        refusals.append("it grows with the size of a city, so only figures per 100,000 inhabitants compare")
    if scaled and (unlike := unlike_populations(there)):
        overrides.append(unlike)
    return Fairness(tuple(refusals), tuple(overrides))


def mixed_origins(entries: Sequence[Entry]) -> str | None:
    """Says that the columns are not known to be of one origin, if they are not."""
    origins = sorted({one.origin for one in entries})
    if len(entries) > 1 and (len(origins) > 1 or "unknown" in origins):
        return f"the columns are of mixed or unknown origin ({' and '.join(origins)})"
    return None


def unlike_populations(entries: Sequence[Entry]) -> str | None:
    """Says that the populations of different cities are not known to count the same thing, if they are not."""
    kinds = {(one.column.city, one.column.population_kind or "unknown"): one.column.name for one in entries}
    known = {kind for _, kind in kinds} - {"unknown"}
    if len(kinds) < 2 or (len(known) == 1 and all(kind in known for _, kind in kinds)):
        return None
    told = "; ".join(f"{name}: {kind}" for (_, kind), name in kinds.items())
    return f"the populations are not known to be of one kind ({told})"


def unscalable(entries: Sequence[Entry], request: Request) -> str | None:
    """Why values cannot be shown per inhabitant; None if they can."""
    if unknown := sorted({one.column.name for one in entries if not one.column.population}):
        return f"the population of {', '.join(unknown)} is unknown"
    return None if request.unlike_populations else unlike_populations(entries)


def per_inhabitants(entry: Entry) -> Entry:
    """The values per 100,000 inhabitants of their city."""
    return replace(entry, values=entry.values * (_INHABITANTS / (entry.column.population or np.nan)))


def judged(one: Entry, reference: Entry, entry: Indicator, scaled: bool, request: Request) -> Entry:
    """The column with its difference from the reference on their common buckets, and what that means."""
    left, right = common(one.clock, reference.clock)
    if not len(left):
        return one
    ratio_scale = entry.minimum >= 0 and not entry.ucum.startswith("dB")
    gap = difference(one.clock[left], one.values[left], reference.values[right], ratio_scale)
    fair = not fairness(entry, [one, reference], scaled, request).refusals
    return replace(one, difference=gap, verdict=_verdict(gap, entry.better, fair))


def _verdict(gap: Difference, better: Better, fair: bool) -> Verdict:
    if np.isnan(gap.low):
        return Verdict.UNJUDGED
    if not gap.clear:
        return Verdict.UNCLEAR
    if better is Better.TARGET:
        return Verdict.NEITHER
    if not fair:
        return Verdict.UNJUDGED
    return Verdict.BETTER if (gap.mean > 0) == (better is Better.HIGHER) else Verdict.WORSE


def unjudged(entry: Indicator, entries: Sequence[Entry], scaled: bool, request: Request) -> list[str]:
    """Why columns have no verdict: a sentence each."""
    said = []
    for one in entries[1:]:
        reasons = list(fairness(entry, [one, entries[0]], scaled, request).refusals)
        if one.difference is None:
            reasons = ["it has no bucket in common with the reference"]
        elif np.isnan(one.difference.low):
            reasons.append("too few buckets are common with the reference")
        if one.figures.n and one.verdict in {None, Verdict.UNJUDGED}:
            said.append(f"{one.column.label}: not judged, for {'; '.join(reasons)}.")
    return said


def ranked(
    entry: Indicator, entries: list[Entry], scaled: bool, request: Request
) -> tuple[list[Entry], tuple[str, ...]]:
    """The columns with their ranks, or without and why; by the mean on the buckets common to all that have data."""
    there = [one for one in entries if one.figures.n]
    reasons = list(fairness(entry, there, scaled, request).refusals)
    if entry.better is Better.TARGET:
        reasons.append("neither way is better")
    if len(there) < 2:
        reasons.append("fewer than two columns have data")
    shared = reduce(np.intersect1d, [one.clock for one in there]) if there else np.empty(0, np.int64)
    if len(there) > 1 and not len(shared):
        reasons.append("no bucket is common to all columns")
    if reasons:
        return entries, (f"Not ranked: {'; '.join(reasons)}.",)
    means = {id(one): _mean_on(one, shared) for one in there}
    sign = -1 if entry.better is Better.HIGHER else 1
    order = sorted(sign * mean for mean in means.values())
    return [replace(o, rank=1 + order.index(sign * means[id(o)])) if id(o) in means else o for o in entries], ()


def _mean_on(one: Entry, shared: Clock) -> float:
    return float(one.values[np.isin(one.clock, shared)].mean())
