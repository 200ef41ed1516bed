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

from collector.comparing.comparison import Entry, Request, Verdict, reference_of
from collector.comparing.days import Days, by_day
from collector.comparing.difference import Difference, common, difference
from collector.comparing.scaling import Scale, unlike_populations
from collector.comparing.standing import Standing, standings
from collector.language.indicators import Better, Indicator


@dataclass(frozen=True, slots=True)
class Fairness:
    """Why some columns must not be ranked, and what was lifted to rank them."""

    refusals: tuple[str, ...]
    overrides: tuple[str, ...]


def fairness(entry: Indicator, entries: Sequence[Entry], scale: Scale, request: Request) -> Fairness:
    """The conditions on judging some columns of an indicator whose values are divided by a scale."""
    there = [one for one in entries if one.figures.n]
    refusals: list[str] = []
    overrides: list[str] = []
    if mixed := mixed_origins(there):
        (overrides if request.mixed_origins else refusals).append(mixed)
    if entry.extensive and scale is Scale.NONE and len({one.column.city for one in there}) > 1:
        refusals.append("it grows with the size of a city, so only figures per 100,000 inhabitants or per km² compare")
    if scale is Scale.INHABITANTS and (unlike := unlike_populations(there)):
        overrides.append(unlike)
    return Fairness(tuple(refusals), tuple(overrides))


def mixed_origins(entries: Sequence[Entry]) -> str | None:
    """Says that the columns are not known to be of one origin, if they are not."""
    origins = sorted({one.origin for one in entries})
    if len(entries) > 1 and (len(origins) > 1 or "unknown" in origins):
        return f"the columns are of mixed or unknown origin ({' and '.join(origins)})"
    return None


def judged(one: Entry, reference: Entry | None, entry: Indicator, scale: Scale, request: Request) -> Entry:
    """The column with its difference from the reference on their common buckets, and what that means."""
    if reference is None:
        return one
    left, right = common(one.clock, reference.clock)
    if not len(left):
        return one
    ratio_scale = entry.minimum >= 0 and not entry.ucum.startswith("dB")
    gap = difference(one.clock[left], one.values[left], reference.values[right], ratio_scale)
    fair = not fairness(entry, [one, reference], scale, request).refusals
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


def unjudged(entry: Indicator, entries: Sequence[Entry], scale: Scale, request: Request) -> list[str]:
    """Why columns have no verdict: a sentence each."""
    said = []
    for one in entries:
        reference = reference_of(one, entries)
        if reference is None:
            continue
        reasons = list(fairness(entry, [one, reference], scale, request).refusals)
        if one.difference is None:
            reasons = ["it has no bucket in common with the reference"]
        elif np.isnan(one.difference.low) and one.difference.why:
            reasons.append(f"the interval of its difference is {one.difference.why.said(one.difference.days)}")
        if one.figures.n and one.verdict in {None, Verdict.UNJUDGED}:
            said.append(f"{one.column.label}: not judged, for {'; '.join(reasons)}.")
    return said


def ranked(
    entry: Indicator, entries: list[Entry], scale: Scale, request: Request
) -> tuple[list[Entry], tuple[str, ...]]:
    """The columns with their ranks, or without and why; by the mean on the buckets common to all that have data."""
    there = [one for one in entries if one.figures.n]
    reasons = list(fairness(entry, there, scale, request).refusals)
    if entry.better is Better.TARGET:
        reasons.append("neither way is better")
    if len(there) < 2:
        reasons.append("fewer than two columns have data")
    shared = reduce(np.intersect1d, [one.clock for one in there]) if there else np.empty(0, np.int64)
    if len(there) > 1 and not len(shared):
        reasons.append("no bucket is common to all columns")
    if reasons:
        return entries, (f"Not ranked: {'; '.join(reasons)}.",)
    days = [by_day(shared, one.values[np.isin(one.clock, shared)], request.bucket) for one in there]
    means = [float(one.sums.sum() / one.counts.sum()) for one in days]
    sure = _sure(days, entry)
    sign = -1 if entry.better is Better.HIGHER else 1
    order = sorted(sign * mean for mean in means)
    places = {id(one): (1 + order.index(sign * mean), how) for one, mean, how in zip(there, means, sure, strict=True)}
    return [_placed(one, *places.get(id(one), (None, None))) for one in entries], ()


def _placed(one: Entry, rank: int | None, standing: Standing | None) -> Entry:
    return replace(one, rank=rank, standing=standing)


def _sure(days: Sequence[Days], entry: Indicator) -> Sequence[Standing | None]:
    sums, counts = (np.stack([getattr(one, name) for one in days], axis=1) for name in ("sums", "counts"))
    found = standings(sums, counts, higher_is_better=entry.better is Better.HIGHER)
    return found if found is not None else [None] * len(days)
